"""View angles from a text file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def read_angles(path: Path) -> NDArray[np.float64]:
    """View angles of a list, as radians; degrees unless the list states radians.

    What is odd about the list is said on the error output.

    Raises
    ------
    InputError
        If the file cannot be read or it is not clear which numbers are the angles.
    """
    import typer

    from napari_padis.scan.angle_list import read_angles as read
    from napari_padis.scan.angles import DEGREES, OVERRIDE

    found = read(path, usual=DEGREES)
    for note in found.notes:
        # Nothing is prepared here: the list itself can be changed.
        typer.echo(note.replace(OVERRIDE, "").strip(), err=True)
    return found.values
