"""From k-space on a grid to a measurement: what was measured, and which way is up."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.files import stem
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement

Complex = NDArray[np.complex64]
Scalar = TypeVar("Scalar", bound=np.generic)

NO_PIXEL = "The file states no pixel size; 1 mm is assumed."
NO_ORIENTATION = (
    "The file states no orientation: the first row of the picture is taken as the patient's "
    "front and the first column as the right side; k-space was turned accordingly."
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
    mask, dropped = _common_mask(path, kspace)
    notes = [*notes, NO_ORIENTATION]
    if pixel is None:
        pixel = (1.0, 1.0)
        notes.append(NO_PIXEL)
    if dropped:
        notes.append(f"{dropped} samples that some slices lack were left out of all.")
    for k in range(len(kspace)):
        kspace[k] = turn(kspace[k] * mask)
    return Measurement(
        data=kspace,
        geometry=CartesianGeometry(
            mask=_reversed(mask),
            coils=kspace.shape[1],
            pixel=pixel,
            slice_spacing=slice_spacing or 1.0,
        ),
        unit="arbitrary",
        name=stem(path),
        provenance={"file": path.name, "format": form, "notes": list(notes)},
    )


def turn(kspace: NDArray[np.complexfloating]) -> Complex:
    """K-space (..., rows, columns) of the image turned by 180 degrees, ``image[::-1, ::-1]``.

    Frequencies change their sign. On an even number of samples the image's centre does not
    lie on a pixel, and the half pixels on either side of it are a linear phase.
    """
    turned = _reversed(kspace)
    for axis in (-2, -1):
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


def _reversed(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """Index ``n // 2 + k`` exchanged with ``n // 2 - k`` along the last two axes."""
    rows, columns = array.shape[-2:]
    flipped = array[..., ::-1, ::-1]
    return np.roll(flipped, ((rows + 1) % 2, (columns + 1) % 2), (-2, -1))


def _common_mask(path: Path, kspace: Complex) -> tuple[NDArray[np.bool_], int]:
    """Samples that every slice has, and how many of them only some have."""
    found = np.stack([(coils != 0).any(0) for coils in kspace])
    found = found[found.any((1, 2))]
    if not len(found):
        raise InputError(f"'{path.name}' holds no signal: all of its k-space is zero.")
    every: NDArray[np.bool_] = np.logical_and.reduce(found)
    some = np.logical_or.reduce(found)
    dropped = int(some.sum() - every.sum())
    if dropped > LOST * some.sum():
        raise InputError(
            f"The slices of '{path.name}' were sampled differently; save them one by one."
        )
    return every, dropped
