"""The whole preparation: raw projections in, a measurement of line integrals out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.contents import MOST_ATTENUATED
from napari_padis.scan.files import one_line
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.preparation.axis import Axis
from napari_padis.scan.preparation.centre import find_centre, find_fan_centre
from napari_padis.scan.preparation.correction import Correction
from napari_padis.scan.preparation.noise import noise_of, photons_per_bin
from napari_padis.scan.preparation.selection import chosen_rows, chosen_views
from napari_padis.scan.preparation.settings import Preparation
from napari_padis.scan.preparation.setup import (
    Detector,
    centre_after,
    check_complete,
    completed,
    final_geometry,
    stated_centre,
)
from napari_padis.scan.projections import Projections

#: Raw values read from the file at a time.
BLOCK_BYTES = 2**28


def prepare(
    projections: Projections,
    preparation: Preparation | None = None,
    progress: Callable[[float], None] | None = None,
) -> Measurement:
    """Line integrals and their geometry from raw projections.

    Row by row: dark and flat fields, dead pixels and outliers, averaging of bins, negative
    logarithm, stripes. The rotation axis is looked for in the middle row with all views
    of the file, so that a short arc can be cut out of a full scan.

    Parameters
    ----------
    projections : Projections
    preparation : Preparation, optional
        The choices; the defaults when missing.
    progress : callable, optional
        Called with the share that is done, 0 to 1; whatever it raises ends the work.

    Returns
    -------
    Measurement
        Data (rows, views, bins) in float32. Its unit is 1/mm when the detector pitch is
        known, else arbitrary with a pitch of one. ``provenance`` records every step.

    Raises
    ------
    InputError
        If something needed is missing, or the data cannot be line integrals.
    """
    preparation = preparation or Preparation()
    check_complete(projections, preparation)
    known = completed(projections, preparation)
    angles = known.angles
    assert angles is not None
    views = chosen_views(preparation, angles)
    rows = chosen_rows(preparation, known.shape[1])
    photons, how = photons_per_bin(known)
    centre, centre_note = _centre(known, preparation, rows, photons)
    correction = Correction(known, preparation, angles, views, photons)
    bins = known.shape[2] // preparation.binning
    data = _allocate((len(rows) // preparation.row_binning, len(views), bins), known.name)
    pending = np.empty((preparation.row_binning, len(views), bins), dtype=np.float32)
    for done, (row, raw) in enumerate(_raw_rows(known, rows, views)):
        place, within = divmod(done, preparation.row_binning)
        pending[within] = correction.sinogram(raw, row)
        data[place] = pending.mean(axis=0) if within == preparation.row_binning - 1 else 0
        if progress is not None:
            progress((done + 1) / len(rows))
    geometry = final_geometry(
        known,
        preparation,
        angles[views],
        Detector(bins, centre_after(centre, preparation.binning), rows),
    )
    if photons is not None:
        photons *= preparation.binning * preparation.row_binning
    physical = known.detector_pitch is not None and float(np.abs(data).max()) <= MOST_ATTENUATED
    return Measurement(
        data=data,
        geometry=geometry,
        noise=noise_of(data, photons if correction.logarithm else None),
        unit="1/mm" if physical else "arbitrary",
        name=known.name,
        provenance={
            "prepared_from": known.name,
            "views": f"{len(views)} of {known.shape[0]}",
            "rows": f"{len(rows)} of {known.shape[1]}",
            "centre": round(centre, 3),
            "steps": [*correction.steps(), centre_note, how],
            "notes": list(known.notes),
            "preparation": preparation.model_dump(mode="json", exclude_defaults=True),
        },
    )


def _raw_rows(
    projections: Projections, rows: NDArray[np.intp], views: NDArray[np.intp]
) -> Iterator[tuple[int, NDArray[Any]]]:
    """Detector rows as measured (views, bins), read from the file in blocks."""
    count, _, bins = projections.shape
    block = max(1, BLOCK_BYTES // (count * bins * np.dtype(projections.data.dtype).itemsize))
    first = 0
    while first < len(rows):
        # Neighbouring rows are read at once, far ones are not read together.
        last = first + int(np.searchsorted(rows[first:], rows[first] + block))
        part = np.asarray(projections.data[:, int(rows[first]) : int(rows[last - 1]) + 1])
        for row in rows[first:last]:
            yield int(row), part[views, row - rows[first]]
        first = last


def _centre(
    projections: Projections,
    preparation: Preparation,
    rows: NDArray[np.intp],
    photons: float | None,
) -> tuple[float, str]:
    """Bin of the rotation axis in the file's bins, and where it is known from."""
    if preparation.centre != "auto":
        centre = stated_centre(projections, preparation)
        return centre, f"Rotation axis at bin {centre:.2f}, as given."
    if projections.centre is not None:
        centre = stated_centre(projections, preparation)
        return centre, f"Rotation axis at bin {centre:.2f}, as the file states."
    try:
        found = auto_centre(projections, preparation, int(rows[len(rows) // 2]), photons)
    except InputError as error:
        middle = (projections.shape[2] - 1) / 2
        return middle, f"Rotation axis taken in the middle of the detector: {one_line(error)}."
    if not found.sure:
        raise InputError(
            f"{found.question()}. Give its bin (--centre BIN), or take the middle of the "
            "detector (--centre middle)."
        )
    return found.centre, f"Rotation axis found at bin {found.centre:.2f}."


def auto_centre(
    projections: Projections, preparation: Preparation, row: int, photons: float | None = None
) -> Axis:
    """Bin that sees the rotation axis, found in one detector row with all its views.

    Parameters
    ----------
    projections : Projections
        With beam and angles.
    preparation : Preparation
    row : int
    photons : float, optional
        Per bin without the object.

    Raises
    ------
    InputError
        If the views do not suffice or the row cannot be corrected.
    """
    known = completed(projections, preparation)
    angles = known.angles
    assert angles is not None
    plain = preparation.model_copy(update={"binning": 1})
    raw = np.asarray(known.data[:, row : row + 1])[:, 0]
    correction = Correction(known, plain, angles, np.arange(len(angles)), photons)
    sinogram = correction.sinogram(raw, row)
    if known.beam != "fan":
        return find_centre(sinogram, angles)
    assert known.detector_pitch is not None
    assert known.source_detector is not None
    return find_fan_centre(sinogram, angles, known.detector_pitch, known.source_detector)


def _allocate(shape: tuple[int, ...], name: str) -> NDArray[np.float32]:
    try:
        return np.zeros(shape, dtype=np.float32)
    except (MemoryError, ValueError) as error:
        raise InputError(
            f"The line integrals of '{name}' do not fit into memory; choose fewer rows."
        ) from error
