"""Sinograms of the Helsinki tomography challenges (HTC 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from napari_padis.errors import InputError
from napari_padis.scan.angles import DEGREES, in_radians
from napari_padis.scan.projections import Projections

#: Variables under which the challenge stores its scans.
VARIABLES = ("CtDataFull", "CtDataLimited", "CtData")

#: Side of the challenge's own reconstructions and segmentations in pixels.
SIDE = 512


def is_helsinki(values: Mapping[str, Any]) -> bool:
    """Whether the variables of a MATLAB file are those of the challenge."""
    return any(
        isinstance(values.get(name), Mapping) and "parameters" in values[name] for name in VARIABLES
    )


def read_helsinki(path: Path, values: Mapping[str, Any]) -> Projections:
    """Projections of a scan of the Helsinki Tomography Challenge 2022.

    Line integrals (views, bins) of the central plane of a cone beam, hence a fan with a
    flat detector, and the complete geometry. Angles and detector axis are those of
    :class:`~napari_padis.scan.geometry.FanGeometry` as they stand: neither is turned
    around. The challenge's own images and segmentations have their first row at the top
    (largest y), so they are our images upside down: ``published[::-1]``.

    Source: Meaney et al., Zenodo 10.5281/zenodo.8041800.

    Raises
    ------
    InputError
        If a part is missing or does not fit.
    """
    name = next(n for n in VARIABLES if isinstance(values.get(n), Mapping))
    scan = values[name]
    parameters = scan["parameters"]
    sinogram = np.asarray(scan.get("sinogram", ()))
    if sinogram.ndim != 2 or sinogram.dtype.kind not in "fiu" or sinogram.size == 0:
        raise InputError(
            f"'{name}.sinogram' in '{path.name}' must be an array of numbers (views, bins)."
        )
    if not isinstance(parameters, Mapping) or "angles" not in parameters:
        raise InputError(f"'{path.name}' has no '{name}.parameters.angles'.")
    found = in_radians(parameters["angles"], source=f"'{path.name}'", usual=DEGREES)
    angles = found.values
    if len(angles) != len(sinogram):
        raise InputError(f"'{path.name}' has {len(sinogram)} views but {len(angles)} angles.")
    return Projections(
        data=np.ascontiguousarray(sinogram[:, None, :], dtype=np.float32),
        angles=angles,
        contents="line integrals",
        beam="fan",
        detector_pitch=_number(path, parameters, "pixelSizePost"),
        source_origin=_number(path, parameters, "distanceSourceOrigin"),
        source_detector=_number(path, parameters, "distanceSourceDetector"),
        name=path.stem,
        notes=found.notes,
        metadata={"format": "HTC 2022", "image_side": SIDE, **found.facts(),
                  "sample": str(parameters.get("projectName", path.stem))},
    )  # fmt: skip


def _number(path: Path, parameters: Mapping[str, Any], name: str) -> float:
    value = np.asarray(parameters.get(name, ()))
    if value.size != 1 or value.dtype.kind not in "fiu" or not float(value.ravel()[0]) > 0:
        raise InputError(f"'{name}' in '{path.name}' must be one positive number (mm).")
    return float(value.ravel()[0])
