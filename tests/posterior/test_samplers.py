"""Parts of the samplers: coupled noise, retries when memory is short."""

from __future__ import annotations

import gaussian_toy
import pytest
import torch

from napari_padis.posterior import METHODS
from napari_padis.posterior.evaluator import Evaluator, out_of_memory


def _evaluator(coupled):
    return Evaluator(None, torch.Generator().manual_seed(0), coupled)


def test_coupled_noises_cancel_and_each_is_white():
    z = _evaluator(True).noise(torch.zeros(4, 200_000))
    assert z.mean(0).abs().max() < 1e-5
    assert torch.allclose(z.std(1), torch.ones(4), atol=0.01)
    correlation = torch.corrcoef(z)[0, 1]
    assert correlation == pytest.approx(-1 / 3, abs=0.01)


def test_a_single_sample_keeps_its_noise():
    assert torch.equal(
        _evaluator(True).noise(torch.zeros(1, 9)), _evaluator(False).noise(torch.zeros(1, 9))
    )


def test_coupling_brings_the_mean_of_few_samples_to_the_posterior_mean():
    toy = gaussian_toy.make_toy(40)

    def distance(coupled):
        method = METHODS["padis-fast"]
        x = gaussian_toy.sample(
            toy, lambda e: method.run(toy.problem, e, 4, None, {}), coupled=coupled
        )
        return gaussian_toy.score(toy, x).mean_distance

    assert METHODS["padis-fast"].coupled
    assert not METHODS["padis-calibrated"].coupled
    # What remains with coupling is the sampler's bias: the toy's dynamics are linear.
    assert distance(True) < 0.8 * distance(False)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.OutOfMemoryError("x"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."), True),
        (RuntimeError("MPS backend out of memory"), True),
        (RuntimeError("size mismatch"), False),
    ],
)
def test_shortage_of_memory_is_told_from_other_errors(error, expected):
    assert out_of_memory(error) is expected
