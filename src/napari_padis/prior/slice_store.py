"""Training slices as float16 on a prior's scale, once per machine. Free of torch.

The processes of a training map the same files, so that they share one copy in memory.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.prior.training_files import files_of, read_volumes
from napari_padis.scan.units import Scale
from napari_padis.scan.volume import Volume

#: To be raised whenever the stored values of the same files would differ.
VERSION = 1

#: Seconds that the other processes wait for the first one to prepare the slices.
PATIENCE = 4 * 3600.0


@dataclass(frozen=True)
class Stack:
    """Axial slices of one volume, float16 of shape (slices, rows, columns).

    ``spacing`` is in mm along (S, A, R), ``unit`` the one the volume had.
    """

    slices: NDArray[np.float16]
    spacing: tuple[float, float, float]
    unit: str
    name: str


@dataclass(frozen=True)
class Preparation:
    """From a volume to values on the scale [0, 1], clipped to [0, ceiling].

    With ``normalise`` each volume's 99th percentile becomes the middle of the range.
    """

    low: float
    high: float
    ceiling: float = 1.0
    normalise: bool = False

    def __call__(self, volume: Volume) -> Stack:
        """The slices of a volume; raises InputError where it cannot be normalised."""
        x = volume.array.astype(np.float32)
        if self.normalise:
            x *= np.float32((self.low + self.high) / 2 / _bright(volume))
        x = Scale(self.low, self.high, volume.unit).to_unit_interval(x)
        slices = np.clip(x, 0, self.ceiling).astype(np.float16)
        return Stack(slices, volume.spacing, volume.unit, volume.name)


def stored_stacks(
    paths: Sequence[Path],
    preparation: Preparation,
    folder: Path,
    first: bool = True,
    patience: float = PATIENCE,
) -> list[Stack]:
    """Prepared slices of volumes, memory-mapped from ``folder``.

    They are prepared where they are missing or where files or the preparation changed since;
    a kill meanwhile leaves nothing that counts.

    Parameters
    ----------
    paths : sequence of Path
        From :func:`~napari_padis.prior.training_files.find_volumes`.
    preparation : Preparation
    folder : Path
        Holds one set of slices: what it held of other files is deleted.
    first : bool
        Whether this process prepares them; the others wait for it.
    patience : float
        Seconds they wait.

    Raises
    ------
    InputError
        If volumes cannot be used, are of several units, or the folder cannot be written.
    """
    target = folder / f"slices-{_digest(paths, preparation)}"
    if first and not target.exists():
        try:
            _build(paths, preparation, target)
        except OSError as error:
            raise InputError(
                f"The training slices cannot be written to '{folder}': {error.strerror or error}."
            ) from error
    end = time.monotonic() + patience
    while not target.exists():
        if time.monotonic() > end:
            raise InputError("The first process did not prepare the training slices; start again.")
        time.sleep(0.2)
    return _open(target)


def halved(stack: Stack) -> Stack:
    """The same with 2 x 2 pixels averaged; a last row or column that is alone is left out."""
    x = stack.slices
    rows, cols = (n // 2 * 2 for n in x.shape[1:])
    x = x[:, :rows, :cols].reshape(len(x), rows // 2, 2, cols // 2, 2)
    s = stack.spacing
    mean = x.mean((2, 4), dtype=np.float32).astype(np.float16)
    return Stack(mean, (s[0], 2 * s[1], 2 * s[2]), stack.unit, stack.name)


def single_unit(stacks: Iterable[Stack]) -> str:
    """The unit of volumes; raises InputError if they have several."""
    unit: str | None = None
    for stack in stacks:
        if stack.unit != (unit or stack.unit):
            raise InputError(
                f"'{stack.name}' is in {stack.unit}, others are in {unit}; "
                "train on volumes of one unit."
            )
        unit = stack.unit
    if unit is None:
        raise InputError("No training volumes were given.")
    return unit


def _build(paths: Sequence[Path], preparation: Preparation, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in target.parent.iterdir():  # of a run that was killed, or of other files
        if left.name.startswith(("building-", "slices-")):
            shutil.rmtree(left, ignore_errors=True)
    building = Path(tempfile.mkdtemp(prefix="building-", dir=target.parent))
    try:
        index: list[dict[str, Any]] = []
        for volume in read_volumes(paths):
            stack = preparation(volume)
            np.save(building / f"{len(index):05}.npy", stack.slices)
            index.append({"spacing": stack.spacing, "unit": stack.unit, "name": stack.name})
        (building / "index.json").write_text(json.dumps(index, indent=1))
        os.rename(building, target)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _open(folder: Path) -> list[Stack]:
    try:
        index = json.loads((folder / "index.json").read_text())
        return [
            Stack(
                # A plain view: indexing a memmap object costs more than cutting a patch.
                np.asarray(np.load(folder / f"{i:05}.npy", mmap_mode="r", allow_pickle=False)),
                tuple(entry["spacing"]), entry["unit"], entry["name"],
            )
            for i, entry in enumerate(index)
        ]  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"The prepared slices '{folder}' are damaged; delete them.") from error


def _digest(paths: Sequence[Path], preparation: Preparation) -> str:
    """Changes with the files (path, size, time of change) and the preparation."""
    said: list[Any] = [VERSION, asdict(preparation)]
    for path in paths:
        for file in files_of(path):
            state = file.stat()
            said.append((str(file.resolve()), state.st_size, state.st_mtime_ns))
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def _bright(volume: Volume) -> float:
    """99th percentile of a volume; raises InputError where nothing is positive."""
    value = float(np.percentile(volume.array, 99))
    if not value > 0:
        raise InputError(f"Volume '{volume.name}' is dark: its 99th percentile is not positive.")
    return value
