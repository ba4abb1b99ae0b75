"""Samples on disk: a Zarr array that grows chain by chain and survives a killed run.

A folder with ``samples.zarr``, an array (N, S, A, R) that any program with Zarr 3
reads, in which the draws of a chain lie one after another, and ``chains.json``, which says whose
samples they are and how many are finished. The latter is replaced as a whole after the samples
are on disk, so that what it counts is there. ``mean-N.npy`` is the mean picture of the first N
chains of a method that has a better one than the mean of its samples.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.engine.save import plain, write_json
from napari_padis.engine.stored import StoredSamples, disk
from napari_padis.errors import InputError

if TYPE_CHECKING:
    import zarr

    from napari_padis.engine.plan import Plan
    from napari_padis.engine.setup import Display

FORMAT, VERSION = "napari-padis samples", 1
ARRAY, RECORD = "samples.zarr", "chains.json"

#: Bytes of a chunk: some slices of one sample.
CHUNK = 1 << 20

#: Settings that do not change what a chain is.
NEUTRAL = {
    "samples", "chains", "device", "backend", "patch_batch", "measurement", "versions",
    "quantiles", "null_space", "recalibrate",
}  # fmt: skip


class SampleStore:
    """Samples of one run in a folder; see :func:`open_store`.

    Attributes
    ----------
    finished : int
        Samples that are on disk.
    chains : int
        Chains that ran together when the store was made.
    """

    def __init__(self, folder: Path, array: zarr.Array[Any], record: dict[str, Any]) -> None:
        self.folder, self._array, self._record = folder, array, record

    @property
    def finished(self) -> int:
        """Samples that are on disk."""
        return int(self._record["finished"])

    @property
    def chains(self) -> int:
        """Chains that ran together when the store was made."""
        return int(self._record["chains"])

    def put(self, place: int, sample: NDArray[Any]) -> None:
        """Write a sample; it counts from :meth:`finish` on."""
        with disk("written", self.folder):
            self._array[place] = sample

    def finish(self, count: int, mean: NDArray[Any] | None = None) -> None:
        """Note that samples up to ``count - 1`` are on disk, and a better mean than theirs."""
        before = self._record.get("mean")
        self._record |= {"finished": count, "mean": None}
        with disk("written", self.folder):
            if mean is not None:  # under a new name, so that record and mean change together
                self._record["mean"] = f"mean-{count}.npy"
                np.save(self.folder / self._record["mean"], mean)
            _write_record(self.folder, self._record)
            if before and before != self._record["mean"]:
                (self.folder / before).unlink(missing_ok=True)

    @property
    def mean(self) -> NDArray[Any] | None:
        """The mean that was kept with the last of them, if any."""
        if not self._record.get("mean"):
            return None
        with disk("read", self.folder):
            return np.asarray(np.load(self.folder / self._record["mean"], allow_pickle=False))

    def raw(self, place: int) -> NDArray[Any]:
        """A sample as it was written."""
        with disk("read", self.folder):
            return np.asarray(self._array[place])

    def shown(self, display: Display, places: Sequence[int]) -> StoredSamples:
        """Some samples, read when they are asked for."""
        return StoredSamples(self._array, places, display)


def open_store(folder: str | Path, plan: Plan) -> SampleStore:
    """Make a store for a run, or take up that of the same run.

    Independent chains may become more from one run to the next; coupled ones belong together,
    so that their number is part of what they are.

    Parameters
    ----------
    folder : path
        Made when missing.
    plan : Plan

    Raises
    ------
    InputError
        If the folder holds the samples of another run, more samples than are asked for, or
        cannot be used.
    """
    import zarr

    folder = Path(folder).expanduser()
    identity = identity_of(plan)
    shape = (plan.places, *plan.measurement.volume_shape)
    with disk("used", folder, InputError):
        folder.mkdir(parents=True, exist_ok=True)
        record = _read_record(folder)
        if record is not None:
            _check(folder, record, identity, plan.places)
            array = zarr.open_array(folder / ARRAY, mode="r+")
            if array.shape[1:] != shape[1:]:
                raise InputError(f"The samples in '{folder}' are damaged: choose another folder.")
            if array.shape[0] < plan.places:
                array.resize(shape)
            return SampleStore(folder, array, record)
        array = zarr.create_array(
            folder / ARRAY,
            shape=shape,
            chunks=_chunks(shape),
            dtype="complex64" if plan.problem.shape[1] == 2 else "float32",
            fill_value=np.nan,
            overwrite=True,  # without a record nothing there was finished
            attributes=plain(_attributes(plan)),
            dimension_names=("sample", "S", "A", "R"),
        )
        record = {
            "format": FORMAT,
            "version": VERSION,
            "finished": 0,
            "chains": plan.chains,
            "draws": plan.draws,
            "identity": identity,
            "recipe": plan.recipe.model_dump(mode="json"),
            "provenance": plain(plan.measurement.provenance),
        }
        _write_record(folder, record)
    return SampleStore(folder, array, record)


def identity_of(plan: Plan) -> dict[str, Any]:
    """What must be the same for samples to be those of the same posterior and method."""
    recipe = {k: v for k, v in plan.recipe.model_dump(mode="json").items() if k not in NEUTRAL}
    if plan.denoiser is not None:  # a path may change, the weights may not
        recipe["prior"] = plan.denoiser.card.sha256 or plan.denoiser.card.name
    if plan.method.coupled:
        recipe["samples"] = plan.samples
    given = plan.measurement
    digest = hashlib.sha256(np.ascontiguousarray(given.data).tobytes())
    rest = [given.geometry.to_dict(), vars(given.noise), given.unit, given.mu_water]
    digest.update(json.dumps(plain(rest), sort_keys=True).encode())
    return {**recipe, "data": digest.hexdigest()}


def _attributes(plan: Plan) -> dict[str, Any]:
    given = plan.measurement
    return {
        "format": FORMAT,
        "unit": given.unit,
        "spacing_mm": given.spacing,
        "affine": given.affine,
        "space": given.space,
        "coupled": plan.method.coupled,
        "calibrated": plan.method.calibrated,
        "draws_per_chain": plan.draws,
        "recipe": plan.recipe.model_dump(mode="json"),
    }


def _chunks(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Some slices of one sample."""
    slices = max(1, min(shape[1], CHUNK // (4 * shape[2] * shape[3])))
    return (1, slices, *shape[2:])


def _check(folder: Path, record: dict[str, Any], identity: dict[str, Any], samples: int) -> None:
    there = record["identity"]
    other = [k for k in {**there, **identity} if there.get(k) != identity.get(k)]
    if other:
        raise InputError(
            f"'{folder}' holds the samples of another run ('{other[0]}' is different): choose "
            "another folder."
        )
    if record["finished"] > samples:
        raise InputError(
            f"'{folder}' already holds {record['finished']} samples: ask for as many at least, "
            "or choose another folder."
        )


def _read_record(folder: Path) -> dict[str, Any] | None:
    path = folder / RECORD
    if not path.exists():
        if any(folder.iterdir()) and not (folder / ARRAY).exists():
            raise InputError(f"'{folder}' holds other files: choose an empty or new folder.")
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        fits = (
            record["format"] == FORMAT
            and record["version"] <= VERSION
            and isinstance(record["identity"], Mapping)
            and isinstance(record["finished"], int)
            and isinstance(record["chains"], int)
        )
    except (ValueError, KeyError, TypeError):
        fits = False
    if not fits:
        raise InputError(
            f"'{path}' is no record of samples of this program: choose another folder."
        )
    return dict(record)


def _write_record(folder: Path, record: dict[str, Any]) -> None:
    with disk("written", folder):
        staged = folder / f".{RECORD}.tmp"
        write_json(staged, record)
        os.replace(staged, folder / RECORD)
