"""How the unit of a measurement and that of a prior meet."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_padis.engine.recipe import Recipe
from napari_padis.engine.setup import build_problem
from napari_padis.likelihood import build, simulate
from napari_padis.prior.card import PriorCard
from napari_padis.scan.geometry import DenoiseGeometry
from napari_padis.scan.measurement import Noise

WITHOUT_UNIT = PriorCard(name="edges", unit="arbitrary", low=0.0, high=1.0)


def problem_of(measurement, card):
    operator = build(measurement.geometry)
    return build_problem(measurement, operator, card, Recipe(), torch.device("cpu"))


@pytest.mark.parametrize("unit", ["HU", "1/mm", "arbitrary"])
def test_a_prior_without_unit_fits_any_measurement(small_measurement, unit):
    measurement = replace(small_measurement, unit=unit)
    problem, display, notices = problem_of(measurement, WITHOUT_UNIT)
    top = float(np.percentile(problem.direct().numpy(), 99))
    assert top == pytest.approx(0.5, abs=1e-4)
    assert any("no physical unit" in note for note in notices)
    direct = build(measurement.geometry).pinv(torch.from_numpy(measurement.data)).numpy()
    expected = 1000 * (direct / measurement.mu_water - 1) if unit == "HU" else direct
    assert np.allclose(display.values(problem.direct()), expected, atol=1e-4 * np.ptp(expected))


def test_vacuum_is_the_zero_of_images_in_hu(small_volume):
    geometry = DenoiseGeometry(small_volume.shape[1:], (2.0, 2.0), 5.0)
    measurement = simulate(small_volume, geometry, Noise("gaussian", 1.0))
    problem, display, _ = problem_of(measurement, WITHOUT_UNIT)
    assert (problem.offset, problem.gain) == pytest.approx((-1000, 2 * (1000 + 640)), rel=0.02)
    assert np.allclose(display.values(problem.direct()), measurement.data, atol=0.1)


def test_physical_units_are_converted(small_measurement):
    problem, _, notices = problem_of(small_measurement, PriorCard(name="ct"))
    assert problem.offset == pytest.approx(0, abs=1e-9)
    assert problem.gain == pytest.approx(2 * small_measurement.mu_water)
    assert not any("unit" in note for note in notices)
