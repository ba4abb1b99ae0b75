"""How data arise from an image: plain, immutable descriptions stored with every measurement.

One class per kind of measurement. ``likelihood.build`` turns each into a linear map.
"""

from napari_padis.scan.geometry.base import Geometry, from_dict
from napari_padis.scan.geometry.cartesian import CartesianGeometry
from napari_padis.scan.geometry.cone import ConeGeometry
from napari_padis.scan.geometry.fan import FanGeometry
from napari_padis.scan.geometry.image import (
    BlurGeometry,
    DenoiseGeometry,
    DownsampleGeometry,
    MaskGeometry,
)
from napari_padis.scan.geometry.parallel import ParallelGeometry

__all__ = [
    "BlurGeometry",
    "CartesianGeometry",
    "ConeGeometry",
    "DenoiseGeometry",
    "DownsampleGeometry",
    "FanGeometry",
    "Geometry",
    "MaskGeometry",
    "ParallelGeometry",
    "from_dict",
]
