"""Which format a file has: its first bytes tell, and its name only where they do not."""

from __future__ import annotations

import bz2
import gzip
import re
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from napari_padis.errors import InputError
from napari_padis.scan.files import MAX_BZIP2, MAX_COMPRESSION, existing

#: Formats by file name ending. Headers (.hdr) are of many formats: their content tells.
SUFFIXES = {
    ".nii": "nifti", ".nii.gz": "nifti", ".nii.bz2": "nifti",
    ".dcm": "dicom", ".ima": "dicom", ".dicom": "dicom",
    ".nrrd": "nrrd", ".nhdr": "nrrd", ".mha": "metaimage", ".mhd": "metaimage",
    ".tif": "tiff", ".tiff": "tiff", ".npy": "numpy", ".npz": "numpy",
    ".h5": "hdf5", ".hdf5": "hdf5", ".mat": "matlab", ".cfl": "kspace",
}  # fmt: skip

_MAGIC = {
    b"NRRD": "nrrd", b"II*\x00": "tiff", b"MM\x00*": "tiff", b"II+\x00": "tiff",
    b"MM\x00+": "tiff", b"\x93NUMPY": "numpy", b"MATLAB ": "matlab",
    b"\x89HDF\r\n\x1a\n": "hdf5", b"# Dimensions": "kspace",
}  # fmt: skip

#: What other files begin with, and what to do with them.
_FOREIGN = {
    b"\x89PNG": "a PNG picture", b"\xff\xd8\xff": "a JPEG picture", b"GIF8": "a GIF picture",
    b"%PDF": "a PDF document", b"CDF": "a netCDF (or MINC 1) file", b"ENVI": "an ENVI header",
    b"!INTERFILE": "an Interfile header", b"# vtk": "a VTK file", b"<?xml": "an XML file",
    b"<VTKFile": "a VTK file", b"#?": "a Radiance picture",
    b"7z\xbc\xaf": "a 7-Zip archive", b"Rar!": "a RAR archive",
    b"\xfd7zXZ": "an xz archive", b"(\xb5/\xfd": "a Zstandard archive",
}  # fmt: skip

#: Openers of packed files by their first bytes, and how many times smaller they can be.
PACKED: dict[bytes, tuple[Callable[..., Any], int]] = {
    b"\x1f\x8b": (gzip.open, MAX_COMPRESSION), b"BZh": (bz2.open, MAX_BZIP2),
}  # fmt: skip

#: Endings of files of bare voxels, and of the headers that may belong to them.
_BARE = (".img", ".raw", ".zraw", ".dat", ".bin")
_HEADERS = (".hdr", ".mhd", ".nhdr")

_METAIMAGE = re.compile(rb"\s*(ObjectType|NDims|Comment|ID)\s*=", re.IGNORECASE)

#: The length of an Analyze header, in both byte orders, with which it begins.
_ANALYZE = (b"\x5c\x01\0\0", b"\0\0\x01\x5c")

#: Bytes that are looked at: a NIfTI-1 header with its magic.
_START = 352

SUPPORTED = (
    "NIfTI and Analyze (.nii, .nii.gz, .hdr with .img), DICOM (.dcm or a folder), NRRD, MetaImage "
    "(.mha, .mhd), TIFF, NumPy (.npy, .npz), MATLAB sinograms (.mat), DXchange projections (.h5), "
    "k-space (.h5, .npz, .cfl) and napari-padis measurements (.h5)"
)


