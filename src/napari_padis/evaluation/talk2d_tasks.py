"""The talk's two-dimensional tasks: what is measured of a slice, and with which noise.

Settings of J. A. Fessler's talk (2025-10-17) and of Hu et al. (NeurIPS 2024, arXiv 2406.02462)
with its public code. An image is ``[-20, 20]^2`` there, the detector ``[-40, 40]``, and source and
detector of the fan beam lie 40 from the axis; here the same in image widths.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from napari_padis.engine.metrics import WINDOW
from napari_padis.errors import InputError
from napari_padis.evaluation.slices import ChosenSlices, choose_slices, smaller, spread
from napari_padis.likelihood.simulation import simulate
from napari_padis.scan.geometry import (
    BlurGeometry,
    DownsampleGeometry,
    FanGeometry,
    Geometry,
    ParallelGeometry,
)
from napari_padis.scan.geometry.base import even_angles
from napari_padis.scan.geometry.kernels import uniform_kernel
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.units import hu_to_mu, scale_in
from napari_padis.scan.volume import Volume

#: Detector bins, over twice the image width.
DETECTORS = 512

Pair = tuple[int, int]
Pixel = tuple[float, float]


@dataclass(frozen=True)
class Task:
    """One inverse problem of the talk.

    Attributes
    ----------
    name, title : str
    geometry : callable
        Makes the geometry for the image's shape and its pixel in mm.
    sigma : float
        Standard deviation of white noise on the scale [0, 1]; 0 for exact data.
    inverse : bool
        Whether there is a stable pseudo-inverse, which VE-DDNM needs: not of a blur.
    sigma_min : float
        Last noise level of the published sampler.
    """

    name: str
    title: str
    geometry: Callable[[Pair, Pixel], Geometry]
    sigma: float = 0.0
    inverse: bool = True
    sigma_min: float = 0.002


@dataclass(frozen=True)
class TalkSlice:
    """One slice as all methods see it.

    Attributes
    ----------
    volume_name : str
    index : int
        Of the slice in its volume.
    volume : Volume
        The slice alone, shape (1, rows, columns), in 1/mm: vacuum is zero, as beyond the
        border of a blurred image.
    """

    volume_name: str
    index: int
    volume: Volume

    @property
    def alone(self) -> ChosenSlices:
        """The slice with its truth on the scale of comparison."""
        return ChosenSlices(self.volume_name, self.volume, (0,))

    def seed(self, seed: int) -> int:
        """Seed of this slice's noise and samples, the same whatever else is run."""
        name = zlib.crc32(f"{self.volume_name}:{self.index}".encode())
        return int(np.random.SeedSequence([seed, name]).generate_state(1)[0])


def talk_slices(folder: str | Path, count: int, size: int | None = None) -> list[TalkSlice]:
    """Slices spread over all volumes below a folder, the same ones at every call.

    Parameters
    ----------
    folder : path
    count : int
        In all; each volume gives as many as the next, the first ones one more if need be.
    size : int, optional
        Larger side in pixels that the slices are averaged down to, for quick trials.

    Raises
    ------
    InputError
        If there are no volumes, one has no physical unit, or the size does not fit.
    """
    volumes = choose_slices(folder, 1)
    chosen = []
    for i, found in enumerate(volumes):
        share = count // len(volumes) + (i < count % len(volumes))
        for index in spread(len(found.volume.array), share) if share else ():
            chosen.append(TalkSlice(found.name, index, _alone(found.volume, index, size)))
    return chosen


def measure(given: TalkSlice, task: Task, seed: int = 0) -> Measurement:
    """What a task measures of a slice, in 1/mm; intensities beyond 1000 HU are not clipped."""
    volume = given.volume
    geometry = task.geometry(volume.shape[1:], volume.spacing[1:])
    sigma = task.sigma * scale_in(WINDOW, volume.unit).width
    noise = Noise("gaussian", sigma=sigma) if sigma else None
    return simulate(volume, geometry, noise, given.seed(seed))


def find_tasks(names: Sequence[str] | None) -> list[Task]:
    """Tasks by name, all when there are no names; raises InputError that lists those there are."""
    for name in names or ():
        if name not in TASKS:
            raise InputError(f"There is no task '{name}'. Choose from: {', '.join(TASKS)}.")
    return [task for name, task in TASKS.items() if not names or name in names]


def parallel(views: int, shape: Pair, pixel: Pixel) -> ParallelGeometry:
    """Parallel beam over 180 degrees."""
    return ParallelGeometry.standard(views, shape, pixel, detectors=DETECTORS)


def fan(shape: Pair, pixel: Pixel) -> FanGeometry:
    """180 views over 180 degrees, source and detector an image width from the axis each.

    The fan's half angle is 26.6 degrees, so that the corners are not seen by all views.
    """
    width = max(n * p for n, p in zip(shape, pixel, strict=True))
    return FanGeometry(
        angles=even_angles(180, 180.0),
        detectors=DETECTORS,
        detector_pitch=2 * width / DETECTORS,
        source_origin=width,
        source_detector=2 * width,
        image_shape=shape,
        pixel=pixel,
    )


def blur(side: int, shape: Pair, pixel: Pixel) -> BlurGeometry:
    """Mean over ``side x side`` pixels."""
    return BlurGeometry(uniform_kernel(side), shape, pixel)


def coarse(factor: int, shape: Pair, pixel: Pixel) -> DownsampleGeometry:
    """Mean over every block of ``factor x factor`` pixels."""
    return DownsampleGeometry(factor, shape, pixel)


#: In the talk's order; CT data are exact, as there.
TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        Task("ct-20", "CT, 20 views", partial(parallel, 20)),
        Task("ct-8", "CT, 8 views", partial(parallel, 8), sigma_min=0.003),
        Task("ct-60", "CT, 60 views", partial(parallel, 60)),
        Task("fan", "CT, fan beam of 180 views", fan),
        Task("deblur", "Deblurring, 9 x 9, noise 0.01", partial(blur, 9), 0.01, inverse=False),
        Task(
            "heavy-deblur",
            "Deblurring, 17 x 17, noise 0.01",
            partial(blur, 17),
            0.01,
            inverse=False,
        ),
        Task("super-resolution", "Super-resolution, 4 x, noise 0.01", partial(coarse, 4), 0.01),
    )
}


def _alone(volume: Volume, index: int, size: int | None) -> Volume:
    """One slice in 1/mm, at least vacuum."""
    image = np.asarray(volume.array[index], dtype=np.float32)
    image = np.maximum(hu_to_mu(image) if volume.unit == "HU" else image, 0)
    return smaller(Volume(image[None], volume.spacing, "1/mm", name=volume.name), size)
