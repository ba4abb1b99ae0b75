"""``napari-padis read``: what is in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from napari_padis.scan.measurement import Measurement
    from napari_padis.scan.volume import Volume


def read(
    file: Annotated[Path, typer.Argument(help="Volume, DICOM folder or measurement.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Show shape, spacing, unit, orientation and range of a file."""
    from napari_padis.engine.save import plain
    from napari_padis.scan.read import read as read_file
    from napari_padis.scan.volume import Volume

    found = read_file(file)
    facts = plain(
        describe_volume(found) if isinstance(found, Volume) else describe_measurement(found)
    )
    if as_json:
        typer.echo(json.dumps(facts, indent=2, allow_nan=False))
        return
    for key, value in facts.items():
        if isinstance(value, list):
            value = ", ".join(str(item) for item in value)
        typer.echo(f"{key.replace('_', ' '):<14} {value}")


def describe_volume(volume: Volume) -> dict[str, Any]:
    """Facts about a volume.

    ``orientation`` says towards which side of the patient each array index grows, and
    ``file_orientation`` the same of the voxels in the file.
    """
    import numpy as np
    from nibabel.orientations import aff2axcodes

    array = volume.array
    finite = array[np.isfinite(array)] if array.dtype.kind == "f" else array
    return {
        "kind": "volume",
        "name": volume.name,
        "shape": volume.shape,
        "spacing": volume.spacing,
        "spacing_unit": "mm",
        "unit": volume.unit,
        "orientation": "".join(aff2axcodes(volume.affine)),
        "file_orientation": volume.metadata.get("orientation"),
        "dtype": str(array.dtype),
        "range": [finite.min(), finite.max()] if finite.size else [],
        "affine": volume.affine,
        "notes": list(volume.notes),
    }


def describe_measurement(measurement: Measurement) -> dict[str, Any]:
    """Facts about a measurement."""
    data, geometry, noise = measurement.data, measurement.geometry, measurement.noise
    return {
        "kind": "measurement",
        "name": measurement.name,
        "forward": geometry.kind,
        "shape": data.shape,
        "range": [data.min(), data.max()],
        "views": geometry.data_shape[0],
        "detectors": geometry.data_shape[1],
        "detector_pitch": geometry.detector_pitch,
        "volume_shape": measurement.volume_shape,
        "spacing": measurement.spacing,
        "spacing_unit": "mm",
        "unit": measurement.unit,
        "noise": noise.kind,
        "sigma": noise.sigma,
        "photons": noise.photons,
        "electronic": noise.electronic,
        "provenance": measurement.provenance,
        "notes": [],
    }
