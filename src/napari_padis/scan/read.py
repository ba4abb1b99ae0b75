"""Open any supported file or folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.scan.files import existing
from napari_padis.scan.formats import header_beside
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.parts import Part, Scan, parts_of

__all__ = ["Scan", "format_of", "read", "read_all"]

#: Scans named in a note where there are more.
_NAMED = 8


def read(path: str | Path) -> Scan:
    """Read a file or folder as a volume, a measurement or raw projections.

    Where there are several (series of a DICOM folder, volumes of a 4D file, files of other
    formats in a folder), the first one is returned, and its notes name the others.

    Parameters
    ----------
    path : str or Path
        A supported file, or a folder of DICOM files, TIFF pages or other volumes.

    Returns
    -------
    Volume, Measurement or Projections

    Raises
    ------
    InputError
        If it cannot be read; the message says why.
    """
    parts = parts_of(path)
    scans = parts[0].read()
    others = [scan.name for scan in scans[1:]] + [part.name for part in parts[1:]]
    if not others:
        return scans[0]
    first = scans[0]
    known = first.provenance.get("notes", ()) if isinstance(first, Measurement) else first.notes
    if all(any(f"'{name}'" in note for note in known) for name in others):
        return noted(first, "The first of these volumes was read, the others were not.")
    named = ", ".join(f"'{name}'" for name in others[:_NAMED])
    more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
    return noted(first, f"Also there and not read: {named}{more}.")


def format_of(path: str | Path) -> str:
    """Format of a file, or of what is read first of a folder.

    Raises
    ------
    InputError
        If there is nothing or the format is not supported.
    """
    return parts_of(path)[0].kind


def read_all(path: str | Path | Sequence[str | Path]) -> list[Scan]:
    """Read everything: all DICOM series of a folder, all volumes of a 4D NIfTI file.

    A list of paths is read one by one, except that DICOM files in it are taken together.
    What cannot be read beside something that can is named in the notes.
    """
    if isinstance(path, (str, Path)):
        return _read_beside(parts_of(path))
    given = [existing(p) for p in path]
    headers = {p: header_beside(p) for p in given}
    # Voxels beside their header (.img with .hdr) are read once.
    paths = [headers[p] for p in given if headers[p] == p or headers[p] not in given]
    kinds = {p: "" if p.is_dir() else format_of(p) for p in paths}
    dicom = [p for p, kind in kinds.items() if kind == "dicom"]
    scans: list[Scan] = []
    if len(dicom) > 1:
        from napari_padis.scan.dicom import read_dicom

        scans += read_dicom(dicom)
        paths = [p for p in paths if p not in dicom]
    for p in paths:
        scans += read_all(p)
    return scans


def _read_beside(parts: Sequence[Part]) -> list[Scan]:
    """The scans of several parts of a folder; those that fail are named beside the others."""
    scans: list[Scan] = []
    failed: list[InputError] = []
    for part in parts:
        try:
            scans += part.read()
        except InputError as error:
            failed.append(error)
    if not scans:
        raise failed[0]
    if failed:
        scans[0] = noted(scans[0], *(f"Not read: {error}" for error in failed[:_NAMED]))
    return scans


def noted(scan: Scan, *notes: str) -> Scan:
    """The scan with more notes."""
    if isinstance(scan, Measurement):
        known = scan.provenance.get("notes", ())
        return replace(scan, provenance={**scan.provenance, "notes": [*known, *notes]})
    return replace(scan, notes=(*scan.notes, *notes))
