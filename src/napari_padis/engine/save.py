"""Keep the result of a run as files that any other program reads."""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.events import Result
from napari_padis.errors import InputError
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write, write_samples

#: Volumes that not every result has.
OPTIONAL = ("std", "variance", "samples", "q05", "q50", "q95")


def save_result(result: Result, folder: str | Path) -> dict[str, Path]:
    """Write statistics, samples, recipe and report into a folder.

    Every file is written beside its place and then moved there, so that an existing
    result is either the old or the new one, never half of each file.

    Parameters
    ----------
    result : Result
    folder : path
        Made when missing; files of the same names are replaced.

    Returns
    -------
    dict
        Paths of ``mean`` (which the report's entries ``image`` and ``mean`` name: it need not be
        the mean of the samples, or any), of
        ``std`` and ``variance`` where there are two samples or more, and of those of ``q05``,
        ``q50``, ``q95`` there are (3D NIfTI), ``samples`` (4D NIfTI, sample axis last) if there
        are any, unless they are in a store, where they stay, ``recipe`` and ``report`` (JSON).

    Raises
    ------
    InputError
        If the folder cannot be written to.
    """
    folder = Path(folder)
    statistics = {"mean": result.mean, "std": result.std, "variance": result.variance}
    volumes = {name: array for name, array in statistics.items() if array is not None}
    volumes |= result.quantiles
    samples = result.samples if isinstance(result.samples, np.ndarray) else None
    if samples is not None and not len(samples):
        samples = None
    names = [*volumes, *([] if samples is None else ["samples"])]
    paths = {name: folder / f"{name}.nii.gz" for name in names} | {
        name: folder / f"{name}.json" for name in ("recipe", "report")
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder, prefix=".saving-") as name:
            staged = {key: Path(name) / path.name for key, path in paths.items()}
            for key, array in volumes.items():
                write(staged[key], _volume(result, key, array))
            if samples is not None:
                write_samples(staged["samples"], samples, result.affine, result.unit, result.space)
            write_json(staged["recipe"], result.recipe)
            write_json(staged["report"], {**result.report, "complete": result.complete})
            for key, path in paths.items():
                os.replace(staged[key], path)
        for key in {*OPTIONAL} - {*paths}:  # of an earlier result, to which this one does not fit
            (folder / f"{key}.nii.gz").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"The result cannot be written to '{folder}': {error.strerror or error}."
        ) from error
    return paths


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values; numbers that JSON does not know (nan, inf) become null."""
    path.write_text(json.dumps(plain(values), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def plain(value: Any) -> Any:
    """The value in JSON's own types: lists, dictionaries, finite numbers, text."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return str(value)


def _volume(result: Result, name: str, array: NDArray[np.float32]) -> Volume:
    unit = result.unit
    if name == "variance":
        # In the unit squared, for which volumes have no name.
        unit = "arbitrary"
    return Volume(
        array=array,
        spacing=result.spacing,
        unit=unit,
        affine=result.affine,
        name=name,
        space=result.space,
        metadata={"about": about} if (about := result.about.get(name)) else {},
    )
