"""The viewer's world: patient millimetres that napari shows upright. Free of Qt and napari.

Its axes grow towards the head, the back and the left side (S, P, L). napari draws rows
downwards and columns to the right, so the front of the patient is up and the right side at
the left, as radiologists look at it, and the world is right-handed as napari's camera is: in
3D nothing is mirrored. Arrays of this package grow towards (S, A, R); they are shown with
rows and columns reversed, with positive scales, so that a plug-in that looks at the array
alone, napari's own writers and thumbnails have the picture upright too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.orientation import Affine, axis_codes

#: Directions in which the world's axes grow, and the labels of our layers' axes.
WORLD = ("S", "P", "L")

#: Directions in RAS+ coordinates by their first letters.
_DIRECTIONS = {
    "R": (1, 0, 0), "L": (-1, 0, 0), "A": (0, 1, 0), "P": (0, -1, 0), "S": (0, 0, 1),
    "I": (0, 0, -1),
}  # fmt: skip
_WORDS = {
    "right": "R", "left": "L", "anterior": "A", "posterior": "P", "superior": "S", "inferior": "I",
}  # fmt: skip

#: Share of the spacing below which a turn or a shear is taken for rounding.
ROUNDING = 1e-5


def as_shown(array: NDArray[Any]) -> NDArray[Any]:
    """An (S, A, R) array as its layer holds it, along (S, P, L); and back again.

    Parameters
    ----------
    array : ndarray, shape (..., rows, columns)

    Returns
    -------
    ndarray
        A view of the input.
    """
    return array[..., ::-1, ::-1]


def shown_affine(affine: Affine, shape: tuple[int, ...]) -> Affine:
    """Index of :func:`as_shown` of an array to RAS+ mm.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Index of the (S, A, R) array to RAS+ mm.
    shape : tuple of int
        Of that array.
    """
    turned = np.diag([1.0, -1.0, -1.0, 1.0])
    turned[1:3, 3] = shape[1] - 1, shape[2] - 1
    found: Affine = np.asarray(affine, dtype=np.float64) @ turned
    return found


def to_ras(labels: tuple[str, ...]) -> Affine | None:
    """World along anatomical axes to RAS+ mm; None where the labels do not name such axes.

    Parameters
    ----------
    labels : tuple of str
        Letters or words of the directions in which the last axes grow, such as
        ``('S', 'P', 'L')``. Two labels are those of a slice through the third axis.
    """
    letters = [_WORDS.get(str(label).lower(), str(label)) for label in labels[-3:]]
    if any(letter not in _DIRECTIONS for letter in letters):
        return None
    columns = [np.array(_DIRECTIONS[letter], np.float64) for letter in letters]
    if len(columns) == 2:
        columns.insert(0, np.cross(columns[1], columns[0]))  # as right-handed as the camera
    if len(columns) != 3:
        return None
    matrix = np.eye(4)
    matrix[:3, :3] = np.stack(columns, axis=1)
    return matrix if abs(np.linalg.det(matrix)) > 0.5 else None


#: The viewer's world to RAS+ mm.
WORLD_TO_RAS: Affine = np.diag([1.0, 1.0, 1.0, 1.0])
WORLD_TO_RAS[:3, :3] = [[0, 0, -1], [0, -1, 0], [1, 0, 0]]


@dataclass(frozen=True)
class Place:
    """Where the voxels of a run lie in the viewer's world.

    Attributes
    ----------
    translate : tuple of float
        World position of the first voxel as shown, before the turn.
    units : {'mm', 'pixel'}
        Length unit of the layers.
    labels : tuple of str
        Names of the world's axes.
    turn : tuple of tuple of float, optional
        Matrix (4, 4) applied after spacing and position, for a scan that was turned, flipped
        or sheared against the world's axes.
    """

    translate: tuple[float, float, float] = (0.0, 0.0, 0.0)
    units: str = "mm"
    labels: tuple[str, ...] = WORLD
    turn: tuple[tuple[float, ...], ...] | None = None

    @classmethod
    def of(
        cls,
        matrix: Affine,
        spacing: tuple[float, float, float],
        units: str = "mm",
        labels: tuple[str, ...] = WORLD,
    ) -> Place:
        """Place that maps the indices of voxels of this spacing as a matrix (4, 4) does."""
        turn = matrix @ np.diag(1 / np.array([*spacing, 1.0]))
        if np.abs(turn[:3, :3] - np.eye(3)).max() <= ROUNDING:
            # Two ways to the same place differ in the last digits; they are one place.
            digits = 9 - int(np.floor(np.log10(min(spacing))))
            first, second, third = (round(float(t), digits) + 0.0 for t in matrix[:3, 3])
            return cls((first, second, third), units, labels)
        return cls(units=units, labels=labels, turn=tuple(map(tuple, turn.tolist())))

    def matrix(self, spacing: tuple[float, float, float]) -> Affine:
        """Index of the array as shown to the world, shape (4, 4)."""
        matrix = np.diag([*spacing, 1.0])
        matrix[:3, 3] = self.translate
        return matrix if self.turn is None else np.asarray(self.turn) @ matrix

    def arguments(self, spacing: tuple[float, float, float]) -> dict[str, Any]:
        """Arguments of a layer of voxels of this spacing."""
        turn = {} if self.turn is None else {"affine": np.array(self.turn)}
        return {
            "scale": spacing,
            "translate": self.translate,
            "units": (self.units,) * 3,
            "axis_labels": self.labels,
            **turn,
        }


def resting_place(
    affine: Affine, shape: tuple[int, ...], spacing: tuple[float, float, float]
) -> Place:
    """Place of an array at its patient coordinates, along the world's axes.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Index of the array, before :func:`as_shown`, to RAS+ mm. An oblique one is straightened
        about its middle, as napari cannot cut what is not along the axes of the viewer. One
        of sagittal or coronal slices stays so: its labels tell its directions.
    shape : tuple of int
    spacing : tuple of float
        In mm.
    """
    shown = shown_affine(affine, shape)
    true = np.linalg.inv(WORLD_TO_RAS) @ shown
    rest = np.diag([*spacing, 1.0])
    if np.abs(true[:3, :3] - rest[:3, :3]).max() <= ROUNDING * min(spacing):
        rest[:3, 3] = true[:3, 3]
    else:
        middle = (np.asarray(shape) - 1) / 2
        rest[:3, 3] = true[:3, :3] @ middle + true[:3, 3] - np.asarray(spacing) * middle
    return Place.of(rest, spacing, labels=tuple(axis_codes(shown)))


#: First voxel at the origin of the patient's world.
ORIGIN = Place()
