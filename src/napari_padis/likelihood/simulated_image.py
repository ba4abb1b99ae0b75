"""From a volume to the image that a forward model acts on."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_padis.errors import InputError
from napari_padis.likelihood.coil_simulation import smooth_phase
from napari_padis.scan.geometry import Geometry
from napari_padis.scan.intensity import could_be_attenuation, looks_like
from napari_padis.scan.padding import NO_MATTER, fill_padding
from napari_padis.scan.units import MU_WATER, hu_to_mu
from napari_padis.scan.volume import Volume

#: Below this there is nothing left to attenuate; noise of air lies there.
VACUUM_HU = -1000.0

#: Share of voxels below air that streaks beside metal make.
STREAKS = 0.001

#: What to do about values that are not in the unit that they are taken for.
ADVICE = "state what they are with --unit, or Unit in the dock"


def image_of(
    volume: Volume,
    indices: NDArray[np.int64],
    geometry: Geometry,
    phase: float,
    seed: int,
    notes: list[str],
) -> tuple[Tensor, str]:
    """Image for a forward model, and the unit of its reconstruction.

    Parameters
    ----------
    volume : Volume
    indices : ndarray
        Chosen slices.
    geometry : Geometry
    phase : float
        Strength of a smooth random phase of complex images in radians.
    seed : int
        Of the phase.
    notes : list of str
        Receives what the user should know.

    Returns
    -------
    Tensor
        Attenuation in 1/mm, real and imaginary part (S, 2, rows, columns), or the values as
        they are, (S, rows, columns).
    str

    Raises
    ------
    InputError
        If values are not finite or cannot be attenuation where the model needs it, or a phase
        is asked for that the image cannot have.
    """
    values = np.ascontiguousarray(volume.array[indices], dtype=np.float32)
    if not np.isfinite(values).all():
        raise InputError(f"Volume '{volume.name}' contains values that are not finite.")
    if phase and geometry.channels != 2:
        raise InputError(f"Images of the model '{geometry.kind}' are real: they have no phase.")
    if geometry.attenuation:
        return torch.from_numpy(_attenuation(volume, values, notes)), volume.unit
    if geometry.channels == 2:
        return _complex(volume, values, phase, seed, notes)
    return torch.from_numpy(values), volume.unit


def _attenuation(volume: Volume, values: NDArray[Any], notes: list[str]) -> NDArray[np.float32]:
    """Attenuation in 1/mm."""
    if volume.unit == "HU":
        values, padded = fill_padding(values)
        notes += padded
        _check_hounsfield(volume, values)
        return hu_to_mu(np.maximum(values, VACUUM_HU)).astype(np.float32)
    _check_attenuation(volume, values)
    if volume.unit == "arbitrary":
        notes.append(
            f"Volume '{volume.name}' has no physical unit: its values were taken for 1/mm as "
            f"they are, water being {MU_WATER}; if they are something else, {ADVICE}."
        )
    return values


def _check_hounsfield(volume: Volume, values: NDArray[np.float32]) -> None:
    """Refuse values below air, but for noise of air and streaks beside metal."""
    below = int(np.count_nonzero(values < NO_MATTER))
    air = int(np.count_nonzero((values >= NO_MATTER) & (values < NO_MATTER + 200)))
    if below > max(air, STREAKS * values.size):
        raise InputError(
            f"{100 * below / values.size:.2g} % of the values of '{volume.name}' lie below "
            f"{NO_MATTER:g} HU, where there is no matter, so they are no CT numbers; {ADVICE}."
        )


def _check_attenuation(volume: Volume, values: NDArray[np.float32]) -> None:
    """Refuse values that cannot be attenuation in 1/mm."""
    if not could_be_attenuation(values.astype(volume.array.dtype, copy=False)):
        taken = "in 1/mm" if volume.unit == "1/mm" else "without a unit"
        looks = looks_like(volume.array)
        advice = f"{ADVICE} (HU for CT numbers)"
        if looks is not None:
            advice = f"they look like {looks[0]}: state --unit {looks[1]}, or Unit in the dock"
        raise InputError(
            f"Values of '{volume.name}' from {values.min():g} to {values.max():g} {taken} cannot "
            f"be attenuation; {advice}."
        )


def _complex(
    volume: Volume, values: NDArray[np.float32], phase: float, seed: int, notes: list[str]
) -> tuple[Tensor, str]:
    """The volume as magnitude, with a phase if one is wanted."""
    unit = volume.unit
    if unit == "HU":
        values, unit = np.maximum(values - VACUUM_HU, 0).astype(np.float32), "arbitrary"
        notes.append(
            f"Volume '{volume.name}' is in HU, which MRI does not know: 1000 was added so that "
            "air gives no signal, and the unit is arbitrary."
        )
    elif values.min() < 0:
        notes.append(
            f"Volume '{volume.name}' has negative values; the reconstructed magnitude shows "
            "them without their sign."
        )
    angle = smooth_phase(values.shape, phase, seed) if phase else np.zeros_like(values)
    parts = np.stack([values * np.cos(angle), values * np.sin(angle)], axis=1)
    return torch.from_numpy(parts.astype(np.float32)), unit
