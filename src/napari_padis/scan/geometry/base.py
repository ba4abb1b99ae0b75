"""What all descriptions of a measurement share."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import one_line

#: Least and largest length in mm; what lies beyond could not be told in single precision.
LENGTHS = (1e-9, 1e9)

_KINDS: dict[str, type[Geometry]] = {}


class Geometry:
    """Base of all descriptions: the grid of the image, and how it is stored.

    Parameters
    ----------
    image_shape : tuple of int
        Rows and columns of the reconstructed slices.
    pixel : tuple of float
        Row and column spacing in mm.
    slice_spacing : float
        Distance of neighbouring slices in mm.

    Attributes
    ----------
    kind : str
        Name of the forward model.
    slicewise : bool
        Whether every slice has data of its own: ``Measurement.data`` then has the slices
        as its first axis, otherwise its shape is ``data_shape``.
    attenuation : bool
        Whether the data are line integrals of the attenuation in 1/mm; otherwise the
        image has the unit of the measurement.
    channels : int
        Channels of the image: 2 for complex images (real and imaginary part), else 1.
    """

    # Subclasses are frozen dataclasses and declare these among their own fields, so that
    # what is special to them comes first.
    image_shape: tuple[int, int]
    pixel: tuple[float, float]
    slice_spacing: float

    kind: ClassVar[str]
    slicewise: ClassVar[bool] = True
    attenuation: ClassVar[bool] = False
    channels: ClassVar[int] = 1

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        _KINDS[cls.kind] = cls

    def __post_init__(self) -> None:
        self._set("image_shape", tuple(int(n) for n in self.image_shape))
        self._set("pixel", tuple(float(p) for p in self.pixel))
        if len(self.image_shape) != 2 or min(self.image_shape) < 1:
            raise InputError("Images need two sides of at least 1 pixel.")
        self.positive("Pixel size and slice spacing", *self.pixel, self.slice_spacing)

    def _whole(self, name: str, words: str) -> None:
        """Make a field a whole number of at least 1; raises InputError where it is none."""
        value = getattr(self, name)
        if not 1 <= value < 2**31 or int(value) != value:
            raise InputError(f"{words} must be a whole number of at least 1, not {value}.")
        self._set(name, int(value))

    def _set(self, name: str, value: Any) -> None:
        """Normalise a field of the frozen instance."""
        object.__setattr__(self, name, value)

    @staticmethod
    def positive(what: str, *values: float) -> None:
        """Raise InputError unless all lengths are positive and of a size that can be meant."""
        if not all(LENGTHS[0] <= v <= LENGTHS[1] for v in values):
            raise InputError(f"{what} must be positive, from {LENGTHS[0]:g} to {LENGTHS[1]:g} mm.")

    @property
    def data_shape(self) -> tuple[int, ...]:
        """Shape of the data of one slice (of all of them unless ``slicewise``)."""
        raise TypeError(f"{type(self).__name__} does not define the shape of its data.")

    def volume_shape(self, data_shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Shape (S, A, R) of the reconstruction of data of the given shape."""
        return (data_shape[0], *self.image_shape)

    def take(self, start: int, stop: int) -> Self:
        """Description of the slices ``start`` to ``stop - 1`` alone."""
        return self

    @property
    def key(self) -> tuple[object, ...]:
        """Whatever the forward map depends on, as a dictionary key."""
        return (self.kind, *(_hashable(v) for k, v in self._fields() if k != "slice_spacing"))

    def to_dict(self) -> dict[str, Any]:
        """Plain values and arrays; :func:`from_dict` is the inverse.

        Lists (angles) are plain lists; ``mask``, ``maps`` and ``kernel`` are arrays.
        """
        return {"kind": self.kind, **{name: _plain(value) for name, value in self._fields()}}

    def _fields(self) -> list[tuple[str, Any]]:
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return [(f.name, getattr(self, f.name)) for f in fields]


def from_dict(values: Mapping[str, Any]) -> Geometry:
    """Geometry of any kind from the values of :meth:`Geometry.to_dict`.

    Raises
    ------
    InputError
        On an unknown kind, or missing or wrong entries.
    """
    entries = dict(values)
    kind = entries.pop("kind", None)
    if kind not in _KINDS:
        raise InputError(
            f"Unknown geometry '{kind}'; this version reads {', '.join(sorted(_KINDS))}."
        )
    try:
        return _KINDS[kind](**entries)
    except (TypeError, ValueError) as error:
        raise InputError(f"The geometry is incomplete or damaged: {one_line(error)}.") from error


def checked_angles(angles: Any) -> NDArray[np.float64]:
    """View angles in radians as an array; raises InputError when they are none."""
    values = np.atleast_1d(np.asarray(angles, dtype=np.float64))
    if values.ndim != 1 or values.size == 0 or not np.isfinite(values).all():
        raise InputError("View angles must be a non-empty list of finite numbers (radians).")
    return values


def even_angles(views: int, arc: float, offset: float = 0.5) -> NDArray[np.float64]:
    """View angles in radians, spread evenly over an arc.

    Parameters
    ----------
    views : int
    arc : float
        In degrees; beyond 360 they go on into further turns.
    offset : float
        Angle of the first view in steps from view to view.

    Raises
    ------
    InputError
        If there is no view or no arc.
    """
    if views < 1:
        raise InputError(f"At least one view is needed, not {views}.")
    if not (np.isfinite(arc) and arc != 0):
        raise InputError("The arc must be a number of degrees other than 0.")
    angles: NDArray[np.float64] = (np.arange(views) + offset) * np.deg2rad(arc) / views
    return angles


def _plain(value: Any) -> Any:
    """Vectors as lists; anything else as it is."""
    return value.tolist() if isinstance(value, np.ndarray) and value.ndim == 1 else value


def _hashable(value: Any) -> object:
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, hashlib.sha256(value.tobytes()).hexdigest()
    return value
