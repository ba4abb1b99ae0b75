"""Raw measured projections, before they are turned into line integrals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError

#: What the values of raw projections are.
CONTENTS = ("counts", "transmission", "line integrals")


#: Value of the entry 'flats' in the metadata of projections with one flat field per view.
PER_VIEW = "one per view"


@dataclass(frozen=True)
class Projections:
    """A scan as a beamline or a laboratory system stores it.

    Parameters
    ----------
    data : array-like, shape (views, rows, bins)
        May be a lazily read HDF5 dataset: it is only ever sliced.
    angles : ndarray, shape (views,), optional
        View angles in radians; None when the file does not state them.
    contents : {'counts', 'transmission', 'line integrals'}
        Detector counts, transmission in [0, 1], or line integrals (after the logarithm).
    flats, darks : ndarray, shape (n, rows, bins), optional
        Detector images without object, and without beam.
    beam : {'parallel', 'fan'} or None
        None when the file does not say.
    detector_pitch : float, optional
        Distance of neighbouring bins in mm.
    source_origin, source_detector : float, optional
        Distances in mm for a fan.
    centre : float, optional
        Detector bin (counted from 0) that sees the rotation axis, if the file states it.
    name : str
    notes : tuple of str
        What the reader noticed.
    metadata : mapping
        Whatever else the file said.
    """

    data: Any
    angles: NDArray[np.float64] | None = None
    contents: str = "counts"
    flats: NDArray[Any] | None = None
    darks: NDArray[Any] | None = None
    beam: str | None = None
    detector_pitch: float | None = None
    source_origin: float | None = None
    source_detector: float | None = None
    centre: float | None = None
    name: str = "projections"
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = tuple(self.data.shape)
        if len(shape) != 3 or min(shape) < 1:
            raise InputError(
                f"Projections need the axes (views, rows, bins); '{self.name}' has shape {shape}."
            )
        if self.contents not in CONTENTS:
            raise InputError(f"Unknown contents '{self.contents}'; use {', '.join(CONTENTS)}.")
        if self.angles is not None and np.shape(self.angles) != shape[:1]:
            raise InputError(
                f"'{self.name}' has {shape[0]} views but {np.size(self.angles)} angles."
            )
        for what in ("flats", "darks"):
            image = getattr(self, what)
            if image is not None and (image.ndim != 3 or image.shape[1:] != shape[1:]):
                raise InputError(
                    f"The {what} of '{self.name}' have shape {image.shape}; "
                    f"(n, {shape[1]}, {shape[2]}) is needed."
                )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Views, rows and bins."""
        return tuple(self.data.shape)

    @property
    def missing(self) -> tuple[str, ...]:
        """What has to be asked for before a measurement can be made of it."""
        wanted = ["beam", "angles", "detector_pitch"]
        if self.beam == "fan":
            wanted += ["source_origin", "source_detector"]
        return tuple(name for name in wanted if getattr(self, name) is None)
