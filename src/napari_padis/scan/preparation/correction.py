"""From detector counts of some rows to their sinograms of line integrals."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.preparation.defects import (
    MOST_MOTION,
    bridge,
    dead_bins,
    fill,
    motion,
    remove_outliers,
)
from napari_padis.scan.preparation.rings import fitting_size, remove_offsets, remove_stripes
from napari_padis.scan.preparation.selection import average
from napari_padis.scan.preparation.settings import Preparation
from napari_padis.scan.projections import PER_VIEW, Projections

Array = NDArray[np.float32]

#: Transmission is raised to this before the logarithm when nothing better is known.
_DARKEST = 1e-5
#: More rays without light than these mean that the data are no transmission.
_MOST_DARK = 0.5
#: Share of the bins, on either side, that see air where there are no flat fields.
_AIR = 0.02


@dataclass
class Correction:
    """Corrects one detector row after the other, and counts what it had to do.

    Parameters
    ----------
    projections : Projections
        With everything that is needed of the geometry.
    preparation : Preparation
    angles : ndarray, shape (all views,)
        In radians.
    views : ndarray of int
        The views that are corrected.
    photons : float, optional
        Per bin without the object.
    """

    projections: Projections
    preparation: Preparation
    angles: NDArray[np.float64]
    views: NDArray[np.intp]
    photons: float | None = None
    counted: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        flats, darks = self.projections.flats, self.projections.darks
        self._dark = None if darks is None else mean_image(darks)
        self._reach = motion(self.angles[self.views], self.projections.shape[2])
        # Offsets cannot be told from the object in less.
        bins = self.projections.shape[2] // self.preparation.binning
        self._rings = self.preparation.rings and len(self.views) > 2 and bins > 2
        self._flat: Array | None = None
        if flats is not None:
            # A blank scan has one image per view, in the order of the views.
            blank = self.projections.metadata.get("flats") == PER_VIEW
            self._flat = (
                np.asarray(flats, np.float32)[self.views] if blank else mean_image(flats)[None]
            )
            if self._dark is not None:
                self._flat = self._flat - self._dark

    @property
    def logarithm(self) -> bool:
        """Whether the values are turned into line integrals by a logarithm."""
        wanted = self.preparation.logarithm
        return self.projections.contents != "line integrals" if wanted == "auto" else wanted

    def sinogram(self, raw: NDArray[Any], row: int) -> Array:
        """Line integrals (views, bins) of a detector row as measured (views, bins)."""
        settings = self.preparation
        values = np.asarray(raw, dtype=np.float32)
        flat = None
        if self.projections.contents == "counts" and self.logarithm:
            if self._dark is not None:
                values = values - self._dark[row]
            flat = None if self._flat is None else self._flat[:, row]
            if flat is not None and not (flat > 0).any():
                raise InputError(
                    f"The flat fields of '{self.projections.name}' are nowhere brighter than the "
                    "dark fields; check which is which."
                )
        values = self._without_defects(values, flat)
        values = average(values, settings.binning, 1)
        if self.logarithm:
            values = self._minus_logarithm(values)
        if self._rings:
            remove = remove_offsets if settings.ring_strength == "gentle" else remove_stripes
            values = remove(values, fitting_size(settings.ring_size, values.shape[1]))
        return values

    def _without_defects(self, values: Array, flat: Array | None) -> Array:
        dead = None
        if self.preparation.bad_pixels and self.projections.contents != "line integrals":
            dead = dead_bins(None if flat is None else flat.mean(axis=0), values)
        if flat is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                values = values / flat
        if dead is not None and dead.any():
            values = bridge(values, dead)
            self.counted["dead bins"] += int(dead.sum())
        if not self.preparation.bad_pixels:
            if not np.isfinite(values).all():
                raise InputError(
                    f"'{self.projections.name}' has values that are not finite, or flat fields "
                    "of zero; let bad pixels be replaced."
                )
            return values
        values, count = fill(values, self.projections.name)
        self.counted["values that were not finite"] += count
        if self._reach <= MOST_MOTION:
            values, count = remove_outliers(values, self._reach)
            self.counted["outliers"] += count
        return values

    def _minus_logarithm(self, values: Array) -> Array:
        if self.projections.contents == "counts" and self._flat is None:
            values = values / self._air(values)
        darkest = _DARKEST if self.photons is None else 0.5 / self.photons
        dark = values < darkest
        if dark.mean() > _MOST_DARK:
            raise InputError(
                f"{dark.mean():.0%} of the rays of '{self.projections.name}' have no light; check "
                "the flat and dark fields, and whether the values are line integrals already."
            )
        self.counted["rays without light"] += int(dark.sum())
        return -np.log(np.maximum(values, np.float32(darkest)))

    def _air(self, values: Array) -> float:
        """Counts without the object, from the outer bins of all views."""
        outer = max(1, round(_AIR * values.shape[1]))
        air = float(np.median(np.concatenate([values[:, :outer], values[:, -outer:]], axis=1)))
        if not air > 0:
            raise InputError(
                f"'{self.projections.name}' has no flat fields and no light at the edges of the "
                "detector; give the flat fields."
            )
        return air

    def steps(self) -> list[str]:
        """What was done, in sentences for the record."""
        settings, found = self.preparation, []
        if self.logarithm and self.projections.contents == "counts":
            if self._flat is None:
                found.append("No flat fields: the outer bins of the detector are taken for air.")
            else:
                dark = "dark and " if self._dark is not None else ""
                found.append(f"Corrected by the {dark}flat fields.")
        found += [
            f"{n} {what} replaced." for what, n in self.counted.items() if n and "light" not in what
        ]
        if settings.bad_pixels and self._reach > MOST_MOTION:
            found.append("Outliers were not looked for: the views are too far apart.")
        if settings.binning > 1:
            found.append(f"{settings.binning} bins averaged into one.")
        if self.logarithm:
            found.append("Negative logarithm taken.")
        if n := self.counted["rays without light"]:
            found.append(f"{n} rays without light raised to the smallest transmission.")
        if self._rings:
            gentle = settings.ring_strength == "gentle"
            found.append("Stripes removed: offsets of bins." if gentle
                         else "Stripes removed by sorting (Vo et al. 2018).")  # fmt: skip
        return found


def mean_image(images: Any) -> Array:
    """Mean of detector images (n, rows, bins), read one by one."""
    total = np.zeros(images.shape[1:], dtype=np.float64)
    for k in range(images.shape[0]):
        total += np.asarray(images[k], dtype=np.float64)
    return (total / images.shape[0]).astype(np.float32)
