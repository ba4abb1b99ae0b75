"""What the user says about a scan where its file does not, or says wrongly. Free of Qt."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.angles import RADIANS, retaken
from napari_padis.scan.projections import PER_VIEW, Projections

#: Where view angles come from.
FILE, EVEN, LIST = "file", "even", "list"

#: What is asked for, in words.
WORDS = {
    "beam": "the beam",
    "angles": "the view angles",
    "detector_pitch": "the detector pitch",
    "source_origin": "the distance from source to axis",
    "source_detector": "the distance from source to detector",
}


@dataclass(frozen=True)
class Answers:
    """Geometry as far as the user has settled it.

    Parameters
    ----------
    contents : str, optional
        What the values are; None keeps what the reader says.
    beam : {'parallel', 'fan'} or None
    angles_from : {'file', 'even', 'list'}
    first, arc : float
        Evenly spaced views: first angle and arc in degrees.
    closed : bool
        Whether the last view lies at the end of the arc, not one step before it.
    angles : ndarray, optional
        Angles in radians read from a list.
    list_unit : str
        Unit in which that list was taken to state them.
    angle_unit : {'degrees', 'radians'} or None
        Unit of the angles of the file or the list; None keeps what the reader says.
    reverse : bool
        Whether the angles count in the opposite sense of rotation.
    detector_pitch, source_origin, source_detector : float, optional
        In mm; None while unknown.
    flats, darks : ndarray, shape (n, rows, bins), optional
        Detector images read from files of their own; None keeps those of the scan's file.
    """

    contents: str | None = None
    beam: str | None = None
    angles_from: str = FILE
    first: float = 0.0
    arc: float = 180.0
    closed: bool = False
    angles: NDArray[np.float64] | None = None
    list_unit: str = RADIANS
    angle_unit: str | None = None
    reverse: bool = False
    detector_pitch: float | None = None
    source_origin: float | None = None
    source_detector: float | None = None
    flats: NDArray[Any] | None = None
    darks: NDArray[Any] | None = None

    @classmethod
    def of(cls, projections: Projections) -> Answers:
        """What the file says."""
        return cls(
            contents=projections.contents,
            beam=projections.beam,
            arc=360.0 if projections.beam == "fan" else 180.0,
            detector_pitch=projections.detector_pitch,
            source_origin=projections.source_origin,
            source_detector=projections.source_detector,
        )

    def applied(self, projections: Projections) -> Projections:
        """The scan with these answers in place of what its file states.

        Raises
        ------
        InputError
            If there are more or fewer angles than views.
        """
        views = projections.shape[0]
        angles = self.view_angles(projections)
        if angles is not None and len(angles) != views:
            raise InputError(
                f"The list has {len(angles)} angles, but '{projections.name}' has {views} views; "
                "choose another list."
            )
        fan = self.beam == "fan"
        return replace(
            with_images(projections, self.flats, self.darks),
            contents=self.contents or projections.contents,
            beam=self.beam,
            angles=angles,
            detector_pitch=self.detector_pitch,
            source_origin=self.source_origin if fan else None,
            source_detector=self.source_detector if fan else None,
        )

    def view_angles(self, projections: Projections) -> NDArray[np.float64] | None:
        """Angles in radians, or None while they are unknown."""
        views = projections.shape[0]
        taken = self.list_unit
        if self.angles_from == FILE:
            angles, taken = projections.angles, projections.metadata.get("angle_unit", RADIANS)
        elif self.angles_from == EVEN:
            intervals = max(1, views - 1) if self.closed else views
            angles = np.deg2rad(self.first + np.arange(views) * (self.arc / intervals))
        else:
            angles = self.angles
        if angles is not None and self.angle_unit is not None and self.angles_from != EVEN:
            angles = retaken(angles, taken, self.angle_unit)
        return -angles if self.reverse and angles is not None else angles

    def same(self, other: Answers) -> bool:
        """Whether two sets of answers agree (lists of angles by identity)."""
        pairs = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return all(a is b if isinstance(a, np.ndarray) else a == b for a, b in pairs)


def with_images(
    projections: Projections, flats: NDArray[Any] | None, darks: NDArray[Any] | None
) -> Projections:
    """The scan with other flat or dark images, where there are any."""
    metadata = dict(projections.metadata)
    if flats is not None:
        # A blank scan has one image per view; repeated flat fields are some or one.
        each = flats.shape == projections.shape and projections.shape[0] > 1
        metadata["flats"] = PER_VIEW if each else "repeated"
    return replace(
        projections,
        flats=projections.flats if flats is None else flats,
        darks=projections.darks if darks is None else darks,
        metadata=metadata,
    )


def needed(scan: Projections) -> tuple[str, ...]:
    """What must still be said; a parallel beam does without the length of a bin."""
    optional = {"detector_pitch"} if scan.beam == "parallel" else set()
    return tuple(name for name in scan.missing if name not in optional)


def question(scan: Projections) -> str:
    """What is missing as one sentence; empty when nothing is."""
    words = [WORDS.get(name, name) for name in needed(scan)]
    if words:
        listed = words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
        return f"The file does not state {listed}: please fill in."
    if scan.missing:
        return "The file does not state the detector pitch; without it the image has no unit."
    return ""
