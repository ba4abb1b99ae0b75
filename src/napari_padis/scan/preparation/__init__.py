"""From raw projections to a measurement of line integrals."""

from napari_padis.scan.preparation.centre import find_centre, find_fan_centre
from napari_padis.scan.preparation.prepare import prepare
from napari_padis.scan.preparation.settings import Preparation

__all__ = ["Preparation", "find_centre", "find_fan_centre", "prepare"]
