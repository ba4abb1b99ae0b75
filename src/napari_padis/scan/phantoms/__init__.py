"""Procedural phantoms: a head of ellipsoids, a torso in Hounsfield units, random ellipses."""

from napari_padis.scan.phantoms.ellipses import random_ellipses
from napari_padis.scan.phantoms.shepp_logan import shepp_logan_3d
from napari_padis.scan.phantoms.torso import torso

__all__ = ["random_ellipses", "shepp_logan_3d", "torso"]
