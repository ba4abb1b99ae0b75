"""From k-space on a grid to a measurement: what was measured, and which way is up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
from nibabel.orientations import axcodes2ornt, inv_ornt_aff, io_orientation, ornt_transform
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import stem
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.orientation import obliquity, voxel_sizes

Complex = NDArray[np.complex64]
Scalar = TypeVar("Scalar", bound=np.generic)

NO_PIXEL = "The file states no pixel size; 1 mm is assumed."
NO_ORIENTATION = (
    "The file states no orientation: the first row of the picture is taken as the patient's "
    "front and the first column as the right side; k-space was turned accordingly."
)


class Plane(NamedTuple):
    """Where slices, rows and columns of upright pictures grow to, and what to say of it."""

    codes: str
    note: str | None


#: By the axis R, A or S that lies closest to the normal of the slices.
PLANES = (
    Plane("RSA", "The slices are sagittal: the head is on top and the front at the left."),
    Plane("ASR", "The slices are coronal: the head is on top and the right side at the left."),
    Plane("SAR", None),
)
#: Slices may differ in this share of their samples (lost lines) before they are refused.
LOST = 0.1


def assemble_kspace(
    path: Path,
    form: str,
    kspace: Complex,
    pixel: tuple[float, float] | None = None,
    slice_spacing: float | None = None,
    notes: Sequence[str] = (),
    affine: NDArray[np.float64] | None = None,
    space: str = "unknown",
    measured: NDArray[np.bool_] | None = None,
) -> Measurement:
    """Build the measurement of a file.

    Parameters
    ----------
    path, form
        The file, and the name of its format.
    kspace : ndarray of complex64, shape (slices, coils, rows, columns)
        Zero where nothing was measured, zero frequency at index ``n // 2``; it is changed.
    pixel : tuple of float, optional
        Row and column spacing in mm; 1 mm, with a note, when missing.
    slice_spacing : float, optional
    notes : sequence of str
        What the reader assumed or left out.
    affine : ndarray, shape (4, 4), optional
        Indices (slice, row, column) of the picture to RAS+ mm. With it the picture is put
        upright: axial slices with the front on top, coronal and sagittal ones with the head
        on top, and the right or the front at the left. Pixel and spacing follow from it.
        Without it the picture is taken as an axial one that already is upright.
    space : str
        Frame of coordinates in which ``affine`` stands.
    measured : ndarray of bool, shape (rows, columns), optional
        Samples of every slice; where any coil has a value other than zero when missing.

    Raises
    ------
    InputError
        If the shape is absurd, nothing was measured, or each slice has its own mask.
    """
    if kspace.ndim != 4 or min(kspace.shape) < 1 or min(kspace.shape[2:]) < 2:
        raise InputError(
            f"The k-space of '{path.name}' has shape {kspace.shape}; slices, coils, rows and "
            "columns are needed."
        )
    mask, dropped = _common_mask(path, kspace) if measured is None else (measured, 0)
    if not mask.any():
        raise InputError(f"'{path.name}' holds no signal: all of its k-space is zero.")
    notes = [*notes]
    # Arrays are held as (S, A, R)+, whose first row is the patient's back.
    flipped: tuple[int, ...] = (-2, -1)
    if affine is None:
        notes.append(NO_ORIENTATION)
    else:
        affine, swapped, turned, more = upright(affine, (len(kspace), *mask.shape))
        notes += more
        flipped = tuple(axis - 3 for axis in turned if axis)
        if 0 in turned:
            kspace = kspace[::-1]
        if swapped:
            kspace, mask = kspace.swapaxes(-2, -1), mask.T
        slice_spacing, *pixels = voxel_sizes(affine)
        pixel = (pixels[0], pixels[1])
    if pixel is None:
        pixel = (1.0, 1.0)
        notes.append(NO_PIXEL)
    if dropped:
        notes.append(f"{dropped} samples that some slices lack were left out of all.")
    for k in range(len(kspace)):
        kspace[k] = turn(kspace[k] * mask, flipped)
    return Measurement(
        data=np.ascontiguousarray(kspace),
        geometry=CartesianGeometry(
            mask=np.ascontiguousarray(_reversed(mask, flipped)),
            coils=kspace.shape[1],
            pixel=pixel,
            slice_spacing=slice_spacing or 1.0,
        ),
        unit="arbitrary",
        affine=affine,
        name=stem(path),
        provenance={"file": path.name, "format": form, "notes": notes},
        space=space,
    )


def upright(
    affine: NDArray[np.float64], shape: tuple[int, int, int]
) -> tuple[NDArray[np.float64], bool, list[int], list[str]]:
    """How pictures must be turned in their plane to be shown in the usual way.

    Parameters
    ----------
    affine : ndarray, shape (4, 4)
        Indices (slice, row, column) to RAS+ mm.
    shape : tuple of int

    Returns
    -------
    affine : ndarray, shape (4, 4)
        Of the turned pictures.
    swapped : bool
        Whether rows and columns change places, which is done first.
    turned : list of int
        Axes that are reversed then: 0 slices, 1 rows, 2 columns.
    notes : list of str
        Which plane it is unless it is axial, and by how much it is oblique.
    """
    now = io_orientation(affine)
    plane = PLANES[int(now[0, 0])]
    change = ornt_transform(now, axcodes2ornt(plane.codes))
    affine = affine @ inv_ornt_aff(change, shape) + 0.0
    swapped = int(change[1, 0]) == 2
    turned = [int(axis) for axis, sign in change if sign < 0]
    notes = [] if plane.note is None else [plane.note]
    oblique = obliquity(affine)
    if oblique > 1:
        notes.append(
            f"The slices are oblique by {oblique:.0f} degrees; they are shown as they are and "
            "written with their true position."
        )
    return affine, swapped, turned, notes


def turn(kspace: NDArray[np.complexfloating], axes: tuple[int, ...] = (-2, -1)) -> Complex:
    """K-space (..., rows, columns) of the image reversed along ``axes``, by default both.

    Frequencies change their sign. On an even number of samples the image's centre does not
    lie on a pixel, and the half pixels on either side of it are a linear phase.
    """
    turned = _reversed(kspace, axes)
    for axis in axes:
        n = kspace.shape[axis]
        if n % 2 == 0:
            phase = np.exp(2j * np.pi * (np.arange(n) - n // 2) / n).astype(np.complex64)
            turned = turned * np.moveaxis(phase[:, None], 0, axis)
    return np.ascontiguousarray(turned, dtype=np.complex64)


def to_readout_image(kspace: NDArray[np.complexfloating], axis: int) -> Complex:
    """Centred orthonormal inverse FFT along one axis."""
    shifted = np.fft.ifft(np.fft.ifftshift(kspace, axis), axis=axis, norm="ortho")
    return np.fft.fftshift(shifted, axis).astype(np.complex64)


def to_readout(image: NDArray[np.complexfloating], axis: int) -> Complex:
    """Inverse of :func:`to_readout_image`."""
    shifted = np.fft.fft(np.fft.ifftshift(image, axis), axis=axis, norm="ortho")
    return np.fft.fftshift(shifted, axis).astype(np.complex64)


def _reversed(array: NDArray[Scalar], axes: tuple[int, ...]) -> NDArray[Scalar]:
    """Samples of the negative frequencies along ``axes``; zero frequency stays at ``n // 2``."""
    shifts = tuple((array.shape[axis] + 1) % 2 for axis in axes)
    return np.roll(np.flip(array, axes), shifts, axes)


def _common_mask(path: Path, kspace: Complex) -> tuple[NDArray[np.bool_], int]:
    """Samples that every slice has, and how many of them only some have."""
    found = np.stack([(coils != 0).any(0) for coils in kspace])
    found = found[found.any((1, 2))]
    if not len(found):
        return np.zeros(kspace.shape[2:], dtype=bool), 0
    every: NDArray[np.bool_] = np.logical_and.reduce(found)
    some = np.logical_or.reduce(found)
    dropped = int(some.sum() - every.sum())
    if dropped > LOST * some.sum():
        raise InputError(
            f"The slices of '{path.name}' were sampled differently; save them one by one."
        )
    return every, dropped
