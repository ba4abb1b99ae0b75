"""The last noise level, which follows from how precise the data are."""

from __future__ import annotations

import math
from types import SimpleNamespace

import gaussian_toy
import pytest
import torch

from napari_padis.posterior.plug_and_play import Halves
from napari_padis.posterior.problem import Problem
from napari_padis.posterior.samplers.dual import dual
from napari_padis.posterior.schedule import geometric, last_level


class Waves:
    """Multiplies the plane waves of a signal of 64 entries."""

    norm = 1.0

    def __init__(self, factors):
        self.factors = factors

    def A(self, x):
        return torch.fft.irfft(torch.fft.rfft(x) * self.factors, n=64)

    AT = A


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_what_is_not_seen_changes_nothing(share):
    """The frequencies that data see as they are they know to sigma_y, however few these are."""
    factors = (torch.arange(33) < 33 * share).double()
    problem = Problem(Waves(factors), torch.ones(2, 64).double(), 1e-4, 1.0, 0.0, (2, 64), floor=0)
    # The spectrum is averaged over about one frequency.
    assert last_level(problem, 0.002) == pytest.approx(1e-4, rel=0.1)


def test_what_is_seen_weakly_is_known_less():
    factors = torch.full((33,), 0.1).double()
    problem = Problem(Waves(factors), torch.ones(2, 64).double(), 1e-4, 1.0, 0.0, (2, 64), floor=0)
    assert last_level(problem, 0.002) == pytest.approx(1e-3)
    assert last_level(problem, 0.0005) == 0.0005


def test_data_that_see_nothing_ask_for_no_level():
    assert last_level(SimpleNamespace(spectrum=torch.zeros(9), sigma_y=1.0), 0.002) == 0.002


def seen_spread(toy, last: float) -> float:
    """Spread of the dual sampler where the data see, relative to the exact one."""
    start = Halves.at(toy.problem.start()[None].clone()).repeated(10)
    levels = geometric(0.4, last, 30)
    x = gaussian_toy.sample(toy, lambda e: dual(toy.problem, e, start, levels, 0.05, 40))
    a = toy.problem.operator.matrix
    seen = torch.linalg.pinv(a) @ a
    found = ((x - x.mean(0)) @ seen).square().sum(-1).mean() * 10 / 9
    return math.sqrt(float(found / torch.trace(seen @ toy.covariance @ seen)))


def test_nearly_exact_data_need_a_lower_level():
    """Sigma_y a hundredth of what the toy has otherwise."""
    torch.set_num_threads(1)
    toy = gaussian_toy.make_toy(5, sigma_y=2e-4)
    assert 0.8 < seen_spread(toy, last_level(toy.problem, 0.002)) < 1.1
    assert seen_spread(toy, 0.002) > 1.5
