"""The registry: settings, plans, messages."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

from napari_padis.errors import InputError
from napari_padis.posterior import METHODS, find_method


def test_unknown_method_lists_the_known_ones():
    with pytest.raises(InputError, match=r"no method 'nope'.*padis-fast"):
        find_method("nope")


def test_unknown_option_lists_the_known_ones():
    with pytest.raises(InputError, match=r"no option 'zeta'.*descent"):
        METHODS["padis-fast"].settings({"zeta": 1})


def test_options_must_be_numbers():
    with pytest.raises(InputError, match="must be numbers"):
        METHODS["padis-fast"].settings({"descent": "much"})


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_every_setting_has_a_range_that_holds_its_default(method):
    assert method.settings({}) == dict(method.options)
    for name in method.options:
        for wrong in (-1, "nan", "inf"):
            with pytest.raises(InputError, match=f"'{name}' of '{method.name}' must be from"):
                method.settings({name: wrong})


@pytest.mark.parametrize("wrong", ["inner", "cg"])
def test_counts_of_nothing_are_refused(wrong):
    with pytest.raises(InputError, match=f"'{wrong}'"):
        METHODS["padis-calibrated"].plan(10, {wrong: 0})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("padis", {"sigma_max": 0.002}),
        ("padis", {"sigma_max": 0}),
        ("padis-fast", {"sigma_switch": 1}),
        ("padis-fast", {"sigma_max": 0.04}),
        ("dds", {"sigma_max": 0.001}),
        ("split-gibbs", {"rho_min": 11}),
    ],
)
def test_levels_that_do_not_fall_are_refused(name, given):
    with pytest.raises(InputError, match=f"levels of '{name}' must fall from"):
        METHODS[name].settings(given)


@pytest.mark.parametrize("method", [m for m in METHODS.values() if "sigma_max" in m.options])
def test_a_first_level_of_zero_is_for_methods_that_find_it(method):
    """Those whose modules ask for the level of a warm start."""
    starter = importlib.import_module(f"napari_padis.posterior.{method.starter.split(':')[0]}")
    assert method.warm == hasattr(starter, "start_level")


@pytest.mark.parametrize(
    ("name", "evaluations"),
    [("padis", 1000), ("padis-fast", 95), ("padis-calibrated", 130), ("fbp", 0)],
)
def test_default_plans(name, evaluations):
    assert METHODS[name].plan(None, {})[1] == evaluations


def test_plans_count_all_stages():
    method = METHODS["padis-calibrated"]
    levels, evaluations = method.plan(130, {})
    assert evaluations == 130
    shared = method.shared(130, {})
    assert shared == round(method.options["start"] * 130)
    descent = round(method.options["descent"] * 130)
    inner = int(method.options["inner"])
    assert abs(levels - (shared + descent + (130 - shared - descent) / inner)) <= 1
    assert METHODS["noise-aware"].shared(None, {}) == 0


def test_shares_of_stages_are_not_more_than_all():
    with pytest.raises(InputError, match=r"'start' and 'descent'.*less than 1 together"):
        METHODS["padis-fast"].settings({"start": 0.7, "descent": 0.4})


def test_registry_loads_no_torch():
    code = (
        "import sys, napari_padis.posterior, napari_padis.prior; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
