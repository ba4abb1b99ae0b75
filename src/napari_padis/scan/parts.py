"""What a path holds: one file, or the files of a folder that belong together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.scan.files import existing, quiet
from napari_padis.scan.formats import by_name, file_format, header_beside
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.projections import Projections
from napari_padis.scan.volume import Volume

Scan = Volume | Measurement | Projections


@dataclass(frozen=True)
class Part:
    """A file, or the files of a folder that belong together, and how it is read."""

    name: str
    kind: str
    path: Path

    def read(self) -> list[Scan]:
        """Every scan of it."""
        return _reader(self.kind)(self.path)


def parts_of(path: str | Path) -> list[Part]:
    """What a path holds: one part for a file, one or several for a folder.

    A folder's DICOM files (those of its subfolders too) are one part and come first, its
    single TIFF pages are one, and every other file of a supported format is one.

    Raises
    ------
    InputError
        If there is nothing or the format is not supported.
    """
    path = existing(path)
    if not path.is_dir():
        path = header_beside(path)
        return [Part(path.name, file_format(path), path)]
    kinds = folder_formats(path)
    if not kinds and not any(path.iterdir()):
        raise InputError(f"The folder '{path.name}' is empty.")
    parts: list[Part] = []
    pages = [child for child, kind in kinds.items() if kind == "tiff"]
    singles = bool(pages) and not any(_is_stack(page) for page in pages[:2])
    if not kinds or holds_dicom(path):
        parts.append(Part("DICOM files", "dicom", path))
    if singles and (len(pages) > 1 or len(kinds) == 1):
        parts.append(Part(f"TIFF pages from {pages[0].name}", "tiff", path))
        pages = []
    for child, kind in kinds.items():
        if child in pages or kind not in ("dicom", "tiff"):
            parts.append(Part(child.name, kind, child))
    return parts


def folder_formats(path: Path, most: int | None = None) -> dict[Path, str]:
    """Formats of the files in a folder, by their names in natural order.

    Voxels that a header of the folder describes, hidden files and what is of no format are
    left out.

    Parameters
    ----------
    path : Path
    most : int, optional
        Number of files that are looked at.
    """
    try:
        children = sorted(islice(path.iterdir(), most))
    except OSError as error:
        raise InputError(f"'{path}' cannot be opened: {error.strerror}.") from error
    kinds = {}
    for child in children:
        if child.name.startswith(".") or not child.is_file():
            continue
        with suppress(InputError):
            if header_beside(child) == child and child.suffix.lower() != ".cfl":
                kinds[child] = file_format(child)
    return kinds


def holds_dicom(path: Path, most: int = 1000) -> bool:
    """Whether DICOM is among the first files of a folder and its subfolders."""
    from napari_padis.scan.dicom_files import is_dicom

    files = (child for child in path.rglob("*") if child.is_file() and child.name[0] != ".")
    return any(by_name(child) == "dicom" or is_dicom(child) for child in islice(files, most))


def _is_stack(path: Path) -> bool:
    """Whether a TIFF file has several pages, from its structure alone."""
    import tifffile

    with suppress(Exception), quiet("tifffile"), tifffile.TiffFile(path) as file:
        return len(file.pages) > 1
    return False


def _reader(kind: str) -> Callable[[str | Path], list[Scan]]:
    """The reader of a format; each file library is imported only when it is needed."""
    if kind == "nifti":
        from napari_padis.scan.nifti import read_nifti

        return lambda path: list(read_nifti(path))
    if kind == "dicom":
        from napari_padis.scan.dicom import read_dicom

        return lambda path: list(read_dicom(path))
    if kind == "nrrd":
        from napari_padis.scan.nrrd_file import read_nrrd

        return lambda path: list(read_nrrd(path))
    if kind == "metaimage":
        from napari_padis.scan.metaimage import read_metaimage

        return lambda path: list(read_metaimage(path))
    from napari_padis.scan import several_kinds

    single: Callable[[str | Path], list[Scan]] = {
        "tiff": several_kinds.read_tiff_file,
        "numpy": several_kinds.read_numpy_file,
        "matlab": several_kinds.read_matlab_file,
        "kspace": several_kinds.read_kspace_file,
        "hdf5": several_kinds.read_hdf5_file,
    }[kind]
    return single
