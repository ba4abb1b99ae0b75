"""The noise of measured data is estimated without holding up the window."""

import threading

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.gui.layer_data import measurement_layer
from napari_padis.gui.noise_guess import NoiseGuess
from napari_padis.gui.sections.controls import Scientific
from napari_padis.scan.geometry import DenoiseGeometry, ParallelGeometry
from napari_padis.scan.measurement import Measurement, Noise


def noisy(sigma=0.5, name="a"):
    data = np.random.default_rng(0).normal(0, sigma, (2, 32, 32)).astype(np.float32)
    return Measurement(data, DenoiseGeometry((32, 32)), unit="arbitrary", name=name)


@pytest.fixture
def guess(qtbot):
    made = NoiseGuess()
    answers = []
    made.found.connect(lambda sigma, error: answers.append((sigma, error)))
    made.answers = answers
    yield made
    made.ask(None)
    assert made.join(60)


def test_the_estimate_is_close_and_made_in_another_thread(guess, qtbot):
    threads = []
    real = guess.estimator

    def estimator(measurement):
        threads.append(threading.current_thread())
        return real(measurement)

    guess.estimator = estimator
    guess.ask(noisy(0.5))
    assert guess.busy
    qtbot.waitUntil(lambda: bool(guess.answers))
    assert guess.answers[0][0] == pytest.approx(0.5, rel=0.1)
    assert threads[0] is not threading.main_thread()
    assert not guess.busy


def test_only_the_newest_question_is_answered(guess, qtbot):
    gate, asked = threading.Event(), []

    def estimator(measurement):
        asked.append(measurement.name)
        gate.wait(60)
        return 1.0 if measurement.name == "c" else 2.0

    guess.estimator = estimator
    for name in "abc":
        guess.ask(noisy(name=name))
    gate.set()
    qtbot.waitUntil(lambda: bool(guess.answers))
    qtbot.wait(250)
    assert guess.answers == [(1.0, "")]
    assert asked == ["a", "c"], "one thread at a time, and no question that was replaced"


def test_a_question_can_be_taken_back(guess, qtbot):
    gate = threading.Event()

    def estimator(measurement):
        gate.wait(60)
        return 1.0

    guess.estimator = estimator
    guess.ask(noisy())
    guess.ask(None)
    gate.set()
    qtbot.wait(300)
    assert guess.answers == []


@pytest.mark.parametrize(
    ("error", "sentence"), [(InputError("Too few."), "Too few."), (ValueError("x"), "ValueError")]
)
def test_errors_are_reported(guess, qtbot, error, sentence):
    def estimator(measurement):
        raise error

    guess.estimator = estimator
    guess.ask(noisy())
    qtbot.waitUntil(lambda: bool(guess.answers))
    sigma, said = guess.answers[0]
    assert sigma is None
    assert sentence in said


def add(viewer, measurement):
    data, options, _ = measurement_layer(measurement)
    return viewer.add_image(data, **options)


def test_the_dock_shows_the_estimate_of_unknown_noise_only(make_dock, qtbot):
    viewer, dock = make_dock()
    method = dock.method
    assert not method.estimate.isVisibleTo(dock)
    unknown = add(viewer, noisy(0.5))
    geometry = ParallelGeometry.standard(4, (8, 8), detectors=64)
    known = add(viewer, Measurement(np.ones((2, 4, 64), np.float32), geometry, Noise("none", 0.0)))
    method.guess.estimator = lambda measurement: 0.01234
    dock.data.choose(unknown)
    assert method.estimate.isVisibleTo(dock)
    assert "estimating" in method.estimate.text()
    qtbot.waitUntil(lambda: method.estimate.text() == "estimated: 0.0123")
    assert method.sigma.text() == "from the data"
    assert dock.request().recipe.sigma_y is None
    method.sigma.stepUp()
    assert dock.request().recipe.sigma_y == 0.01234
    method.sigma.setValue(0)
    dock.data.choose(known)
    assert not method.estimate.isVisibleTo(dock)


def test_the_meaning_of_the_noise_follows_the_model(make_dock):
    _, dock = make_dock()
    assert "line integrals" in dock.method.sigma.toolTip()
    dock.forward.choose("cartesian")
    assert "k-space" in dock.method.sigma.toolTip()
    dock.forward.choose("blur")
    assert "pixel values (HU)" in dock.method.sigma.toolTip()


@pytest.mark.parametrize("typed", ["3e-7", "0.25", "20", "1.5e-3"])
def test_small_and_large_numbers_can_be_typed(qtbot, typed):
    box = Scientific()
    box.setSpecialValueText("from the data")
    qtbot.addWidget(box)
    box.selectAll()
    qtbot.keyClicks(box, typed)
    qtbot.keyClick(box, "\r")
    assert box.value() == pytest.approx(float(typed))
    assert float(box.text()) == pytest.approx(float(typed))
    box.setValue(0)
    assert box.text() == "from the data"
