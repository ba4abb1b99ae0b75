"""Projections in the DXchange layout of synchrotron beamlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.angles import DEGREES, NO_ANGLES, ViewAngles, in_radians
from napari_padis.scan.files import as_text, existing, reading, voxel_count
from napari_padis.scan.hdf5_open import open_hdf5
from napari_padis.scan.lazy import LazyDataset
from napari_padis.scan.projections import Projections
from napari_padis.scan.units import millimetres

GROUP = "exchange"

_DETECTOR_PIXEL = "measurement/instrument/detector/pixel_size_x"
_MAGNIFICATIONS = (
    "measurement/instrument/detection_system/objective/magnification",
    "measurement/instrument/objective/magnification",
    "measurement/instrument/detector/magnification",
)


def is_dxchange(file: h5py.File) -> bool:
    """Whether an open HDF5 file has the layout."""
    return f"{GROUP}/data" in file


def read_dxchange(path: str | Path) -> Projections:
    """Read a DXchange file: counts, flat and dark fields and angles.

    ``exchange/data`` (views, rows, bins) stays in the file until it is needed;
    ``data_white`` and ``data_dark`` (n, rows, bins) and ``theta`` (degrees unless its
    attribute ``units`` says otherwise) may be missing. Synchrotron beams are parallel.

    Source: De Carlo et al., J. Synchrotron Rad. 21, 1224 (2014).

    Raises
    ------
    InputError
        If the file is missing, damaged or its arrays do not fit together.
    """
    path = existing(path)
    with reading(path, "DXchange"), open_hdf5(path) as file:
        if not is_dxchange(file):
            raise InputError(f"'{path.name}' has no 'exchange/data': it is no DXchange file.")
        data = _numbers(path, file, "data")
        assert data is not None
        if data.ndim != 3:
            raise InputError(
                f"'exchange/data' of '{path.name}' has shape {data.shape}; the axes "
                "(views, rows, bins) are needed."
            )
        voxel_count(path, data.shape)
        flats = _field(path, file, "data_white", data)
        darks = _field(path, file, "data_dark", data)
        angles = _angles(path, file, data.shape[0])
        notes = (NO_ANGLES,) if angles is None else angles.notes
        facts = {} if angles is None else angles.facts()
        pitch, pitch_notes = _pitch(file)
        return Projections(
            data=LazyDataset.of(path, data),
            angles=None if angles is None else angles.values,
            contents="counts",
            flats=flats,
            darks=darks,
            beam="parallel",
            detector_pitch=pitch,
            name=path.stem,
            notes=(*notes, *pitch_notes),
            metadata={"format": "DXchange", **facts, **_facts(file)},
        )


def _numbers(path: Path, file: h5py.File, name: str) -> h5py.Dataset | None:
    """A numeric dataset of the group; None when it is absent."""
    found = file[GROUP].get(name)
    if found is None:
        return None
    if not isinstance(found, h5py.Dataset) or found.dtype.kind not in "fiu":
        raise InputError(f"'exchange/{name}' of '{path.name}' is no array of numbers.")
    return found


def _field(path: Path, file: h5py.File, name: str, data: h5py.Dataset) -> Any:
    """Flat or dark images, (n, rows, bins); a single image gets its first axis."""
    found = _numbers(path, file, name)
    if found is None or not found.size:
        return None
    shape = found.shape if found.ndim == 3 else (1, *found.shape)
    if shape[1:] != data.shape[1:]:
        raise InputError(
            f"'exchange/{name}' of '{path.name}' has shape {found.shape}, which does not fit "
            f"projections of {data.shape[1]} x {data.shape[2]} pixels."
        )
    return LazyDataset.of(path, found) if found.ndim == 3 else np.asarray(found[()])[None]


def _angles(path: Path, file: h5py.File, views: int) -> ViewAngles | None:
    theta = _numbers(path, file, "theta")
    if theta is None:
        return None
    if theta.size != views:
        raise InputError(
            f"'{path.name}' has {views} projections but {theta.size} angles in 'exchange/theta'."
        )
    stated = {k.lower(): as_text(v) for k, v in theta.attrs.items()}
    units = stated.get("units") or stated.get("unit") or ""
    return in_radians(theta[()], "theta", units, source=f"'{path.name}'", usual=DEGREES)


def _pitch(file: h5py.File) -> tuple[float | None, tuple[str, ...]]:
    """Pixel size at the sample in mm, if it is stated with a unit.

    That of the detector is divided by the magnification of the optics before it.
    """
    for name in ("measurement/instrument/detector/actual_pixel_size_x",
                 "measurement/instrument/detection_system/objective/resolution",
                 _DETECTOR_PIXEL):  # fmt: skip
        value, unit = _quantity(file, name)
        length = millimetres(unit)
        if not value > 0:
            continue
        if length is None:
            what = f"in the unknown unit '{unit}'" if unit else "without a unit"
            return None, (f"'{name}' is {value:g} {what} and not used; state the pixel size.",)
        if name == _DETECTOR_PIXEL:
            return _at_sample(file, value * length)
        return value * length, (f"Pixel size {value * length:g} mm from '{name}'.",)
    return None, ()


def _at_sample(file: h5py.File, pixel: float) -> tuple[float, tuple[str, ...]]:
    """Pixel size at the sample from that of the detector, by the optics that the file states."""
    for name in _MAGNIFICATIONS:
        factor, _ = _quantity(file, name)
        if factor > 0:
            size = pixel / factor
            return size, (f"Pixel size {size:g} mm: {pixel:g} mm at the detector, magnified "
                          f"{factor:g} times.",)  # fmt: skip
    return pixel, (
        f"Pixel size {pixel:g} mm is that of the detector; the file states no magnification. If "
        "the optics magnify, state the pixel size at the sample.",
    )


def _quantity(file: h5py.File, name: str) -> tuple[float, str]:
    """A single number and its unit; 0 where it is missing or no finite number."""
    found = file.get(name)
    if not isinstance(found, h5py.Dataset) or found.size != 1 or found.dtype.kind not in "fiu":
        return 0.0, ""
    value = float(np.asarray(found[()]).ravel()[0])
    unit = as_text(found.attrs.get("units", found.attrs.get("unit", ""))).strip()
    return (value if np.isfinite(value) else 0.0), unit


def _facts(file: h5py.File) -> dict[str, str]:
    """Title and sample, where they are given."""
    facts = {}
    for key, name in (("title", "exchange/title"), ("sample", "measurement/sample/name")):
        found = file.get(name)
        if isinstance(found, h5py.Dataset) and found.dtype.kind in "OS" and found.size == 1:
            facts[key] = as_text(np.asarray(found[()]).ravel()[0])
    return facts
