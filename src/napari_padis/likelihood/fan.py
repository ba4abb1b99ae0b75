"""Fan-beam CT of stacks of slices."""

from __future__ import annotations

from napari_padis.likelihood.planar import PlanarBeam
from napari_padis.scan.geometry import FanGeometry


class FanBeam(PlanarBeam):
    """Line integrals of attenuation slices from a point source, on a flat or curved detector.

    ``A`` maps attenuation in 1/mm, shape (..., rows, columns), to dimensionless line
    integrals, shape (..., views, bins); ``AT`` is its Euclidean transpose and ``pinv``
    filtered back-projection of full and short scans. Parameters and errors are those of
    :class:`PlanarBeam`.
    """

    geometry: FanGeometry