def file_format(path: str | Path) -> str:
    """Format of a file from its first bytes, or from its name where these do not tell.

    Raises
    ------
    InputError
        If there is nothing or the format is not supported.
    """
    path = existing(path)
    start = _start(path)
    if found := _by_content(path, start):
        return found
    foreign = next((word for magic, word in _FOREIGN.items() if start.startswith(magic)), None)
    if foreign is None and (found := by_name(path)):
        return found
    if foreign is None and _is_dicom(path):
        return "dicom"
    if foreign is None and path.suffix.lower() in _BARE:
        raise InputError(
            f"'{path.name}' seems to hold voxels without a header; open the header that belongs "
            f"to it ({', '.join(_HEADERS)})."
        )
    if any(start.startswith(magic) for magic in (*PACKED, b"PK\x03\x04")):
        foreign = "packed"
    what = f"is {foreign} and is not read; convert or unpack it. Supported are {SUPPORTED}."
    other = f"is of no supported format; supported are {SUPPORTED}."
    raise InputError(f"'{path.name}' {what if foreign else other}")


def by_name(path: Path) -> str | None:
    """Format that the ending of a name stands for."""
    name = path.name.lower()
    longest = sorted(SUFFIXES, key=len, reverse=True)
    return next((SUFFIXES[suffix] for suffix in longest if name.endswith(suffix)), None)


def header_beside(path: Path) -> Path:
    """The header of a file of bare voxels (.img, .raw, .dat ...), or the path itself."""
    if path.name.lower().endswith(".img.gz"):
        header = path.with_name(f"{path.name[:-7]}.hdr.gz")
        return header if header.is_file() else path
    if path.suffix.lower() not in _BARE or _by_content(path, _start(path)):
        return path
    beside = [path.with_suffix(suffix) for suffix in _HEADERS]
    beside += [path.with_suffix(suffix.upper()) for suffix in _HEADERS]
    return next((header for header in beside if header.is_file() and _names(header, path)), path)


def _names(header: Path, voxels: Path) -> bool:
    """Whether a header belongs to a file: .hdr and .img by their names, others by their text."""
    if header.suffix.lower() == ".hdr":
        return voxels.suffix.lower() == ".img"
    with header.open("rb") as file:
        return voxels.name.encode() in file.read(2**16)


def opener_of(path: Path) -> Callable[..., Any] | None:
    """What unpacks a file, from its first bytes; None where it is not packed."""
    start = _start(path)
    return next((opener for magic, (opener, _) in PACKED.items() if start.startswith(magic)), None)


def packing(path: Path) -> int:
    """How many times smaller a packed file can be than its content; 0 where it is not packed."""
    start = _start(path)
    return next((ratio for magic, (_, ratio) in PACKED.items() if start.startswith(magic)), 0)


def _by_content(path: Path, start: bytes) -> str | None:
    for magic, (opener, _) in PACKED.items():
        if start.startswith(magic):
            try:
                with opener(path) as file:
                    start = file.read(_START)
            except (OSError, EOFError, ValueError, zlib.error):
                return None
            return "nifti" if _is_nifti(start) else None
    if start[128:132] == b"DICM":
        return "dicom"
    if start.startswith(b"PK\x03\x04"):
        return "numpy" if path.suffix.lower() == ".npz" or b".npy" in start[:_START] else None
    found = next((kind for magic, kind in _MAGIC.items() if start.startswith(magic)), None)
    if found is None and _METAIMAGE.match(start):
        return "metaimage"
    analyze = path.suffix.lower() == ".hdr" and start[:4] in _ANALYZE
    return found or ("nifti" if analyze or _is_nifti(start) else None)


def _is_nifti(start: bytes) -> bool:
    """Whether bytes begin a header of NIfTI-1, NIfTI-2 or Analyze 7.5, which has no magic."""
    if start[344:348] in (b"n+1\0", b"ni1\0") or start[4:8] in (b"n+2\0", b"ni2\0"):
        return True
    return start[:4] in _ANALYZE and start[38:39] == b"r"


def _is_dicom(path: Path) -> bool:
    from napari_padis.scan.dicom_files import is_dicom  # costly, so only where nothing else fits

    return is_dicom(path)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_START)
    except OSError as error:
        raise InputError(f"'{path}' cannot be opened: {error.strerror}.") from error
