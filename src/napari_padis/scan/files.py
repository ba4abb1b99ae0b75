"""What every reader needs: checks before opening, and errors in one sentence."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np

from napari_padis.errors import InputError

#: Deflate cannot compress better than this, so a larger claim is a broken header.
MAX_COMPRESSION = 1032

#: The same of bzip2: a block of 900,000 runs of 255 equal bytes in some 40 bytes.
MAX_BZIP2 = 1_300_000


def existing(path: str | Path) -> Path:
    """The path, if something is there; raises InputError otherwise."""
    path = Path(path).expanduser()
    try:
        found = path.exists()
        empty = found and path.is_file() and path.stat().st_size == 0
    except (OSError, ValueError) as error:
        raise InputError(f"'{path}' cannot be opened: {one_line(error)}.") from error
    if not found:
        raise InputError(f"'{path}' does not exist; check the path.")
    if empty:
        raise InputError(f"'{path.name}' is empty (0 bytes); copy or download it again.")
    return path


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever a file library raises on bad input into one InputError.

    The libraries raise anything from ``KeyError`` to ``struct.error`` on damaged
    files, so every ordinary exception counts as "not readable" here.
    """
    try:
        yield
    except InputError:
        raise
    except FileNotFoundError as error:
        missing = error.filename or path
        raise InputError(f"'{missing}' does not exist; check the path.") from error
    except PermissionError as error:
        raise InputError(f"'{path}' may not be read; check its permissions.") from error
    except MemoryError as error:
        raise InputError(f"'{path.name}' does not fit into memory; crop it first.") from error
    except Exception as error:
        raise InputError(
            f"'{path.name}' is not a readable {kind} file ({one_line(error)}); "
            "it may be damaged, so copy or export it again."
        ) from error


@contextmanager
def quiet(logger: str) -> Iterator[None]:
    """Silence a library that logs what is then raised as an InputError anyway."""
    log = logging.getLogger(logger)
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        log.setLevel(level)


def one_line(error: BaseException) -> str:
    """An exception's message without line breaks, type names or a final stop."""
    text = " ".join(str(error).split()).strip()
    return (text or type(error).__name__)[:150].rstrip(".?! ")


def as_text(value: Any) -> str:
    """Text of an HDF5 attribute or scalar, which may be bytes or an array of one."""
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and type of the array of an open .npy file, which is read up to its values."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_2_0
    if version == (1, 0):
        read = np.lib.format.read_array_header_1_0
    shape, _, dtype = read(file)
    return shape, dtype


def voxel_count(path: Path, shape: Sequence[int]) -> int:
    """Number of voxels of a shape found in a header; raises InputError if absurd."""
    count = 1
    for side in shape:
        if side < 1:
            raise InputError(
                f"'{path.name}' declares the shape {tuple(shape)}; every side must be at least 1."
            )
        count *= int(side)
    return count


def check_claim(path: Path, claimed: int, available: int, compressed: bool | int = False) -> None:
    """Refuse a header that promises more bytes than its file can hold.

    Parameters
    ----------
    path : Path
        File, for the message.
    claimed : int
        Bytes of voxel data the header promises.
    available : int
        Bytes that are there.
    compressed : bool or int
        Whether the data are deflated, or how many times smaller another method makes them.

    Raises
    ------
    InputError
        If the file is truncated or its header is wrong.
    """
    ratio = MAX_COMPRESSION if compressed is True else max(int(compressed), 1)
    most = max(available, 0) * ratio
    if claimed > most:
        raise InputError(
            f"'{path.name}' is truncated or its header is wrong: it promises "
            f"{_size(claimed)} of voxels but holds {'at most ' if compressed else ''}{_size(most)}."
        )


def stem(path: Path) -> str:
    """File name without its (possibly double) suffix."""
    name = path.name
    for suffix in (".nii.gz", ".nii.bz2", ".hdr.gz", ".ome.tif", ".ome.tiff"):
        if name.lower().endswith(suffix):
            return name[: -len(suffix)]
    return path.stem if path.is_file() else name


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write to a temporary neighbour that takes the file's place only when complete."""
    suffix = ".nii.gz" if path.name.lower().endswith(".nii.gz") else path.suffix
    try:
        handle, name = tempfile.mkstemp(prefix=".padis-", suffix=suffix, dir=path.parent)
    except OSError as error:
        raise InputError(
            f"'{path}' cannot be written: {error.strerror or error}; choose another folder."
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        os.replace(temporary, path)
    except OSError as error:
        raise InputError(f"'{path}' cannot be written: {error.strerror or error}.") from error
    finally:
        temporary.unlink(missing_ok=True)


def with_ending(path: Path, endings: tuple[str, ...]) -> Path:
    """The path that a user agreed to, with the first of these endings where it has none of them.

    Raises
    ------
    InputError
        If the ending makes it that of another file, about which nobody was asked.
    """
    if path.suffix.lower() in endings:
        return path
    path = path.with_name(f"{path.name}{endings[0]}")
    if path.exists():
        raise InputError(f"'{path}' exists already: save again under its full name or another.")
    return path


def _size(count: int) -> str:
    value = float(count)
    for unit in ("bytes", "KB", "MB", "GB"):
        if value < 1000:
            return f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.4g} TB"
