"""Does the published step carry over? The method 'padis' on random images of known statistics.

    python benchmarks/padis_step.py

Stationary Gaussian images, their exact denoiser (a Wiener filter), several forward models with
noise of 1 % of the data's RMS. Prints the PSNR of one sample (400 evaluations) against the truth
for factors zeta of :func:`~napari_padis.posterior.samplers.padis.step_length` from 0.003 to 3.
"""

from __future__ import annotations

import argparse
import math

import numpy as np
import torch
from torch import Tensor

from napari_padis.likelihood.masks import sampling_mask
from napari_padis.likelihood.registry import build
from napari_padis.posterior.evaluator import Evaluator
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers.padis import effective_data, padis, step_length
from napari_padis.posterior.schedule import geometric
from napari_padis.prior.denoiser import Draw, Work, finish
from napari_padis.scan.geometry import (
    BlurGeometry,
    CartesianGeometry,
    DownsampleGeometry,
    Geometry,
    MaskGeometry,
    ParallelGeometry,
)

FACTORS = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)


class WienerDenoiser:
    """``E[x0 | x0 + sigma n]`` of a stationary Gaussian image, which it can also draw."""

    def __init__(self, side: int, mean: float) -> None:
        frequency = torch.fft.fftfreq(side) * 64
        power = (1 + (frequency[:, None] ** 2 + frequency**2) / 4) ** -1.5
        self.power, self.mean = 0.04 * power / power.mean(), mean

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """One image of spread 0.2."""
        return self.mean + self._filter(torch.randn(shape, generator=generator), self.power.sqrt())

    def draw(self, x: Tensor, sigma: float, generator: torch.Generator) -> Draw:
        """Nothing is random."""
        return Draw()

    def denoise(self, x: Tensor, sigma: float, draw: Draw) -> Work:
        """Wiener filter."""
        return self.mean + self._filter(x - self.mean, self._gain(sigma))
        yield

    def vjp(self, x: Tensor, sigma: float, draw: Draw, v: Tensor) -> Work:
        """The filter is symmetric."""
        return self._filter(v, self._gain(sigma))
        yield

    def error_variance(self, sigma: float) -> float:
        """Exact."""
        return float(sigma**2 * self._gain(sigma).mean())

    def halve_batch(self) -> bool:
        """Nothing to save."""
        return False

    def _gain(self, sigma: float) -> Tensor:
        return self.power / (self.power + sigma**2)

    @staticmethod
    def _filter(x: Tensor, gain: Tensor) -> Tensor:
        return torch.fft.ifft2(torch.fft.fft2(x) * gain).real


def geometries(side: int) -> dict[str, Geometry]:
    """Forward models by name."""
    square = (side, side)
    random = np.random.default_rng(0).random(square)
    return {
        "20 views": ParallelGeometry.standard(20, square, (1.0, 1.0), 1.0, detectors=2 * side),
        "60 views": ParallelGeometry.standard(60, square, (1.0, 1.0), 1.0, detectors=2 * side),
        "blur 9 x 9": BlurGeometry(np.full((9, 9), 1 / 81), square),
        "4 x coarser": DownsampleGeometry(4, square),
        "30 % of pixels": MaskGeometry(random < 0.3),
        "MRI, 4-fold": CartesianGeometry(sampling_mask(square, "poisson", 4, 12, seed=0)),
    }


def psnr(geometry: Geometry, factors: tuple[float, ...] = FACTORS) -> tuple[float, list[float]]:
    """Effective number of data, and PSNR for each factor."""
    g = torch.Generator().manual_seed(0)
    denoiser = WienerDenoiser(geometry.image_shape[0], 0.5 if geometry.channels == 1 else 0.0)
    shape = (1, geometry.channels, *geometry.image_shape)
    truth, operator = denoiser.sample(shape, g), build(geometry, torch.device("cpu"))
    data = operator.A(truth)
    sigma = 0.01 * float(data.square().mean().sqrt())
    data = data + sigma * torch.randn(data.shape, generator=g) * (data != 0)
    problem = Problem(operator, data, sigma, 1.0, 0.0, shape)
    found = []
    for zeta in factors:
        evaluator = Evaluator(denoiser, torch.Generator().manual_seed(1))
        x = 10 * evaluator.noise(truth[None])
        length = step_length(problem, zeta)
        run = padis(problem, evaluator, x, geometric(10, 0.002, 100), 4, 0.5, length)
        error = (finish(run) - truth).square().mean()
        found.append(-10 * math.log10(float(error)))
    return effective_data(problem), found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--side", type=int, default=64)
    print(f"{'zeta':18s}{'data':>6s}" + "".join(f"{zeta:8g}" for zeta in FACTORS))
    for name, geometry in geometries(parser.parse_args().side).items():
        data, found = psnr(geometry)
        print(f"{name:18s}{data:6.0f}" + "".join(f"{v:8.1f}" for v in found), flush=True)


if __name__ == "__main__":
    main()
