"""Chains are the same whichever others run beside them."""

from __future__ import annotations

import pytest
import torch

from napari_padis.posterior.chains import ChainEvaluator, generator
from napari_padis.prior.denoiser import load_prior


@pytest.fixture(scope="module")
def denoiser(tiny_prior):
    return load_prior(tiny_prior, (40, 36), "cpu")


def test_noise_belongs_to_the_chain(denoiser):
    like = torch.zeros(6, 2, 1, 8, 8)
    together = ChainEvaluator(denoiser, 3, range(6))
    a, b = ChainEvaluator(denoiser, 3, range(2)), ChainEvaluator(denoiser, 3, range(2, 6))
    for _ in range(3):
        parts = torch.cat([a.noise(like[:2]), b.noise(like[2:])])
        assert torch.equal(together.noise(like), parts)


def test_noise_is_white_and_independent(denoiser):
    z = ChainEvaluator(denoiser, 0, range(4)).noise(torch.zeros(4, 20_000))
    assert torch.allclose(z @ z.T / 20_000, torch.eye(4), atol=0.04)
    assert not torch.equal(z, ChainEvaluator(denoiser, 1, range(4)).noise(z))


def test_coupled_noise_adds_up_to_zero_and_keeps_its_variance(denoiser):
    z = ChainEvaluator(denoiser, 0, range(4), coupled=True).noise(torch.zeros(4, 20_000))
    assert z.mean(0).abs().max() < 1e-6
    assert torch.allclose(z.square().mean(1), torch.ones(4), atol=0.04)
    alone = ChainEvaluator(denoiser, 0, range(1), coupled=True).noise(torch.zeros(1, 20_000))
    assert float(alone.square().mean()) == pytest.approx(1, abs=0.05)


def test_evaluations_belong_to_the_chain(denoiser):
    """Shift of the grid and noise of the border too: the tiles reach beyond the image."""
    x = torch.rand((3, 2, 1, 40, 36), generator=torch.Generator().manual_seed(0))

    def evaluate(chains):
        evaluator, shifts, out = ChainEvaluator(denoiser, 5, chains), [], []
        for sigma in (0.5, 0.1):
            run = evaluator.denoise(x[list(chains)], sigma)
            try:
                while True:
                    next(run)
            except StopIteration as done:
                clean, draw = done.value
                out.append(clean)
                shifts.append(draw.shift)
        assert evaluator.count == 2
        return torch.stack(out), shifts

    together, shifts = evaluate(range(3))
    for chains in (range(1), range(1, 3)):
        part, same = evaluate(chains)
        assert same == shifts
        assert torch.allclose(part, together[:, list(chains)], atol=1e-5)
    assert shifts[0] != shifts[1]


def test_what_is_common_is_the_same_in_every_group(denoiser):
    common = torch.zeros(1, 2, 1, 8, 8)
    a, b = ChainEvaluator(denoiser, 3, range(2)), ChainEvaluator(denoiser, 3, range(2, 6))
    assert torch.equal(a.noise(common), b.noise(common))


def test_generators_differ_by_seed_and_key():
    drawn = {float(torch.rand(1, generator=generator(*key))) for key in [(0, 0), (0, 1), (1, 0)]}
    assert len(drawn) == 3
