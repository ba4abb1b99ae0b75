"""From a recipe and a measurement to a problem, a denoiser and a way to show results."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from napari_padis.engine.events import Array
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError
from napari_padis.posterior.problem import Operator, Problem
from napari_padis.prior.card import PriorCard
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.units import Scale, mu_to_hu, scale_in


@dataclass(frozen=True)
class Display:
    """Turns tensors on the prior's scale into arrays in the measurement's unit."""

    gain: float
    offset: float
    unit: str
    mu_water: float

    def values(self, x: Tensor) -> Array:
        """Intensities, for x of shape (S, 1, H, W)."""
        value = x.detach().to("cpu", torch.float32).numpy() * self.gain + self.offset
        if self.unit == "HU":
            value = mu_to_hu(value, self.mu_water)
        return np.ascontiguousarray(value.squeeze(-3), dtype=np.float32)

    @property
    def slope(self) -> float:
        """Width of the prior's scale in the unit; spreads are multiplied by it."""
        return self.gain * (1000 / self.mu_water if self.unit == "HU" else 1.0)


def choose_device(name: str) -> torch.device:
    """The device a recipe asks for; 'auto' is CUDA where there is one, else the CPU.

    Raises
    ------
    InputError
        If it is unknown or not there.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"Device '{name}' is not available here; use 'auto' or 'cpu'.") from error
    return device


def take_slices(measurement: Measurement, slices: tuple[int, int] | None) -> Measurement:
    """The part of a measurement that a recipe asks for."""
    if slices is None:
        return measurement
    start, stop = slices
    count = len(measurement.data)
    if not 0 <= start < stop <= count:
        raise InputError(f"Slices {start}:{stop} lie outside the measurement's 0:{count}.")
    assert measurement.affine is not None
    affine = measurement.affine.copy()
    affine[:, 3] += start * affine[:, 0]
    return replace(measurement, data=measurement.data[start:stop], affine=affine)


def noise_level(measurement: Measurement, recipe: Recipe) -> float:
    """Standard deviation of the line integrals; 0 when they are exact or unknown."""
    if recipe.sigma_y is not None:
        return recipe.sigma_y
    return measurement.noise.sigma or 0.0


def build_problem(
    measurement: Measurement,
    operator: Operator,
    card: PriorCard | None,
    recipe: Recipe,
    device: torch.device,
) -> tuple[Problem, Display, list[str]]:
    """The normalised problem, its display, and what the user should be told."""
    data = torch.from_numpy(np.ascontiguousarray(measurement.data, np.float32)).to(device)[:, None]
    notices = []
    scale = card.scale if card is not None else Scale(-1000.0, 1000.0, "HU")
    if measurement.unit == "arbitrary":
        top = float(np.percentile(operator.pinv(data).cpu().numpy(), 99))
        if not top > 0:
            raise InputError(
                "The measurement has no usable intensity: its back-projection is not positive. "
                "Check that the data are line integrals (after the negative logarithm)."
            )
        # Soft tissue, the brightest large part of most images, sits near 0.5 for CT priors.
        scale = Scale(0.0, 2 * top, "arbitrary")
        notices.append(
            "The measurement has no physical unit; its intensities were scaled so that the "
            "99th percentile of the FBP lies in the middle of the prior's range."
        )
    else:
        scale = scale_in(scale, "1/mm", measurement.mu_water)
    sigma = noise_level(measurement, recipe)
    problem = Problem(
        operator=operator,
        data=data,
        sigma=sigma,
        gain=scale.width,
        offset=scale.low,
        shape=(len(data), 1, *measurement.geometry.image_shape),
    )
    if sigma == 0:
        notices.append(
            "No noise level is known; 0.1 % of the data's RMS is assumed for the model error."
        )
    return problem, Display(scale.width, scale.low, measurement.unit, measurement.mu_water), notices


def versions() -> dict[str, str]:
    """Versions that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in ("napari-padis", "torch", "numpy", "odl"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
