"""Open any supported file as raw projections, with what is stored apart from them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.angle_list import read_angles
from napari_padis.scan.angles import NO_ANGLES, RADIANS
from napari_padis.scan.files import existing, reading
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.named_arrays import as_field
from napari_padis.scan.projections import PER_VIEW, Projections
from napari_padis.scan.read import format_of, read

AnglesOrFile = str | Path | NDArray[np.float64]


def read_projections(
    path: str | Path,
    angles: AnglesOrFile | None = None,
    flats: str | Path | None = None,
    darks: str | Path | None = None,
    views_axis: int | None = None,
) -> Projections:
    """Read a scan as projections, even where its format usually holds a volume.

    Parameters
    ----------
    path : str or Path
        DXchange HDF5, MATLAB, .npz, .npy, a TIFF stack or a folder of TIFF pages.
    angles : str, Path or ndarray, optional
        List of angles (:func:`~napari_padis.scan.angle_list.read_angles`), or angles in
        radians, instead of the file's own.
    flats, darks : str or Path, optional
        Files with detector images without object and without beam.
    views_axis : int, optional
        Axis of the views in a MATLAB or NumPy array, where the angles do not tell it.

    Raises
    ------
    InputError
        If a file is missing or damaged, is no scan, or they do not fit together.
    """
    found = _read(existing(path), views_axis)
    if angles is not None:
        found = _with_angles(found, angles)
    if darks is not None:
        found = replace(found, darks=read_field(existing(darks), found, "darks"))
    if flats is not None:
        images = read_field(existing(flats), found, "flats")
        # Flat fields are of use to counts only, whatever the values looked like.
        found = replace(found, flats=images, contents="counts")
        # A blank scan has one image per view; repeated flat fields are some or one.
        if images.shape == found.shape and found.shape[0] > 1:
            found = replace(found, metadata={**found.metadata, "flats": PER_VIEW})
    return found


def _read(path: Path, views_axis: int | None) -> Projections:
    kind = format_of(path)
    if kind == "tiff":
        from napari_padis.scan.projection_tiff import read_tiff_projections

        return read_tiff_projections(path)
    if kind == "numpy":
        from napari_padis.scan.npz_projections import read_npz_projections

        return read_npz_projections(path, views_axis)
    if kind == "matlab":
        from napari_padis.scan.matlab import read_matlab

        return read_matlab(path, views_axis)
    found = read(path)
    if isinstance(found, Projections):
        return found
    what = "a measurement already" if isinstance(found, Measurement) else "a volume"
    raise InputError(
        f"'{path.name}' is {what}; projections come as DXchange HDF5, MATLAB, NumPy or TIFF files."
    )


def _with_angles(found: Projections, angles: AnglesOrFile) -> Projections:
    notes: tuple[str, ...] = ()
    metadata: dict[str, Any] = {"angle_unit": RADIANS}
    if isinstance(angles, (str, Path)):
        stated = read_angles(angles)
        values, metadata = stated.values, {"angle_unit": stated.unit}
        notes = (f"Angles from '{Path(angles).name}'.", *stated.notes)
    else:
        values = np.asarray(angles, dtype=np.float64).ravel()
    turned = len(values) != found.shape[0] and found.shape[1] == 1 and len(values) == found.shape[2]
    if turned and found.flats is None and found.darks is None:
        # A sinogram whose axes were only guessed: now the angles tell.
        data = np.asarray(found.data[:, 0, :]).T[:, None, :]
        found = replace(found, data=data, angles=None)
        notes = (*notes, "The axes of the sinogram were exchanged to fit the angles.")
    # What was said of the file's own angles does not concern these.
    dropped = (NO_ANGLES, *found.metadata.get("angle_notes", ()))
    said = tuple(n for n in found.notes if n not in dropped)
    metadata = {**found.metadata, **metadata, "angle_notes": notes}
    return replace(found, angles=values, notes=(*said, *notes), metadata=metadata)


def read_field(path: Path, found: Projections, kind: str) -> NDArray[Any]:
    """Detector images of another file, in whatever order that file keeps its arrays.

    Parameters
    ----------
    path : Path
    found : Projections
        The scan that they belong to.
    kind : str
        'flats' or 'darks', for the messages.

    Raises
    ------
    InputError
        If the file is damaged or its images do not fit the scan.
    """
    with reading(path, kind):
        stack = np.asarray(_read(path, None).data[:])
    views, rows, bins = found.shape
    tries = [stack, stack.transpose(1, 0, 2), stack.transpose(2, 1, 0)]
    for candidate in tries:
        if candidate.shape[1:] == (rows, bins):
            return np.ascontiguousarray(candidate, dtype=np.float32)
    field = as_field(
        stack[:, 0, :] if stack.shape[1] == 1 else stack, (0, 1, 2), (views, rows, bins)
    )
    if field is None:
        raise InputError(
            f"The {kind} '{path.name}' have shape {stack.shape}, which does not fit projections "
            f"of {rows} x {bins} pixels."
        )
    return field
