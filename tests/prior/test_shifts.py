"""Sequences of shifts."""

from __future__ import annotations

import torch

from napari_padis.prior.shifts import EvenShifts


def _sequence(count, seed=0, largest=(8, 8), shifts=None):
    shifts = shifts or EvenShifts()
    g = torch.Generator().manual_seed(seed)
    return [shifts.draw(largest, g) for _ in range(count)]


def test_all_shifts_are_reached_within_the_range():
    seen = _sequence(2000, largest=(8, 5))
    assert set(seen) == {(a, b) for a in range(9) for b in range(6)}


def test_cells_are_visited_more_evenly_than_by_chance():
    """Counts in 9 x 9 cells: their variance is far below that of independent shifts."""
    counts = torch.zeros(9, 9)
    for a, b in _sequence(81 * 8):
        counts[a, b] += 1
    assert counts.var() < 0.4 * 8  # independent: variance 8


def test_a_single_shift_is_uniform_over_seeds():
    first = torch.tensor([_sequence(1, seed)[0] for seed in range(1800)])
    for axis in (0, 1):
        counts = torch.bincount(first[:, axis], minlength=9).float()
        chi2 = float(((counts - 200) ** 2 / 200).sum())
        assert chi2 < 26.1  # 0.999 quantile with 8 degrees of freedom


def test_another_generator_begins_anew():
    shifts = EvenShifts()
    assert _sequence(5, 1, shifts=shifts) == _sequence(5, 1, shifts=shifts) == _sequence(5, 1)
    assert _sequence(5, 1) != _sequence(5, 2)


def test_the_denoiser_takes_them_when_asked(tiny_prior):
    from napari_padis.prior.checkpoint import load_network
    from napari_padis.prior.denoiser import PatchDenoiser

    d = PatchDenoiser(*load_network(tiny_prior), (40, 36), even_shifts=True)
    g = torch.Generator().manual_seed(0)
    drawn = [d.draw(torch.zeros(1, 1, 40, 36), 0.1, g).shift for _ in range(400)]
    rows, cols = d.grid.shifts
    assert set(drawn) == {(a, b) for a in range(rows + 1) for b in range(cols + 1)}
