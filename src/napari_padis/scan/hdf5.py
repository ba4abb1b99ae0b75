"""The package's own measurement file: data and what is needed to reconstruct them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.files import as_text, check_claim, existing, reading, replacing
from napari_padis.scan.geometry import from_dict
from napari_padis.scan.hdf5_open import open_hdf5
from napari_padis.scan.measurement import Measurement, Noise

#: Value of the root attribute ``format`` by which the file is recognised.
FORMAT = "napari-padis measurement"
VERSION = 2

SUFFIXES = (".h5", ".hdf5")


def write_measurement(path: str | Path, measurement: Measurement) -> Path:
    """Write a measurement; the file appears only when it is complete.

    Layout: dataset ``data`` (see :class:`Measurement`), float32 or complex64, one deflated
    chunk per slice or view; dataset ``affine`` (4, 4); group ``geometry_arrays`` (mask,
    coil maps, kernel); root attributes ``format``, ``version``, ``name``, ``unit``,
    ``mu_water``, ``space``; and, as JSON datasets, ``geometry``, ``noise`` and
    ``provenance``. Lengths are in mm, angles in radians. Version 1 knew parallel beams only
    and reads the same.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"A measurement is written as .h5, not as '{path.name}'.")
    kind = np.complex64 if np.iscomplexobj(measurement.data) else np.float32
    data = np.asarray(measurement.data, dtype=kind)
    plain, arrays = _split(measurement.geometry.to_dict())
    noise = measurement.noise
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": VERSION,
        "name": measurement.name,
        "unit": measurement.unit,
        "space": measurement.space,
        "mu_water": float(measurement.mu_water),
        "geometry": json.dumps(plain),
        "noise": json.dumps({"kind": noise.kind, "sigma": noise.sigma, "photons": noise.photons,
                             "electronic": noise.electronic}),
        "provenance": json.dumps(dict(measurement.provenance), default=_plain),
    }  # fmt: skip
    with replacing(path) as temporary, h5py.File(temporary, "w") as file:
        # JSON may exceed the 64 KB that HDF5 allows an attribute, so it goes to datasets.
        for name in ("geometry", "noise", "provenance"):
            file.create_dataset(name, data=record.pop(name), dtype=h5py.string_dtype())
        file.attrs.update(record)
        file.create_dataset(
            "data", data=data, chunks=(1, *data.shape[1:]), compression="gzip", shuffle=True
        )
        for name, array in arrays.items():
            file.create_dataset(f"geometry_arrays/{name}", data=array, compression="gzip")
        file.create_dataset("affine", data=np.asarray(measurement.affine, dtype=np.float64))
    return path


def read_measurement(path: str | Path) -> Measurement:
    """Read a measurement file.

    Raises
    ------
    InputError
        If the file is missing, damaged, incomplete, newer than this program or
        some other HDF5 file.
    """
    path = existing(path)
    with reading(path, "measurement"), open_hdf5(path) as file:
        if as_text(file.attrs.get("format", "")) != FORMAT:
            raise InputError(
                f"'{path.name}' is an HDF5 file but not a napari-padis measurement; convert it "
                "with napari_padis.scan.write first."
            )
        version = int(file.attrs.get("version", 0))
        if not 1 <= version <= VERSION:
            raise InputError(
                f"'{path.name}' has format version {version}, this program reads {VERSION}; "
                "update napari-padis."
            )
        absent = [n for n in ("data", "geometry", "affine", "noise") if n not in file]
        if absent:
            raise InputError(f"'{path.name}' is incomplete: it has no '{absent[0]}'.")
        data = file["data"]
        check_claim(path, int(data.nbytes), int(data.id.get_storage_size()), compressed=True)
        arrays = {
            name: np.asarray(array) for name, array in file.get("geometry_arrays", {}).items()
        }
        geometry = from_dict({**_json(path, file, "geometry"), **arrays})
        kind = np.complex64 if data.dtype.kind == "c" else np.float32
        noise = Noise(**_json(path, file, "noise"))
        provenance = _json(path, file, "provenance") if "provenance" in file else {}
        affine = np.asarray(file["affine"][()], dtype=np.float64)
        if affine.shape != (4, 4) or not np.isfinite(affine).all():
            raise InputError(f"'{path.name}' has a damaged affine.")
        return Measurement(
            data=np.asarray(data[()], dtype=kind),
            geometry=geometry,
            noise=noise,
            unit=as_text(file.attrs.get("unit", "HU")),
            mu_water=float(file.attrs["mu_water"]),
            affine=affine,
            name=as_text(file.attrs.get("name", path.stem)),
            provenance=provenance,
            # Files of before do not say what their affine is worth.
            space=as_text(file.attrs.get("space", "unknown")),
        )


def _json(path: Path, file: h5py.File, name: str) -> dict[str, Any]:
    value = json.loads(as_text(file[name][()]))
    if not isinstance(value, dict):
        raise InputError(f"The entry '{name}' of '{path.name}' is damaged.")
    return value


def _split(values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Values for JSON, and arrays (masks, maps, kernels), which are too large for it."""
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return {name: value for name, value in values.items() if name not in arrays}, arrays


def _plain(value: Any) -> Any:
    """JSON for what provenance may hold besides plain values."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value)
