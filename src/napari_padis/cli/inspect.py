"""``napari-padis read``: what is in a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli.models import AXES
from napari_padis.cli.options import UnitOption, in_unit
from napari_padis.scan.geometry import CartesianGeometry, Geometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.projections import Projections
from napari_padis.scan.volume import Volume

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_padis.scan.read import Scan


def read(
    file: Annotated[Path, typer.Argument(help="Volume, DICOM folder, measurement or projections.")],
    as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
    unit: UnitOption = None,
) -> None:
    """Show shape, spacing, unit, orientation and range of a file."""
    from napari_padis.engine.save import plain
    from napari_padis.scan.read import read as read_file

    facts = plain(describe(in_unit(read_file(file), unit)))
    if as_json:
        typer.echo(json.dumps(facts, indent=2, allow_nan=False))
        return
    for key, value in facts.items():
        if isinstance(value, list):
            value = (" " if key == "notes" else ", ").join(str(item) for item in value)
        typer.echo(f"{key.replace('_', ' '):<15} {value}")


def describe(found: Scan) -> dict[str, Any]:
    """Facts about whatever a file holds."""
    if isinstance(found, Volume):
        return describe_volume(found)
    if isinstance(found, Projections):
        return describe_projections(found)
    return describe_measurement(found)


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
        "space": volume.space,
        "notes": list(volume.notes),
    }


def describe_measurement(measurement: Measurement) -> dict[str, Any]:
    """Facts about a measurement.

    ``orientation`` says towards which side of the patient the indices of the reconstruction
    grow.
    """
    import numpy as np
    from nibabel.orientations import aff2axcodes

    data, geometry, noise = measurement.data, measurement.geometry, measurement.noise
    values = np.abs(data) if np.iscomplexobj(data) else data
    return {
        "kind": "measurement",
        "name": measurement.name,
        "forward": geometry.kind,
        "shape": data.shape,
        "axes": AXES.get(geometry.kind, ()),
        "dtype": str(data.dtype),
        "range": [values.min(), values.max()],
        **describe_geometry(geometry),
        "volume_shape": measurement.volume_shape,
        "spacing": measurement.spacing,
        "spacing_unit": "mm",
        "orientation": "".join(aff2axcodes(measurement.affine)),
        "affine": measurement.affine,
        "space": measurement.space,
        "unit": measurement.unit,
        "noise": noise.kind,
        "sigma": noise.sigma,
        "photons": noise.photons,
        "electronic": noise.electronic,
        "provenance": measurement.provenance,
        "notes": list(measurement.provenance.get("notes", [])),
    }


def describe_geometry(geometry: Geometry) -> dict[str, Any]:
    """Facts about how data arise: lengths in mm, and arrays by what they say."""
    facts: dict[str, Any] = {}
    shared = ("kind", "image_shape", "pixel", "slice_spacing")
    for name, value in geometry.to_dict().items():
        if name == "angles":
            facts["views"] = len(value)
            facts["angles"] = angle_range(value)
        elif name == "mask":
            facts["measured"] = float(value.mean())
        elif name in ("maps", "kernel"):
            facts[f"{name}_shape"] = value.shape
        elif name not in shared:
            facts[name] = value
    if isinstance(geometry, CartesianGeometry):
        facts["acceleration"] = geometry.acceleration
    return facts


def angle_range(angles: NDArray[np.float64]) -> str:
    """First and last view, and the largest step, in degrees."""
    import numpy as np

    degrees = np.rad2deg(np.asarray(angles))
    steps = np.abs(np.diff(degrees))
    largest = f", steps up to {steps.max():.4g}" if steps.size else ""
    return f"{degrees[0]:.4g} to {degrees[-1]:.4g} degrees{largest}"


def describe_projections(projections: Projections) -> dict[str, Any]:
    """Facts about raw projections; ``missing`` names what they do not say."""
    angles, flats, darks = projections.angles, projections.flats, projections.darks
    return {
        "kind": "projections",
        "name": projections.name,
        "shape": projections.shape,
        "axes": ("views", "rows", "bins"),
        "dtype": str(projections.data.dtype),
        "contents": projections.contents,
        "beam": projections.beam,
        "angles": None if angles is None else angle_range(angles),
        "flats": 0 if flats is None else len(flats),
        "darks": 0 if darks is None else len(darks),
        "detector_pitch": projections.detector_pitch,
        "source_origin": projections.source_origin,
        "source_detector": projections.source_detector,
        "centre": projections.centre,
        "missing": projections.missing,
        "notes": projections.notes,
    }
