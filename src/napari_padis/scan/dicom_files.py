"""DICOM files: recognised by content, found in folders and directories, opened."""

from __future__ import annotations

import os
import struct
import warnings
from collections.abc import Sequence
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from napari_padis.errors import InputError
from napari_padis.scan.files import existing, one_line

#: A folder with more files than this is not a series somebody dropped on the window.
MAX_FILES = 20_000

#: Endings that say DICOM.
SUFFIXES = (".dcm", ".ima", ".dicom")

#: Value representations of DICOM PS3.5, those with a length of four bytes apart.
_LONG = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
_SHORT = frozenset(b"AE AS AT CS DA DS DT FD FL IS LO LT PN SH SL SS ST TM UI UL US".split())

#: A file without preamble is believed when this many elements in a row make sense.
_BELIEVED = 3


def is_dicom(path: Path) -> bool:
    """Whether the content of a file is DICOM.

    That is the case with the marker ('DICM' after 128 bytes) and without it, as old
    archives write, when the first elements of a data set follow one another.
    """
    try:
        with path.open("rb") as file:
            start = file.read(2048)
    except OSError:
        return False
    return start[128:132] == b"DICM" or _is_data_set(start)


def _is_data_set(start: bytes) -> bool:
    """Whether bytes are the first elements of a data set, which begins with group 2 or 8."""
    return any(_elements(start, order) >= _BELIEVED for order in "<>")


def _elements(start: bytes, order: str) -> int:
    """Number of elements that follow one another from the first byte, at most three."""
    at, last, count = 0, (0, -1), 0
    while count < _BELIEVED and at + 12 <= len(start):
        group, element = struct.unpack_from(f"{order}HH", start, at)
        kind = start[at + 4 : at + 6]
        if kind in _SHORT:
            length, head = struct.unpack_from(f"{order}H", start, at + 6)[0], 8
        elif kind in _LONG:
            length, head = struct.unpack_from(f"{order}I", start, at + 8)[0], 12
        else:  # implicit
            length, head = struct.unpack_from(f"{order}I", start, at + 4)[0], 8
        first = group in (2, 8) and element < 0x0100
        if (count == 0 and not first) or (group, element) <= last or length % 2 or length > 1024:
            break
        at, last, count = at + head + length, (group, element), count + 1
    return count


def load(path: Path) -> Dataset:
    """Read one DICOM object; raises InputError when the file is no DICOM."""
    # Real-world headers violate the standard in ways that do not matter here.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dataset = pydicom.dcmread(path, force=True)
            known = "SOPClassUID" in dataset or "Rows" in dataset or "PixelData" in dataset
            known = known or "DirectoryRecordSequence" in dataset
        except OSError as error:
            raise InputError(f"'{path.name}' cannot be read: {one_line(error)}.") from error
        except Exception as error:
            raise InputError(
                f"'{path.name}' is not a readable DICOM file: {one_line(error)}."
            ) from error
    if not known:
        raise InputError(f"'{path.name}' is not a DICOM file.")
    return _with_syntax(dataset)


def _with_syntax(dataset: Dataset) -> Dataset:
    """The data set with the transfer syntax that its bytes have where none is stated."""
    meta = getattr(dataset, "file_meta", None)
    if meta is None:
        meta = dataset.file_meta = FileMetaDataset()
    if "TransferSyntaxUID" not in meta:
        implicit, little = dataset.original_encoding
        explicit = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
        meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else explicit
    return dataset


def files_of(path: str | Path | Sequence[Path]) -> tuple[Path, list[Path]]:
    """The file or folder that names the result, and the DICOM files of it.

    Raises
    ------
    InputError
        If a folder holds too many files, or a DICOMDIR's images are not with it.
    """
    if not isinstance(path, (str, Path)):
        files = [existing(p) for p in path]
        return (files[0] if len(files) == 1 else files[0].parent), files
    root = existing(path)
    if not root.is_dir():
        return (root.parent, listed) if (listed := _listed(root)) else (root, [root])
    return root, [file for file in sorted(_walk(root)) if _candidate(file)]


def _walk(root: Path) -> list[Path]:
    files: list[Path] = []
    for folder, _, names in os.walk(root):
        files += [Path(folder) / name for name in names if not name.startswith(".")]
        if len(files) > MAX_FILES:
            raise InputError(
                f"'{root.name}' holds more than {MAX_FILES} files; choose one study's folder."
            )
    return files


def _candidate(path: Path) -> bool:
    if path.stem.upper() == "DICOMDIR":
        return False
    return path.suffix.lower() in SUFFIXES or is_dicom(path)


def _listed(path: Path) -> list[Path]:
    """The images that a directory file (DICOMDIR) lists; empty for any other file."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            head = pydicom.dcmread(path, force=True, stop_before_pixels=True)
            records = head.get("DirectoryRecordSequence")
            names = [record.get("ReferencedFileID") for record in records or ()]
    except Exception:
        return []  # what is wrong with the file is said when it is read
    if records is None:
        return []
    parts = [[name] if isinstance(name, str) else list(name) for name in names if name]
    found = [file for part in parts if (file := _on_disc(path.parent, part)) is not None]
    if not found:
        what = f"a table of contents of {len(parts)} DICOM files, none of which is where it says"
        raise InputError(
            f"'{path.name}' is {what if parts else 'a table of contents without files'}; copy the "
            "whole disc and open its folder."
        )
    return found


def _on_disc(folder: Path, parts: list[str]) -> Path | None:
    """A file named by a DICOMDIR; discs are often copied to lower case."""
    for spelling in (str, str.lower):
        path = folder.joinpath(*map(spelling, parts))
        if path.is_file():
            return path
    return None
