"""Circulant preconditioning of data steps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from napari_padis.posterior.problem import Problem

#: White images that a spectrum is measured with, at least.
PROBES = 16

#: Least ridge that the inverse is made for, where the largest eigenvalue of ``A^T A`` is 1. A
#: convolution cannot tell what the data see of a frequency from what they do not see of it; where
#: they see little, it would move the unseen part far away, from where it comes back slowly. Of
#: exact data of 20 views (ridge 0.0002) four iterations left 2.2 times the distance from the
#: start to the solution without a least ridge and 0.3 with it; of noisy data (0.005) 0.14 and 0.12.
FLOOR = 0.01


def gram_spectrum(problem: Problem) -> Tensor:
    """Diagonal of ``A^T A`` among plane waves: how much the data see of each spatial frequency.

    The circulant matrix with these eigenvalues is the nearest of all to ``A^T A`` (T. Chan, "An
    optimal circulant preconditioner for Toeplitz systems", SIAM J. Sci. Stat. Comput. 9, 1988).
    They are measured with white images (Bekas, Kokiopoulou and Saad, "An estimator for the
    diagonal of a matrix", Appl. Numer. Math. 57, 2007), always the same ones, and averaged over
    about one frequency: with less, the noise of the probes shows; with more, the rays in the
    plane of frequencies that few views see are lost.

    Returns
    -------
    Tensor
        Non-negative, as :func:`torch.fft.rfftn` lays out the last one or two axes of an image.
    """
    generator = torch.Generator().manual_seed(0)
    dtype, device = problem.y.dtype, problem.y.device
    count = -(-PROBES // math.prod(problem.shape[:-2]))
    probes = torch.randn((count, *problem.shape), generator=generator, dtype=dtype).to(device)
    axes = problem.image_axes(probes.ndim)
    lead, sides = tuple(range(probes.ndim - len(axes))), [probes.shape[a] for a in axes]
    seen = power = torch.zeros((), dtype=dtype, device=device)
    for part in problem.parts(probes):
        waves = torch.fft.rfftn(probes[part], dim=axes)
        power = power + waves.abs().square().sum(lead)
        answer = torch.fft.rfftn(problem.AT(problem.A(probes[part])), dim=axes)
        seen = seen + answer.mul_(waves.conj()).real.sum(lead)
    ratio = torch.complex(seen / power, torch.zeros_like(power))
    kernel = torch.fft.irfftn(ratio, s=sides)
    for axis, n in enumerate(sides):
        # A Gaussian of sd 1 over frequencies is one of sd n / (2 pi) over pixels.
        distance = torch.fft.fftfreq(n, 1 / n, dtype=dtype, device=device) * (2 * math.pi / n)
        window = torch.exp(-distance.square() / 2)
        kernel = kernel * window.reshape([-1 if a == axis else 1 for a in range(len(sides))])
    return torch.fft.rfftn(kernel).real.clamp_min(0)


def preconditioner(problem: Problem, ridge: float | Tensor) -> Callable[[Tensor], Tensor]:
    """Approximate inverse of ``A^T A + ridge`` as a convolution, for images (N, S, C, H, W).

    The ridge may be one of each problem, a tensor whose image axes have length 1.
    """
    floored = ridge.clamp_min(FLOOR) if isinstance(ridge, Tensor) else max(ridge, FLOOR)
    weights = 1 / (problem.spectrum + floored)

    def apply(r: Tensor) -> Tensor:
        axes = problem.image_axes(r.ndim)
        waves = torch.fft.rfftn(r, dim=axes).mul_(weights)
        return torch.fft.irfftn(waves, s=[r.shape[a] for a in axes], dim=axes)

    return apply
