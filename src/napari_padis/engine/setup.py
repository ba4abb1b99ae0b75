"""From a recipe and a measurement to a problem, a denoiser and a way to show results."""

from __future__ import annotations

import importlib.metadata
import platform
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from napari_padis.engine.events import Array
from napari_padis.engine.noise import measured_share, noise_level
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError
from napari_padis.likelihood.linear_map import LinearMap
from napari_padis.likelihood.whitening import Whitened
from napari_padis.posterior.problem import Problem
from napari_padis.prior.card import PriorCard
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.units import Scale, mu_to_hu, scale_in


@dataclass(frozen=True)
class Display:
    """Turns tensors on the prior's scale into arrays in the measurement's unit.

    ``mu_water`` is given when attenuation is to be shown in HU.
    """

    gain: float
    offset: float
    mu_water: float | None

    def values(self, x: Tensor) -> Array:
        """Intensities, for x of shape (S, 1, H, W), or (S, 2, H, W) for complex images."""
        x = x.detach().to("cpu", torch.float32)
        if x.shape[-3] == 2:  # complex images are shown by their magnitude
            x = x.square().sum(-3, keepdim=True).sqrt()
        value = x.numpy() * self.gain + self.offset
        if self.mu_water is not None:
            value = mu_to_hu(value, self.mu_water)
        return np.ascontiguousarray(value.squeeze(-3), dtype=np.float32)

    @property
    def slope(self) -> float:
        """Width of the prior's scale in the unit; spreads are multiplied by it."""
        return self.gain * (1.0 if self.mu_water is None else 1000 / self.mu_water)


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
        torch.zeros(1, device=device).cpu()  # some devices hold no numbers ('meta')
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"Device '{name}' is not available here; use 'auto' or 'cpu'.") from error
    return device


def data_tensor(measurement: Measurement, device: torch.device) -> Tensor:
    """Data of a measurement as the forward maps take them.

    Slicewise data get an axis for the image channel, (S, 1, ...); complex data their real
    and imaginary part as two channels before the last two axes, (S, coils, 2, H, W).
    """
    data = np.ascontiguousarray(measurement.data)
    if np.iscomplexobj(data):
        parts = torch.view_as_real(torch.from_numpy(data.astype(np.complex64)))
        return parts.movedim(-1, -3).contiguous().to(device)
    tensor = torch.from_numpy(data.astype(np.float32)).to(device)
    return tensor[:, None] if measurement.geometry.slicewise else tensor


def build_problem(
    measurement: Measurement,
    operator: LinearMap,
    card: PriorCard | None,
    recipe: Recipe,
    device: torch.device,
) -> tuple[Problem, Display, list[str]]:
    """The normalised problem, its display, and what the user should be told."""
    data = data_tensor(measurement, device)
    geometry = measurement.geometry
    if card is not None and card.network.image_channels != geometry.channels:
        needed = "complex images" if geometry.channels == 2 else "real images"
        raise InputError(
            f"The measurement ({geometry.kind}) needs a prior of {needed}, which "
            f"'{card.name}' is not: choose another prior, or a method without one."
        )
    scale, notices = _scale(measurement, operator, card, data)
    noise = noise_level(measurement, recipe, data)
    if noise.root is not None:
        operator = Whitened(operator, noise.root)
        data = operator.whiten(data)
    notices += noise.notices
    problem = Problem(
        operator=operator,
        data=data,
        sigma=noise.sigma,
        gain=scale.width,
        offset=scale.low,
        shape=(measurement.volume_shape[0], geometry.channels, *geometry.image_shape),
        coupled=not geometry.slicewise,
        measured=measured_share(measurement),
        weighted=noise.root is not None,
        ceiling=card.ceiling if card is not None else 1.0,
    )
    if noise.sigma == 0:
        notices.append(
            "No noise level is known; 0.1 % of the data's RMS is assumed for the model error."
        )
    converted = geometry.attenuation and measurement.unit == "HU"
    display = Display(scale.width, scale.low, measurement.mu_water if converted else None)
    return problem, display, notices


def _scale(
    measurement: Measurement, operator: LinearMap, card: PriorCard | None, data: Tensor
) -> tuple[Scale, list[str]]:
    """The prior's range in the unit of the image that the forward model acts on."""
    scale = card.scale if card is not None else Scale(-1000.0, 1000.0, "HU")
    unit = measurement.image_unit
    if "arbitrary" not in (measurement.unit, scale.unit):
        return scale_in(scale, unit, measurement.mu_water), []
    first = operator.pinv(data)
    first = first.square().sum(-3).sqrt() if measurement.geometry.channels == 2 else first
    low = -1000.0 if unit == "HU" else 0.0
    top = float(np.percentile(first.cpu().numpy(), 99))
    if not top > low:
        raise InputError(
            "The measurement has no usable intensity: its back-projection is not positive. "
            "Check that the data are those of the forward model; projections, for "
            "instance, are line integrals (after the negative logarithm)."
        )
    chosen = Scale(low, 2 * top - low, unit)
    if card is None:  # a scale like any other: without a prior the image does not depend on it
        return chosen, []
    # Soft tissue, the brightest large part of most images, sits near 0.5 for CT priors.
    without = "measurement" if measurement.unit == "arbitrary" else "prior"
    return chosen, [
        f"The {without} has no physical unit; intensities were scaled so that the 99th "
        "percentile of the direct reconstruction lies in the middle of the prior's range."
    ]


def versions() -> dict[str, str]:
    """Versions that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in ("napari-padis", "torch", "numpy", "odl"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found
