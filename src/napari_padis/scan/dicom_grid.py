"""From slices at any positions to one regular grid of the body's true height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_padis.scan.dicom_frames import Frame
from napari_padis.scan.dicom_positions import slice_step

Array = NDArray[np.float64]

#: Slices that are off a regular grid by more than this share of its step are resampled.
_UNEVEN = 0.1

#: A finer grid than this multiple of the number of slices is not made.
_MOST = 4


@dataclass(frozen=True)
class Grid:
    """Slices of a volume on one line.

    Attributes
    ----------
    frames : list of Frame
        Sorted along their normal, one per position.
    step : ndarray (3,)
        From one slice of the grid to the next, in LPS mm.
    places : ndarray (slices,) or None
        Fractional indices into ``frames`` of the grid's slices; None when they are the
        frames themselves.
    notes : tuple of str
        What is irregular.
    """

    frames: list[Frame]
    step: Array
    places: Array | None
    notes: tuple[str, ...]

    def resample(self, images: NDArray[np.generic]) -> NDArray[np.generic]:
        """Images of the frames, shape (frames, rows, columns), on the grid's slices."""
        if self.places is None:
            return images
        low = np.minimum(np.floor(self.places).astype(int), len(images) - 2)
        whole = images.dtype.kind in "iu"
        out = np.empty((len(self.places), *images.shape[1:]), images.dtype)
        for k, (i, place) in enumerate(zip(low, self.places, strict=True)):
            share = np.float32(place - i)
            image = images[i] * (1 - share) + images[i + 1] * share
            out[k] = np.rint(image) if whole else image
        return out


def arrange(frames: list[Frame]) -> Grid:
    """Sort frames along their normal and find the regular grid that holds them.

    Slices of two distances and gaps are filled by linear interpolation, so that first
    and last slice keep their places.
    """
    normal = frames[0].normal
    if len(frames) == 1:
        thickness, unknown = slice_step(frames)
        return Grid(frames, normal * abs(thickness), None, unknown)
    positions = np.array([f.position for f in frames])
    order = np.argsort(positions @ normal, kind="stable")
    frames, positions = [frames[i] for i in order], positions[order]
    depth = positions @ normal
    depth = depth - depth[0]
    height, gaps = float(depth[-1]), np.diff(depth)
    typical = _typical(gaps)
    count, spacing = len(frames), height / (len(frames) - 1)
    even = bool((np.abs(depth - spacing * np.arange(count)) <= _UNEVEN * spacing).all())
    if not even:
        count = round(height / typical) + 1
        spacing = height / (count - 1)
    notes: list[str] = []
    if even:
        if np.ptp(gaps) > 0.01 * typical:
            notes.append(
                f"The slices are unevenly spaced, {gaps.min():.3g} to {gaps.max():.3g} mm; "
                f"their mean of {spacing:.4g} mm is used."
            )
        places = None
    else:
        places = np.interp(spacing * np.arange(count), depth, np.arange(len(frames)))
        places[-1] = len(frames) - 1
        notes.append(_said(gaps, typical, spacing, count, height))
    # Along the line of slice origins, which a tilted gantry makes differ from the normal.
    travel = (positions[-1] - positions[0]) / height
    notes += _tilt(travel, positions, depth, min(frames[0].pixel))
    return Grid(frames, travel * spacing, places, tuple(notes))


def _typical(gaps: Array) -> float:
    """The smallest distance that a tenth of the slices, and at least two, agree on."""
    total, most = float(gaps.sum()), _MOST * len(gaps)
    mean = total / len(gaps)
    for cluster in _clusters(gaps, 0.1):
        distance = float(np.median(cluster))
        enough = len(cluster) >= max(2, 0.1 * len(gaps))
        if enough and distance <= 1.01 * mean and total / distance <= most:
            return distance
    return min(float(np.median(gaps)), mean)


def _said(gaps: Array, typical: float, spacing: float, count: int, height: float) -> str:
    """What was wrong with the distances of slices and what was done."""
    missing = np.round(gaps / typical) - 1
    # Larger gaps here and there are missing slices; a run of them is another distance.
    wide = missing > 0
    run = bool(np.convolve(wide, np.ones(3), "valid").max(initial=0) == 3)
    if not run and np.abs(gaps / typical - np.round(gaps / typical)).max() <= _UNEVEN:
        number = int(missing.sum())
        return (
            f"{number} {'slice is' if number == 1 else 'slices are'} missing from the series "
            f"(gaps of up to {gaps.max():.3g} mm between slices {typical:.3g} mm apart); "
            f"{'it was' if number == 1 else 'they were'} filled in by linear interpolation."
        )
    *others, last = (f"{d:.3g}" for d in _distances(gaps))
    distances = f"{', '.join(others)} and {last} mm" if others else f"{last} mm"
    return (
        f"The slices are {distances} apart; they were resampled along their normal by linear "
        f"interpolation to {count} slices {spacing:.4g} mm apart, which keeps the height of "
        f"{height:.6g} mm."
    )


def _distances(gaps: Array) -> list[float]:
    """The different distances of slices, or the smallest and the largest of many."""
    found = [float(np.median(cluster)) for cluster in _clusters(gaps, 0.05)]
    return found if len(found) <= 4 else [found[0], found[-1]]


def _clusters(gaps: Array, share: float) -> list[Array]:
    """Distances in groups of similar ones, smallest first."""
    ordered = np.sort(gaps)
    return np.split(ordered, np.flatnonzero(np.diff(ordered) > share * ordered[:-1]) + 1)


def _tilt(travel: Array, positions: Array, depth: Array, pixel: float) -> list[str]:
    """Notes of a tilted gantry, and of slices that are shifted against each other."""
    notes = []
    tilt = float(np.degrees(np.arccos(np.clip(1 / np.linalg.norm(travel), -1, 1))))
    if tilt > 0.1:
        notes.append(
            f"The gantry was tilted by {tilt:.1f} degrees; the sheared grid is kept in the affine "
            "but not resampled."
        )
    off = np.linalg.norm(positions - positions[0] - depth[:, None] * travel, axis=1).max()
    if off > pixel / 2:
        notes.append(
            f"The slices are shifted against one another by up to {off:.3g} mm, which is not "
            "corrected: positions in the plane are wrong by that much."
        )
    return notes
