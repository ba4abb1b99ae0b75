"""Simulated measurements of a volume."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.likelihood.noise import Gaussian, Poisson
from napari_padis.likelihood.registry import build
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.units import MU_WATER, hu_to_mu
from napari_padis.scan.volume import Volume

logger = logging.getLogger(__name__)

#: Below this there is nothing left to attenuate; padding values of scanners lie there.
VACUUM_HU = -1000.0

#: Line integral above which practically no photon arrives, whatever the tube.
OPAQUE = 40.0


def simulate(
    volume: Volume,
    geometry: ParallelGeometry | None = None,
    noise: Noise | None = None,
    seed: int = 0,
    slices: slice | Sequence[int] | None = None,
    views: int = 20,
    detectors: int = 512,
) -> Measurement:
    """Sinograms of the axial slices of a volume.

    Parameters
    ----------
    volume : Volume
        In HU, 1/mm, or arbitrary units, which are taken for 1/mm as they are. Values below
        -1000 HU count as -1000 HU (vacuum).
    geometry : ParallelGeometry, optional
        Must fit the volume's slices. ``ParallelGeometry.standard`` when missing.
    noise : Noise, optional
        None by default. ``Noise("gaussian", sigma=...)`` takes the standard deviation of
        the line integrals, ``Noise("poisson", photons=..., electronic=...)`` counts; the
        measurement then carries the representative ``sigma``.
    seed : int
        Seed of the noise.
    slices : slice or sequence of int, optional
        Range or increasing list of indices; all slices when missing.
    views, detectors : int
        For the standard geometry, when none is given.

    Returns
    -------
    Measurement
        ``data`` of shape (slices, views, bins).

    Raises
    ------
    InputError
        If the geometry does not fit, no slice is chosen, values are not finite, or the
        noise is not described completely.
    """
    indices = _indices(len(volume.array), slices)
    spacing, affine = _stack(volume, indices)
    geometry = _geometry(volume, geometry, spacing, views, detectors)
    notes: list[str] = []
    attenuation = _attenuation(volume, volume.array[indices], notes)
    with torch.no_grad():
        data = build(geometry).A(torch.from_numpy(attenuation))
        data, recorded = _add_noise(data, noise or Noise("none"), seed)
    for note in notes:
        logger.warning(note)
    return Measurement(
        data=data.numpy(),
        geometry=geometry,
        noise=recorded,
        unit=volume.unit,
        affine=affine,
        name=f"{volume.name} sinogram",
        provenance={
            "simulated": True,
            "volume": volume.name,
            "slices": indices.tolist(),
            "seed": seed,
            "version": _version(),
            "notes": notes,
        },
    )


def _indices(count: int, slices: slice | Sequence[int] | None) -> NDArray[np.int64]:
    if slices is None:
        slices = slice(None)
    if isinstance(slices, slice):
        indices = np.arange(count)[slices]
    else:
        indices = np.asarray(slices, dtype=np.int64)
    if indices.size == 0:
        raise InputError(f"No slice was chosen; the volume has {count}.")
    if indices.min() < 0 or indices.max() >= count:
        raise InputError(f"Slices must lie between 0 and {count - 1}.")
    if (np.diff(indices) <= 0).any():
        raise InputError("Slices must be listed from foot to head, each once.")
    return indices


def _stack(volume: Volume, indices: NDArray[np.int64]) -> tuple[float, NDArray[np.float64]]:
    """Spacing and affine of the chosen slices; the mean step where it is not even."""
    step = float(np.diff(indices).mean()) if len(indices) > 1 else 1.0
    affine = np.array(volume.affine, dtype=np.float64)
    affine[:3, 3] += affine[:3, 0] * indices[0]
    affine[:3, 0] *= step
    return volume.spacing[0] * step, affine


def _geometry(
    volume: Volume,
    geometry: ParallelGeometry | None,
    slice_spacing: float,
    views: int,
    detectors: int,
) -> ParallelGeometry:
    shape, pixel = volume.shape[1:], volume.spacing[1:]
    if geometry is None:
        return ParallelGeometry.standard(views, shape, pixel, slice_spacing, detectors)
    if geometry.image_shape != shape or not np.allclose(geometry.pixel, pixel, rtol=1e-4):
        raise InputError(
            f"The geometry is made for {geometry.image_shape} pixels of {geometry.pixel} mm, "
            f"the volume has {shape} of {pixel} mm."
        )
    return dataclasses.replace(geometry, slice_spacing=slice_spacing)


def _attenuation(volume: Volume, array: NDArray[Any], notes: list[str]) -> NDArray[np.float32]:
    """Attenuation in 1/mm."""
    values = np.ascontiguousarray(array, dtype=np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"Volume '{volume.name}' contains values that are not finite.")
    if volume.unit == "HU":
        return hu_to_mu(np.maximum(values, VACUUM_HU)).astype(np.float32)
    if volume.unit == "arbitrary":
        notes.append(
            f"Volume '{volume.name}' has no physical unit: its values were taken for 1/mm as "
            f"they are, water being {MU_WATER}."
        )
    return values


def _add_noise(data: torch.Tensor, noise: Noise, seed: int) -> tuple[torch.Tensor, Noise]:
    """Noisy data and the noise with its standard deviation filled in."""
    generator = torch.Generator().manual_seed(seed)
    if noise.kind == "none":
        return data, dataclasses.replace(noise, sigma=0.0)
    if noise.kind == "gaussian":
        if noise.sigma is None:
            raise InputError("Gaussian noise needs its standard deviation, sigma.")
        return Gaussian(noise.sigma).apply(data, generator), noise
    if noise.kind == "poisson":
        if noise.photons is None:
            raise InputError("Poisson noise needs the number of photons per ray.")
        if float(data.max()) > OPAQUE:
            raise InputError(
                f"Line integrals reach {float(data.max()):.0f}: no photon would arrive; "
                f"check the unit of the volume."
            )
        model = Poisson(noise.photons, noise.electronic)
        recorded = dataclasses.replace(noise, sigma=model.sigma(data))
        return model.apply(data, generator), recorded
    raise InputError(f"Unknown noise '{noise.kind}'; use none, gaussian or poisson.")


def _version() -> str:
    try:
        return version("napari-padis")
    except PackageNotFoundError:
        return "source"
