"""The settings of each method: which are shown, what becomes of them, what is refused."""

import pytest
from qtpy.QtWidgets import QSpinBox

from napari_padis.errors import InputError
from napari_padis.gui.sections.controls import Scientific
from napari_padis.gui.sections.method import MethodSection
from napari_padis.gui.sections.method_settings import TITLE
from napari_padis.gui.sections.method_terms import TERMS
from napari_padis.posterior import METHODS
from napari_padis.posterior.drawing import FEWEST
from napari_padis.posterior.method import RANGES

COUNTS = {"inner", "cg", "draws", "apart", "hold", "shifts"}


@pytest.fixture
def section(qtbot):
    """The section alone, with the settings of a slow sampler open."""
    section = MethodSection()
    qtbot.addWidget(section)
    section.choose("noise-aware")
    section.settings.open()
    return section


def shown(section) -> set[str]:
    return {n for n, c in section.settings.controls.items() if c.isVisibleTo(section)}


def test_every_setting_of_every_method_has_a_term():
    options = {name for method in METHODS.values() for name in method.options}
    assert set(TERMS) == options - {"iterations"}


@pytest.mark.parametrize("method", METHODS.values(), ids=list(METHODS))
def test_a_method_shows_its_own_settings_at_their_defaults(section, method):
    section.choose(method.name)
    own = set(method.options) - {"iterations"}
    assert shown(section) == own
    assert section.settings.isVisibleTo(section) == bool(own)
    for name in own:
        control = section.settings.controls[name]
        assert control.value() == method.options[name]
        assert isinstance(control, QSpinBox if name in COUNTS else Scientific)
        assert (control.minimum(), control.maximum()) == RANGES[name]
        assert f"Default: {method.options[name]:g}." in control.toolTip().replace("\n", " ")
        assert f"--option {name}=" in control.toolTip()
    counted = {"iterations"} & set(method.options)
    assert set(section.values()["options"]) == counted
    assert section.problem == ""


def test_they_are_folded_at_first(qtbot):
    section = MethodSection()
    qtbot.addWidget(section)
    assert shown(section) == set()
    section.settings.button.click()
    assert shown(section) == set(METHODS[section.method].options)


def test_only_what_differs_is_in_the_recipe_and_in_the_heading(section):
    settings = section.settings
    settings.controls["tau"].setValue(0.2)
    settings.controls["inner"].setValue(5)
    settings.open(False)
    assert section.values()["options"] == {"tau": 0.2, "inner": 5}
    assert settings.button.text() == f"{TITLE} (2 changed)"
    assert settings.button.accessibleName() == settings.button.text()
    settings.controls["tau"].setValue(METHODS["noise-aware"].options["tau"])
    assert section.values()["options"] == {"inner": 5}
    assert settings.button.text() == f"{TITLE} (1 changed)"


def test_settings_are_kept_for_each_method(section):
    inner = section.settings.controls["inner"]
    inner.setValue(5)
    section.choose("padis")
    assert inner.value() == METHODS["padis"].options["inner"]
    assert section.values()["options"] == {}
    assert section.settings.button.text() == TITLE
    section.settings.controls["zeta"].setValue(0.2)
    section.choose("fbp")
    section.choose("noise-aware")
    assert inner.value() == 5
    assert section.values()["options"] == {"inner": 5}
    section.choose("padis")
    assert section.values()["options"] == {"zeta": 0.2}


def test_defaults_are_restored_for_the_shown_method_alone(section):
    settings = section.settings
    assert not settings.defaults.isEnabled()
    settings.controls["cg"].setValue(7)
    section.choose("padis")
    settings.controls["zeta"].setValue(0.2)
    settings.defaults.click()
    assert settings.controls["zeta"].value() == METHODS["padis"].options["zeta"]
    assert section.values()["options"] == {}
    assert not settings.defaults.isEnabled()
    section.choose("noise-aware")
    assert section.values()["options"] == {"cg": 7}


