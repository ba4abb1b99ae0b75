"""Training volumes of a folder: single files, DICOM series, TIFF pages. Free of torch."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.scan.volume import Volume

ENDINGS = (".nii", ".nii.gz", ".nrrd", ".mha", ".mhd", ".tif", ".tiff")
_TIFF = (".tif", ".tiff")
_DICOM = (".dcm", ".ima", ".dicom")


def find_volumes(folder: str | Path) -> list[Path]:
    """All volumes below a folder, in a fixed order.

    Returns
    -------
    list of Path
        Files; folders that hold DICOM files; folders of single-page TIFF files of one size.

    Raises
    ------
    InputError
        If there is no such folder or nothing in it.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"Training folder '{folder}' does not exist.")
    found: list[Path] = []
    for root, below, names in os.walk(folder):
        below[:] = [name for name in below if not name.startswith(".")]
        found += _in_one_folder(Path(root), [n for n in names if not n.startswith(".")])
    if not found:
        raise InputError(f"No volumes ({', '.join(ENDINGS)} or DICOM) below '{folder}'.")
    return sorted(found)


def files_of(path: Path) -> list[Path]:
    """Files behind one entry of :func:`find_volumes`."""
    if not path.is_dir():
        return [path]
    files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
    return [p for p in files if p.suffix.lower() in _TIFF] or [p for p in files if _dicom(p)]


def read_volumes(paths: Iterable[Path]) -> Iterator[Volume]:
    """Read volumes one after another.

    Of a DICOM folder these are all series with square axial pixels, that is, neither
    localisers nor reformatted series.

    Raises
    ------
    InputError
        If a file cannot be read, is no volume, or a folder has no axial series.
    """
    from napari_padis.scan.read import read

    for path in paths:
        if path.is_dir() and files_of(path)[0].suffix.lower() not in _TIFF:
            yield from _axial_series(path)
            continue
        found = read(path)
        if not isinstance(found, Volume):
            raise InputError(f"'{path.name}' is not a volume; priors are trained on volumes.")
        yield found


def _in_one_folder(folder: Path, names: list[str]) -> list[Path]:
    files = [folder / n for n in sorted(names) if n.lower().endswith(ENDINGS)]
    pages = [p for p in files if p.suffix.lower() in _TIFF]
    if len(pages) > 1 and _is_one_stack(pages):
        files = [p for p in files if p not in pages] + [folder]
    elif not pages and any(_dicom(folder / n) for n in names if not n.lower().endswith(ENDINGS)):
        files.append(folder)
    return files


def _dicom(path: Path) -> bool:
    from napari_padis.scan.dicom import is_dicom

    if path.name.upper() == "DICOMDIR" or not path.is_file():
        return False
    return path.suffix.lower() in _DICOM or is_dicom(path)


def _is_one_stack(files: list[Path]) -> bool:
    """Whether files are single pages of one size."""
    import tifffile

    shapes = set()
    for file in files:
        try:
            with tifffile.TiffFile(file) as tiff:
                shapes.add((len(tiff.pages), *tiff.pages.first.shape))
        except (OSError, ValueError, IndexError, tifffile.TiffFileError):
            return False  # the reader says later what is wrong with it
    return len(shapes) == 1 and shapes.pop()[0] == 1


def _axial_series(folder: Path) -> list[Volume]:
    from napari_padis.scan.dicom import read_dicom

    volumes = read_dicom(files_of(folder))
    # Reformatted series have the slice spacing within their axial images.
    axial = [
        v for v in volumes
        if min(v.shape[1:]) >= 16 and abs(v.spacing[1] / v.spacing[2] - 1) < 0.02
    ]  # fmt: skip
    if not axial:
        raise InputError(
            f"'{folder.name}' holds no axial DICOM series; training needs axial slices."
        )
    return axial
