"""Simulated measurements of a volume."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import torch
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.likelihood.coil_simulation import birdcage_maps
from napari_padis.likelihood.registry import build
from napari_padis.likelihood.simulated_image import ADVICE, image_of
from napari_padis.likelihood.simulated_noise import OPAQUE, add_noise
from napari_padis.scan.geometry import (
    CartesianGeometry,
    ConeGeometry,
    Geometry,
    ParallelGeometry,
)
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.volume import Volume

logger = logging.getLogger(__name__)

#: What the measurement of a volume is called, by the kind of its geometry.
NAMES = {
    "parallel": "sinogram",
    "fan": "sinogram",
    "cone": "projections",
    "cartesian": "k-space",
    "blur": "blurred",
    "downsample": "coarse",
    "mask": "incomplete",
    "denoise": "noisy",
}


def simulate(
    volume: Volume,
    geometry: Geometry | None = None,
    noise: Noise | None = None,
    seed: int = 0,
    slices: slice | Sequence[int] | None = None,
    views: int = 20,
    detectors: int = 512,
    phase: float = 0.0,
) -> Measurement:
    """Measurement of the axial slices of a volume by any forward model.

    Parameters
    ----------
    volume : Volume
        Attenuation models take HU, 1/mm, or arbitrary units, which count as 1/mm as they
        are, where they can be attenuation; padding and values below -1000 HU count as
        -1000 HU (vacuum). MRI takes the values for the
        magnitude of the image, the other models take them as they are.
    geometry : Geometry, optional
        Must fit the volume's slices, and of a cone beam also the number of those chosen,
        which then form the volume. ``ParallelGeometry.standard`` when missing. Several coils
        without maps get those of :func:`birdcage_maps`, which the measurement then carries.
    noise : Noise, optional
        None by default. ``Noise("gaussian", sigma=...)`` takes the standard deviation of
        the data (of real and imaginary part each in k-space), ``Noise("poisson",
        photons=..., electronic=...)`` counts, for attenuation models only; the
        measurement then carries the representative ``sigma``. Data that are not measured
        stay zero.
    seed : int
        Seed of the noise, and of the phase.
    slices : slice or sequence of int, optional
        Range or increasing list of indices; all slices when missing.
    views, detectors : int
        For the standard geometry, when none is given.
    phase : float
        Standard deviation of a smooth random phase of MR images in radians.

    Returns
    -------
    Measurement
        ``data`` of shape (slices, *geometry.data_shape), or ``geometry.data_shape`` for a
        cone beam; complex64 k-space, otherwise float32.

    Raises
    ------
    InputError
        If the geometry does not fit, no slice is chosen, values are not finite or cannot be
        attenuation, or the noise is not described completely or does not belong to the model.
    """
    indices = _indices(len(volume.array), slices)
    spacing, affine = _stack(volume, indices)
    if geometry is None:
        geometry = ParallelGeometry.standard(
            views, volume.shape[1:], volume.spacing[1:], spacing, detectors
        )
    geometry = _fitting(volume, geometry, indices, spacing)
    notes: list[str] = []
    image, unit = image_of(volume, indices, geometry, phase, seed, notes)
    with torch.no_grad():
        data = build(geometry).A(image)
        if geometry.channels == 2:
            data = torch.view_as_complex(data.movedim(-3, -1).contiguous())
    if geometry.attenuation:
        _check_line_integrals(volume, float(data.max()), notes)
    for note in notes:
        logger.warning(note)
    clean = Measurement(
        data=data.numpy(),
        geometry=geometry,
        noise=Noise("none", sigma=0.0),
        unit=unit,
        affine=affine,
        space=volume.space,
        name=f"{volume.name} {NAMES.get(geometry.kind, geometry.kind)}",
        provenance={
            "simulated": True,
            "volume": volume.name,
            "volume_notes": list(volume.notes),
            "slices": indices.tolist(),
            "seed": seed,
            "version": _version(),
            "notes": notes,
        },
    )
    return clean if noise is None else add_noise(clean, noise, seed)


def _check_line_integrals(volume: Volume, largest: float, notes: list[str]) -> None:
    """Refuse, or note where there is no unit, what lets no photon through."""
    if largest <= OPAQUE:
        return
    if volume.unit == "arbitrary":
        notes.append(f"Line integrals reach {largest:.3g}; no photon comes through {OPAQUE:g}.")
        return
    raise InputError(
        f"Line integrals of '{volume.name}' reach {largest:.3g}, through which no photon comes: "
        f"check the spacing of the volume and its unit, {volume.unit}; {ADVICE}."
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


def _fitting(
    volume: Volume, geometry: Geometry, indices: NDArray[np.int64], slice_spacing: float
) -> Geometry:
    """The geometry with the slices' distance and, where they are missing, coil maps."""
    shape, pixel = volume.shape[1:], volume.spacing[1:]
    if geometry.image_shape != shape or not np.allclose(geometry.pixel, pixel, rtol=1e-4):
        raise InputError(
            f"The geometry is made for {geometry.image_shape} pixels of {geometry.pixel} mm, "
            f"the volume has {shape} of {pixel} mm."
        )
    count = len(indices)
    if isinstance(geometry, ConeGeometry) and geometry.slices != count:
        raise InputError(
            f"The geometry is made for {geometry.slices} slices, but {count} were chosen."
        )
    if isinstance(geometry, CartesianGeometry):
        geometry = _with_maps(geometry, len(volume.array), indices)
    return dataclasses.replace(geometry, slice_spacing=slice_spacing)  # type: ignore[type-var]


def _with_maps(
    geometry: CartesianGeometry, total: int, indices: NDArray[np.int64]
) -> CartesianGeometry:
    if geometry.maps is None:
        if geometry.coils == 1:
            return geometry
        maps = birdcage_maps(geometry.coils, geometry.image_shape)
        return dataclasses.replace(geometry, maps=maps[None])
    if len(geometry.maps) in (1, len(indices)):
        return geometry
    if len(geometry.maps) == total:
        return dataclasses.replace(geometry, maps=geometry.maps[indices])
    raise InputError(
        f"There are coil maps of {len(geometry.maps)} slices, but {len(indices)} were chosen."
    )


def _version() -> str:
    try:
        return version("napari-padis")
    except PackageNotFoundError:
        return "source"