@pytest.mark.parametrize(
    ("method", "name", "wrong", "right"),
    [
        ("noise-aware", "draws", FEWEST - 1, FEWEST),
        ("padis", "sigma_max", 0.002, 0.003),
        ("padis", "sigma_max", 0, 10),
        ("padis-fast", "sigma_switch", 1, 0.2),
        ("padis-fast", "start", 0.9, 0.5),
        ("split-gibbs", "rho_min", 20, 5),
    ],
)
def test_what_a_method_refuses_is_said_at_once(section, method, name, wrong, right):
    """Also while it is folded; the run is refused with the same sentence."""
    section.choose(method)
    section.settings.open(False)
    section.settings.controls[name].setValue(wrong)
    message = section.settings.message
    assert message.isVisibleTo(section)
    with pytest.raises(InputError) as refused:
        METHODS[method].settings(section.values()["options"])
    assert section.problem == message.text() == str(refused.value)
    section.settings.controls[name].setValue(right)
    assert section.problem == ""
    assert not message.isVisibleTo(section)
    METHODS[method].settings(section.values()["options"])


def test_the_refused_run_does_not_start(make_dock):
    _, dock = make_dock()
    dock.method.choose("noise-aware")
    dock.method.settings.controls["draws"].setValue(2)
    dock.run()
    assert not dock.controller.busy
    assert "'draws' of 'noise-aware' must be 1" in dock.run_bar.message.text()
    dock.method.choose("padis")
    assert not dock.method.settings.message.isVisibleTo(dock)


def test_a_first_level_of_zero_is_found_where_the_method_can(section):
    first = section.settings.controls["sigma_max"]
    section.choose("dds")
    first.setValue(0)
    assert first.text() == "automatic"
    assert "error of the direct reconstruction" in first.toolTip().replace("\n", " ")
    assert section.values()["options"] == {"sigma_max": 0}
    assert section.problem == ""
    section.choose("padis")
    first.setValue(0)
    assert first.text() == "0"
    assert "direct reconstruction" not in first.toolTip().replace("\n", " ")


@pytest.mark.parametrize("typed", ["0.5", "5e-5", "2.5e-1", "3"])
def test_numbers_above_a_small_minimum_can_be_typed(section, qtbot, typed):
    """0 is below it, and 5 above the maximum."""
    epsilon = section.settings.controls["epsilon"]
    epsilon.selectAll()
    qtbot.keyClicks(epsilon, typed)
    qtbot.keyClick(epsilon, "\r")
    assert epsilon.value() == pytest.approx(float(typed))


@pytest.mark.parametrize("typed", ["4", "0", "", "-", "1e", "inf"])
def test_what_is_no_number_in_range_leaves_the_setting_as_it_was(section, qtbot, typed):
    epsilon = section.settings.controls["epsilon"]
    epsilon.setValue(0.7)
    epsilon.selectAll()
    qtbot.keyClick(epsilon, "\b")
    qtbot.keyClicks(epsilon, typed)
    qtbot.keyClick(epsilon, "\r")
    assert epsilon.value() == 0.7


def test_a_cleared_setting_is_automatic_where_that_is_offered(section, qtbot):
    section.choose("dds")
    tau = section.settings.controls["tau"]
    tau.selectAll()
    qtbot.keyClick(tau, "\b")
    qtbot.keyClick(tau, "\r")
    assert tau.text() == "measured"
    assert section.values()["options"] == {"tau": 0}


def test_no_label_needs_a_dock_wider_than_350_pixels(section):
    """Of which a scroll bar takes 15."""
    for method in METHODS.values():
        section.choose(method.name)
        for control in section.settings.controls.values():
            if control.isVisibleTo(section):
                control.setValue(control.maximum())
        section.layout().activate()
        assert section.minimumSizeHint().width() <= 335, method.name
