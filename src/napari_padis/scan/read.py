"""Open any supported file or folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.scan.files import existing
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.projections import Projections
from napari_padis.scan.volume import Volume

Scan = Volume | Measurement | Projections

#: Formats by file name ending.
SUFFIXES = {
    ".nii": "nifti", ".nii.gz": "nifti", ".dcm": "dicom", ".ima": "dicom", ".dicom": "dicom",
    ".nrrd": "nrrd", ".nhdr": "nrrd", ".mha": "metaimage", ".mhd": "metaimage",
    ".tif": "tiff", ".tiff": "tiff", ".npy": "numpy", ".npz": "numpy",
    ".h5": "hdf5", ".hdf5": "hdf5", ".mat": "matlab", ".cfl": "kspace", ".hdr": "kspace",
}  # fmt: skip

_MAGIC = {
    b"NRRD": "nrrd", b"II*\x00": "tiff", b"MM\x00*": "tiff", b"II+\x00": "tiff",
    b"\x93NUMPY": "numpy", b"\x89HDF\r\n\x1a\n": "hdf5", b"MATLAB ": "matlab",
}  # fmt: skip

SUPPORTED = (
    "NIfTI (.nii, .nii.gz), DICOM (.dcm or a folder), NRRD, MetaImage (.mha, .mhd), TIFF, "
    "NumPy (.npy, .npz), MATLAB sinograms (.mat), DXchange projections (.h5), k-space (.h5, "
    ".npz, .cfl) and napari-padis measurements (.h5)"
)


def read(path: str | Path) -> Scan:
    """Read a file or folder as a volume, a measurement or raw projections.

    Of a DICOM folder with several series the largest is returned, and its notes say
    how many others there are.

    Parameters
    ----------
    path : str or Path
        A supported file, or a folder of DICOM files or TIFF pages.

    Returns
    -------
    Volume, Measurement or Projections

    Raises
    ------
    InputError
        If it cannot be read; the message says why.
    """
    if (kind := format_of(path)) == "nifti":
        from napari_padis.scan.nifti import read_nifti

        return read_nifti(path)
    scans = _reader(kind)(path)
    first = scans[0]
    if len(scans) > 1 and isinstance(first, Volume):
        note = f"{len(scans) - 1} more series were not read; this one is the largest."
        return replace(first, notes=(*first.notes, note))
    return first


def read_all(path: str | Path | Sequence[str | Path]) -> list[Scan]:
    """Read everything: all DICOM series of a folder, all volumes of a 4D NIfTI file.

    A list of paths is read one by one, except that DICOM files in it are taken together.
    """
    if isinstance(path, (str, Path)):
        return _reader(format_of(path))(path)
    formats = [(Path(p), format_of(p)) for p in path]
    dicom = [p for p, kind in formats if kind == "dicom" and p.is_file()]
    scans: list[Scan] = []
    if len(dicom) > 1:
        from napari_padis.scan.dicom import read_dicom

        scans += read_dicom(dicom)
        formats = [(p, kind) for p, kind in formats if p not in dicom]
    for p, kind in formats:
        scans += _reader(kind)(p)
    return scans


def format_of(path: str | Path) -> str:
    """Format of a file or folder, from its name or its first bytes.

    Raises
    ------
    InputError
        If there is nothing or the format is not supported.
    """
    path = existing(path)
    if path.is_dir():
        return _format_of_folder(path)
    name = path.name.lower()
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return SUFFIXES[suffix]
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError as error:
        raise InputError(f"'{path}' cannot be opened: {error.strerror}.") from error
    if start[128:132] == b"DICM":
        return "dicom"
    for magic, kind in _MAGIC.items():
        if start.startswith(magic):
            return kind
    raise InputError(f"'{path.name}' is of no supported format; supported are {SUPPORTED}.")


def _format_of_folder(path: Path) -> str:
    """TIFF when the folder holds TIFF pages and no DICOM by name, otherwise DICOM."""
    try:
        suffixes = {child.suffix.lower() for child in path.iterdir()}
    except OSError as error:
        raise InputError(f"'{path}' cannot be opened: {error.strerror}.") from error
    if not suffixes:
        raise InputError(f"The folder '{path.name}' is empty.")
    if suffixes & {".tif", ".tiff"} and not suffixes & {".dcm", ".ima", ".dicom"}:
        return "tiff"
    return "dicom"


def _reader(kind: str) -> Callable[[str | Path], list[Scan]]:
    """The reader of a format; each file library is imported only when it is needed."""
    if kind == "nifti":
        from napari_padis.scan.nifti import read_nifti_all

        return lambda path: list(read_nifti_all(path))
    if kind == "dicom":
        from napari_padis.scan.dicom import read_dicom

        return lambda path: list(read_dicom(path))
    if kind == "nrrd":
        from napari_padis.scan.nrrd_file import read_nrrd

        return lambda path: [read_nrrd(path)]
    if kind == "metaimage":
        from napari_padis.scan.metaimage import read_metaimage

        return lambda path: [read_metaimage(path)]
    from napari_padis.scan import several_kinds

    single = {
        "tiff": several_kinds.read_tiff_file,
        "numpy": several_kinds.read_numpy_file,
        "matlab": several_kinds.read_matlab_file,
        "kspace": several_kinds.read_kspace_file,
        "hdf5": several_kinds.read_hdf5_file,
    }[kind]
    return lambda path: [single(path)]
