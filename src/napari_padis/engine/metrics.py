"""Comparison of a reconstruction with a reference: PSNR and SSIM, slice by slice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from napari_padis.errors import InputError
from napari_padis.scan.orientation import axis_codes, like
from napari_padis.scan.units import Scale, scale_in
from napari_padis.scan.volume import Volume

#: Window in which reconstructions are compared; it becomes [0, 1], data range 1.
WINDOW = Scale(-1000.0, 1000.0, "HU")

#: Anatomical planes by the directions that they are sliced along.
PLANES = {"axial": "SI", "coronal": "AP", "sagittal": "RL"}

#: Side of the SSIM window (Wang et al., 2004, without Gaussian weights).
SSIM_WINDOW = 7


@dataclass(frozen=True)
class PlaneMetrics:
    """Figures of merit of all slices of one plane.

    Attributes
    ----------
    psnr : list of float
        Peak signal-to-noise ratio in dB; infinite where both slices are equal.
    ssim : list of float
        Structural similarity; nan where a slice is narrower than three voxels.
    counted : list of bool
        Whether the reference shows anything there: slices that are constant (air)
        do not enter the means.
    """

    psnr: list[float]
    ssim: list[float]
    counted: list[bool]

    def to_dict(self) -> dict[str, Any]:
        """Plain values with the means over the counted slices."""
        return {
            "psnr_mean": _mean(self.psnr, self.counted),
            "ssim_mean": _mean(self.ssim, self.counted),
            "slices_counted": sum(self.counted),
            "psnr": self.psnr,
            "ssim": self.ssim,
        }


def psnr(x: NDArray[Any], reference: NDArray[Any], data_range: float = 1.0) -> float:
    """Peak signal-to-noise ratio in dB; infinite for equal arrays."""
    error = float(np.mean((np.asarray(x, np.float64) - np.asarray(reference, np.float64)) ** 2))
    return float("inf") if error == 0 else float(10 * np.log10(data_range**2 / error))


def ssim(x: NDArray[Any], reference: NDArray[Any], data_range: float = 1.0) -> float:
    """Mean structural similarity of two images with a 7 x 7 window.

    The window shrinks to the largest odd side that fits; nan below three pixels.
    """
    side = min(SSIM_WINDOW, *x.shape)
    side -= 1 - side % 2
    if side < 3:
        return float("nan")
    value = structural_similarity(
        np.asarray(x, np.float64),
        np.asarray(reference, np.float64),
        data_range=data_range,
        win_size=side,
    )
    return float(value)


def compare(
    array: NDArray[Any], unit: str, affine: NDArray[np.float64], reference: Volume
) -> dict[str, Any]:
    """PSNR and SSIM of a reconstruction per slice and plane.

    Both are clipped to :func:`window_of` them and scaled to [0, 1].

    Parameters
    ----------
    array : ndarray, shape (slices, rows, columns)
        Reconstruction in ``unit``.
    unit : {'HU', '1/mm', 'arbitrary'}
    affine : ndarray, shape (4, 4)
        RAS+ mm affine of ``array``.
    reference : Volume
        The truth; may have more slices, which are matched by position.

    Returns
    -------
    dict
        ``axial``, ``coronal`` and ``sagittal`` (see :class:`PlaneMetrics`), ``psnr`` of
        the whole volume and the ``reference_slices`` that were used.

    Raises
    ------
    InputError
        If the shapes, positions or units of the two do not belong together.
    """
    index = matching_slices(array.shape, affine, reference)
    reference, codes = like(reference, affine), axis_codes(affine)
    window = window_of(unit, reference)
    x = _to_window(array, window, unit)
    truth = _to_window(reference.array[index], window, reference.unit)
    report: dict[str, Any] = {
        "window": [window.low, window.high],
        "window_unit": window.unit,
        "psnr": psnr(x, truth),
    }
    for plane, sides in PLANES.items():
        axis = next(i for i, code in enumerate(codes) if code in sides)
        pairs = list(zip(np.moveaxis(x, axis, 0), np.moveaxis(truth, axis, 0), strict=True))
        report[plane] = PlaneMetrics(
            psnr=[psnr(a, b) for a, b in pairs],
            ssim=[ssim(a, b) for a, b in pairs],
            counted=[bool(np.ptp(b) > 0) for _, b in pairs],
        ).to_dict()
    report["reference_slices"] = index.tolist()
    return report


def window_of(unit: str, reference: Volume) -> Scale:
    """Window in which a reconstruction in ``unit`` is compared with the reference.

    [-1000, 1000] HU; where both have an arbitrary unit, from zero (or the least value) to
    the largest value of the reference.

    Raises
    ------
    InputError
        If only one of them has a physical unit.
    """
    if unit == reference.unit == "arbitrary":
        return Scale(min(0.0, float(reference.array.min())), float(reference.array.max()), unit)
    if "arbitrary" in (unit, reference.unit):
        raise InputError(
            f"The reconstruction is in the unit '{unit}', the reference '{reference.name}' in "
            f"'{reference.unit}': they cannot be compared; give a volume in the same unit."
        )
    return WINDOW


def matching_slices(
    shape: tuple[int, ...], affine: NDArray[np.float64], reference: Volume
) -> NDArray[np.int64]:
    """Indices of the reference's slices that lie where the reconstruction's slices lie.

    The slices of the reference are those of the reconstruction's plane: see
    :func:`napari_padis.scan.orientation.like`.

    Raises
    ------
    InputError
        If rows and columns differ, or the slices lie elsewhere.
    """
    reference = like(reference, affine)
    if tuple(shape[1:]) != tuple(reference.shape[1:]):
        raise InputError(
            f"The reference has slices of {reference.shape[1]} x {reference.shape[2]} voxels, the "
            f"reconstruction of {shape[1]} x {shape[2]}; give the volume that was measured."
        )
    assert reference.affine is not None
    count = shape[0]
    corners = np.zeros((4, count))
    corners[0], corners[3] = np.arange(count), 1
    position = np.linalg.solve(reference.affine, affine @ corners)
    index = np.rint(position[0]).astype(np.int64)
    off = np.abs(position[:3] - np.stack([index, 0 * index, 0 * index])).max()
    inside = index.min() >= 0 and index.max() < reference.shape[0]
    if off > 0.1 or not inside:
        raise InputError(
            f"The {count} slices of the reconstruction do not lie on slices of the reference "
            f"'{reference.name}'; give the volume that was measured."
        )
    return index


def _to_window(array: NDArray[Any], window: Scale, unit: str) -> NDArray[np.float64]:
    scaled = scale_in(window, unit).to_unit_interval(np.asarray(array, dtype=np.float64))
    return np.clip(scaled, 0, 1)


def _mean(values: list[float], counted: list[bool]) -> float:
    kept = [v for v, use in zip(values, counted, strict=True) if use and np.isfinite(v)]
    return float(np.mean(kept)) if kept else float("nan")
