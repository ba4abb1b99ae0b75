"""Projections as a TIFF stack, one page per view, with a list of angles beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.angle_list import read_angles
from napari_padis.scan.contents import guess_contents
from napari_padis.scan.files import existing, quiet, reading, stem
from napari_padis.scan.projections import Projections
from napari_padis.scan.tiff import read_pages

#: Lists of angles that may belong to any stack of the folder.
SHARED = ("angles.txt", "theta.txt", "angles.csv", "theta.csv")
#: Endings of the list that belongs to one stack: ``scan.tif`` has ``scan.ang``.
OWN = (".ang", "_angles.txt", "_theta.txt", "_angles.csv", "_theta.csv")


def angles_beside(path: str | Path) -> Path | None:
    """The list of angles that belongs to a TIFF file or folder of pages, if there is one.

    A list named after the file, or lying in the folder of pages, always belongs to it.
    A common ``angles.txt`` does only when it has one line per page, so that a volume
    stored beside projections remains a volume.
    """
    path = Path(path)
    if path.is_dir():
        found = [path / name for name in SHARED]
        found += sorted(path.glob("*.ang"))
        return next((f for f in found if f.is_file()), None)
    for ending in OWN:
        own = path.parent / f"{stem(path)}{ending}"
        if own.is_file():
            return own
    shared = [path.parent / name for name in SHARED]
    shared += sorted(path.parent.glob("*.ang"))
    return next((f for f in shared if f.is_file() and _fits(f, path)), None)


def _fits(angles: Path, stack: Path) -> bool:
    """Whether a list has as many angles as the stack has pages, and the stack is not ours."""
    import tifffile

    try:
        count = len(read_angles(angles).values)
        with quiet("tifffile"), tifffile.TiffFile(stack) as file:
            shape = max(file.series, key=lambda series: series.size).shape
            ours = "napari-padis" in str((file.imagej_metadata or {}).get("Info", ""))
    except Exception:  # whatever is damaged is told by the reader of the file itself
        return False
    return len(shape) == 3 and shape[0] == count and not ours


def read_tiff_projections(
    path: str | Path, angles: NDArray[np.float64] | None = None, notes: tuple[str, ...] = ()
) -> Projections:
    """Read a TIFF stack, or a folder of pages, as projections: one page (rows, bins) per view.

    A single page is a sinogram (views, bins).

    Parameters
    ----------
    path : str or Path
    angles : ndarray, shape (views,), optional
        In radians; read from the list beside the stack when missing.
    notes : tuple of str
        What is known about the angles.

    Raises
    ------
    InputError
        If the file is missing, damaged or does not fit the angles.
    """
    path = existing(path)
    metadata: dict[str, Any] = {"format": "TIFF"}
    source = ""
    if angles is None and (beside := angles_beside(path)) is not None:
        found, source = read_angles(beside), beside.name
        said = (f"Angles from '{beside.name}'.", *found.notes)
        angles, notes = found.values, (*notes, *said)
        metadata |= found.facts() | {"angle_notes": said}
    with reading(path, "TIFF"), quiet("tifffile"):
        pages = read_pages(path)
        if pages.dtype.kind not in "fiu":
            raise InputError(f"'{path.name}' holds no real numbers.")
        if len(pages) == 1:
            pages = pages[0][:, None, :]
        if not np.isfinite(pages[:: max(1, len(pages) // 16)]).any():
            raise InputError(f"'{path.name}' holds no finite number.")
        if source and angles is not None and len(angles) != len(pages):
            raise InputError(
                f"'{path.name}' has {len(pages)} views, but '{source}' lists {len(angles)} angles; "
                "give one angle for each view."
            )
        contents, why = guess_contents(pages)
        return Projections(
            data=pages,
            angles=angles,
            contents=contents,
            name=stem(path),
            notes=(*notes, *why),
            metadata=metadata,
        )
