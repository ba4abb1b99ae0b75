"""Variance of the denoiser's error pixel by pixel, for data steps and as a preview.

The error is not white: it sits at edges and in texture. A data step that takes it as white moves
every pixel, and what it moves wrongly remains as bias.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from napari_padis.posterior.evaluator import Evaluator, Run
from napari_padis.posterior.problem import Problem

#: Chains whose variance says something, the blur of it in pixels, and the share of the mean that
#: is added so that no pixel is taken as certain.
CHAINS, BLUR, LEAST = 3, 2.0, 0.05


def local_gamma(
    problem: Problem,
    evaluator: Evaluator,
    denoised: Tensor,
    foretold: Tensor | None,
    sigma: float,
    factor: float = 1.0,
    across: bool = False,
) -> float | Tensor:
    """Weight of a proximal data step, ``r_i^2 / sigma_y^2``.

    Parameters
    ----------
    problem : Problem
    evaluator : Evaluator
    denoised : Tensor, shape (N, S, C, H, W)
        ``D``, of N chains.
    foretold : Tensor or None, shape (N, S, C, H, W)
        The squared error that the network foretells, see :meth:`Evaluator.denoise_with_error`;
        overwritten by the result.
    sigma : float
        Noise level that the denoiser was told.
    factor : float
        On the whole.
    across : bool
        Take the variance across the chains where nothing is foretold: these then depend on which
        of them run together.

    Returns
    -------
    float or Tensor, shape (N, S, C, H, W) or (1, S, C, H, W)
        From the network, which is as large as it was found to be; or from the chains; or white.
    """
    white = evaluator.denoiser.error_variance(sigma)
    if foretold is None and across:
        foretold = variance_of_chains(denoised, white, sigma)
    if foretold is None:
        return factor * white / problem.sigma_y**2
    return foretold.mul_(factor / problem.sigma_y**2)


def variance_of_chains(denoised: Tensor, mean: float, sigma: float) -> Tensor | None:
    """Variance of ``D`` across at least three chains, blurred, as that of its error.

    Its mean is that of the error as the prior's card has it, so that only where the error lies
    is learnt from the chains, and ``sigma^2`` its most.

    Returns
    -------
    Tensor or None, shape (1, S, C, H, W)
    """
    if len(denoised) < CHAINS:
        return None
    spread = blurred(denoised.var(0, keepdim=True), BLUR)
    average = spread.mean((-3, -2, -1), keepdim=True)
    relative = spread / average.clamp_min(torch.finfo(spread.dtype).tiny) + LEAST
    return (mean / (1 + LEAST) * relative).clamp_max(sigma**2)


def blurred(x: Tensor, width: float) -> Tensor:
    """Gaussian blur of the last two axes, of ``width`` pixels; the borders go on as they end."""
    reach = round(3 * width)
    weights = torch.exp(-(torch.arange(-reach, reach + 1, device=x.device) ** 2) / (2 * width**2))
    weights = (weights / weights.sum()).to(x.dtype)
    flat = x.reshape(-1, 1, *x.shape[-2:])
    flat = F.pad(flat, (reach, reach, reach, reach), mode="replicate")
    flat = F.conv2d(flat, weights.view(1, 1, 1, -1))
    return F.conv2d(flat, weights.view(1, 1, -1, 1)).reshape(x.shape)


def expected_error(evaluator: Evaluator, image: Tensor, sigma: float) -> Run:
    """The denoiser's expected error for an image at a noise level: where it would be unsure.

    A preview for one network evaluation. It is no standard deviation of the posterior: the data
    do not enter, and it grows with the level that is asked about.

    Parameters
    ----------
    evaluator : Evaluator
    image : Tensor, shape (N, S, C, H, W)
        An estimate of the clean image; noise of the level is added to it.
    sigma : float

    Returns
    -------
    Tensor, shape (N, S, C, H, W)
        Square root of the expected squared error of each pixel, on the prior's scale; that of
        the prior's card everywhere where the network does not foretell errors.
    """
    noisy = evaluator.noise(image).mul_(sigma).add_(image)
    _, foretold, _ = yield from evaluator.denoise_with_error(noisy, sigma)
    if foretold is None:
        return torch.full_like(image, evaluator.denoiser.error_variance(sigma) ** 0.5)
    return foretold.sqrt()
