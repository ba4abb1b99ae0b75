"""What is known of a scan after the user has filled the gaps, and the final geometry."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.angles import RADIANS, retaken
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry
from napari_padis.scan.preparation.opposite import is_full_turn
from napari_padis.scan.preparation.selection import binned_position
from napari_padis.scan.preparation.settings import Preparation
from napari_padis.scan.projections import Projections

_OVERRIDES = ("beam", "detector_pitch", "source_origin", "source_detector")

_WORDS = {
    "beam": "its beam (parallel or fan)",
    "angles": "its view angles (the range in degrees, or a list)",
    "detector_pitch": "its detector pitch (mm)",
    "source_origin": "the distance of source and rotation axis (mm)",
    "source_detector": "the distance of source and detector (mm)",
}


def completed(projections: Projections, preparation: Preparation) -> Projections:
    """The projections with what the preparation says in place of, or beside, the file."""
    given = {n: v for n in _OVERRIDES if (v := getattr(preparation, n)) is not None}
    if preparation.angle_unit is not None and projections.angles is not None:
        given |= in_unit(projections, preparation.angle_unit)
    if preparation.angles_range is not None:
        first, last = np.deg2rad(preparation.angles_range)
        given["angles"] = np.linspace(first, last, projections.shape[0], endpoint=False)
    return replace(projections, **given)


def in_unit(projections: Projections, unit: str) -> dict[str, Any]:
    """Angles and metadata of the projections if their file states angles in this unit."""
    assert projections.angles is not None
    taken = str(projections.metadata.get("angle_unit", RADIANS))
    angles = retaken(projections.angles, taken, unit)
    return {"angles": angles, "metadata": {**projections.metadata, "angle_unit": unit}}


def still_missing(projections: Projections, preparation: Preparation) -> tuple[str, ...]:
    """What has to be said before a measurement can be made.

    A parallel beam does without the detector pitch: the image then has no physical unit.
    """
    known = completed(projections, preparation)
    return tuple(n for n in known.missing if n != "detector_pitch" or known.beam == "fan")


def check_complete(projections: Projections, preparation: Preparation) -> None:
    """Raise InputError that names what is missing."""
    if absent := still_missing(projections, preparation):
        what = " and ".join(_WORDS[name] for name in absent)
        raise InputError(f"'{projections.name}' does not state {what}; give it.")


@dataclass(frozen=True)
class Detector:
    """Detector after selection and averaging.

    Parameters
    ----------
    bins : int
    centre : float
        Bin that sees the rotation axis.
    rows : ndarray
        Rows of the file that were kept.
    """

    bins: int
    centre: float
    rows: NDArray[np.intp]


def final_geometry(
    projections: Projections,
    preparation: Preparation,
    angles: NDArray[np.float64],
    detector: Detector,
) -> ParallelGeometry | FanGeometry:
    """Geometry of the prepared data; ``projections`` are the completed ones."""
    pitch = (projections.detector_pitch or 1.0) * preparation.binning
    fan = projections.beam == "fan"
    magnification = 1.0
    if fan:
        assert projections.source_origin is not None
        assert projections.source_detector is not None
        magnification = projections.source_detector / projections.source_origin
    pixel = preparation.pixel or pitch / magnification
    shift = ((detector.bins - 1) / 2 - detector.centre) * pitch
    side = preparation.image_side or _side(projections, preparation, angles, detector, pitch, pixel)
    row = preparation.row_pitch or projections.detector_pitch or 1.0
    rows = detector.rows
    step = float(np.median(np.diff(rows))) if len(rows) > 1 else 1.0
    spacing = row * step * preparation.row_binning / magnification
    common: dict[str, Any] = {
        "angles": angles,
        "detectors": detector.bins,
        "detector_pitch": pitch,
        "image_shape": (side, side),
        "pixel": (pixel, pixel),
        "slice_spacing": spacing,
        "shift": shift,
    }
    if not fan:
        return ParallelGeometry(**common)
    common["source_origin"] = projections.source_origin
    common["source_detector"] = projections.source_detector
    return FanGeometry(**common)


def _side(
    projections: Projections,
    preparation: Preparation,
    angles: NDArray[np.float64],
    detector: Detector,
    pitch: float,
    pixel: float,
) -> int:
    """Rows and columns of the image: as the file's makers chose, else what the views cover.

    Over a full turn every ray is met again from the other end, so that the field of view is
    a circle whose radius is the larger distance from the axis to an end of the detector
    (half acquisitions have the axis near one end). Over less than that all views see the
    circle with the smaller distance only; the image then has the width of the detector,
    because parts of an object beyond that circle are seen in some of the views, and what is
    left out of the image would be counted to the rest.
    """
    stated = projections.metadata.get("image_side")
    if isinstance(stated, int) and preparation.pixel is None:
        return max(1, stated // preparation.binning)
    scale = 1.0
    if projections.beam == "fan":
        assert projections.source_origin is not None
        assert projections.source_detector is not None
        scale = projections.source_origin / projections.source_detector
    width = float(detector.bins)
    if is_full_turn(angles):
        width = 2 * max(detector.centre + 0.5, detector.bins - 0.5 - detector.centre)
    return max(1, round(width * pitch * scale / pixel))


def stated_centre(projections: Projections, preparation: Preparation) -> float:
    """Centre of the settings or the file, else the middle of the detector; in raw bins.

    Raises
    ------
    InputError
        If it lies outside the detector.
    """
    bins = projections.shape[2]
    given = preparation.centre if isinstance(preparation.centre, float) else projections.centre
    centre = (bins - 1) / 2 if given is None else float(given)
    if not 0 <= centre <= bins - 1:
        raise InputError(
            f"The rotation axis is at bin {centre:g}, outside the detector (0 to {bins - 1})."
        )
    return centre


def centre_after(centre: float, binning: int) -> float:
    """The centre in averaged bins."""
    return binned_position(centre, binning)
