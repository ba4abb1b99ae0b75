"""How noisy the data are: what the recipe, the measurement or the data themselves say."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from napari_padis.engine.recipe import Recipe
from napari_padis.likelihood.noise import Poisson
from napari_padis.likelihood.noise_estimate import estimate_sigma
from napari_padis.scan.geometry import CartesianGeometry, MaskGeometry
from napari_padis.scan.measurement import Measurement

#: Weights of neighbouring bins when line integrals are smoothed.
SMOOTHING = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)


@dataclass(frozen=True)
class NoiseLevel:
    """Noise of the data as the data step needs it.

    Parameters
    ----------
    sigma : float
        Standard deviation, after multiplication by ``root`` if there is one; 0 when the
        data are exact.
    root : Tensor, optional
        Square roots of the weights of the data, of mean weight one, in the shape of the
        data tensor; missing where all data are equally noisy.
    notices : list of str
        What the user should be told.
    """

    sigma: float
    root: Tensor | None = None
    notices: list[str] = field(default_factory=list)


def noise_level(measurement: Measurement, recipe: Recipe, data: Tensor) -> NoiseLevel:
    """Noise of a measurement.

    The recipe's ``sigma_y`` counts most, then what is recorded with the measurement, then
    an estimate from the data. Photon noise weights every ray by its own variance; a
    ``sigma_y`` given then sets the RMS over all rays and leaves the weights.

    Parameters
    ----------
    measurement : Measurement
    recipe : Recipe
    data : Tensor
        The measurement's data as the forward model takes them.
    """
    noise, given = measurement.noise, recipe.sigma_y
    if noise.kind == "poisson" and noise.photons and measurement.geometry.attenuation:
        return _photons(Poisson(noise.photons, noise.electronic), data.cpu(), given)
    if given is not None:
        return NoiseLevel(given)
    if noise.sigma:
        return NoiseLevel(noise.sigma)
    if noise.kind == "none":
        return NoiseLevel(0.0)
    sigma = estimate_sigma(measurement)
    if not sigma > 0:
        return NoiseLevel(0.0)
    notice = (
        f"The noise level was estimated from the data: sigma_y = {sigma:.4g}; set it by hand "
        "if you know better."
    )
    return NoiseLevel(sigma, notices=[notice])


def measured_share(measurement: Measurement) -> float:
    """Share of the data that were measured; the others are zero and say nothing."""
    geometry = measurement.geometry
    if isinstance(geometry, CartesianGeometry | MaskGeometry):
        return float(geometry.mask.mean())
    return 1.0


def _photons(model: Poisson, data: Tensor, given: float | None) -> NoiseLevel:
    """White noise of variance ``1 / mean(1 / v)`` under weights ``1 / v`` of mean one."""
    variance = model.variance(smoothed(data))
    precision = 1 / variance
    mean = float(precision.double().mean())
    sigma = mean**-0.5
    if given is not None:
        sigma *= given / float(variance.double().mean().sqrt())
    least, most = (float(v) ** 0.5 for v in (variance.min(), variance.max()))
    notice = (
        f"Photon noise: every ray is weighted by its own standard deviation, from {least:.3g} "
        f"to {most:.3g}."
    )
    return NoiseLevel(sigma, (precision / mean).sqrt(), [notice])


def smoothed(data: Tensor) -> Tensor:
    """Line integrals averaged over a few neighbouring bins, for the sake of their variance.

    The noise of a count must not decide its own weight: rays with photons too many by
    chance would count more than those with too few, and the image would come out too dark.
    At edges the mean of line integrals is nearer to each of them than that of counts.
    """
    half, bins = len(SMOOTHING) // 2, data.shape[-1]
    padded = torch.cat([data[..., :1]] * half + [data] + [data[..., -1:]] * half, dim=-1)
    parts = [weight * padded[..., i : i + bins] for i, weight in enumerate(SMOOTHING)]
    return torch.stack(parts).sum(0)
