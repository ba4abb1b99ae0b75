"""Procedural phantoms: a head of ellipsoids and a torso in Hounsfield units."""

from napari_padis.scan.phantoms.shepp_logan import shepp_logan_3d
from napari_padis.scan.phantoms.torso import torso

__all__ = ["shepp_logan_3d", "torso"]
