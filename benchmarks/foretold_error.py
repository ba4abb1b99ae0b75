"""Denoising errors beside those that a prior foretells, pixel by pixel.

    python -m benchmarks.foretold_error VALIDATION [--prior ct-small] [--size 128]

Adds noise of each level to one slice of every validation volume and compares the squared error of
the denoised image with the foretold one: over all pixels, and in eight bins of the foretold error,
lowest first. ``gain`` is by how much the negative log-likelihood ((D - x0)^2 / r^2 + log r^2) is
less than that of the best white error.
"""

from __future__ import annotations

import argparse

import numpy as np
import torch
from torch import Tensor

from napari_padis.evaluation.slices import choose_slices
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import find_prior
from napari_padis.prior.denoiser import finish, load_prior
from napari_padis.scan.units import scale_in

LEVELS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
BINS = 8


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder")
    parser.add_argument("--prior", default="ct-small")
    parser.add_argument("--size", type=int, default=None)
    given = parser.parse_args()
    card = PriorCard.load(find_prior(given.prior))
    images: list[Tensor] = []
    for chosen in choose_slices(given.folder, 1, given.size):
        values = np.asarray(chosen.volume.array[list(chosen.indices)], dtype=np.float32)
        values = scale_in(card.scale, chosen.volume.unit).to_unit_interval(values)
        images.append(torch.from_numpy(np.clip(values, 0, card.ceiling))[:, None].float())
    denoisers = [load_prior(given.prior, (x.shape[-2], x.shape[-1])) for x in images]
    print("sigma  error^2/foretold  card/error^2  gain   by foretold error, lowest first")
    for sigma in LEVELS:
        squares, foretold = [], []
        for d, x in zip(denoisers, images, strict=True):
            generator = torch.Generator().manual_seed(0)
            noisy = x + sigma * torch.randn(x.shape, generator=generator)
            both = finish(d.denoise_with_error(noisy, sigma, d.draw(noisy, sigma, generator)))
            squares.append((both[0] - x).square().flatten())
            foretold.append(both[1].flatten())
        e, r = torch.cat(squares).double(), torch.cat(foretold).double()
        parts = r.argsort().chunk(BINS)
        bins = " ".join(f"{float(e[i].mean() / r[i].mean()):.2f}" for i in parts)
        gain = float(e.mean().log() + 1 - (e / r + r.log()).mean())
        known = denoisers[0].error_variance(sigma) / float(e.mean())
        print(f"{sigma:<6g} {float(e.mean() / r.mean()):<17.2f} {known:<13.2f} {gain:<6.2f} {bins}")


if __name__ == "__main__":
    main()
