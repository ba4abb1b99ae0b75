"""The forward section: parameters of the model and nothing else, errors in plain words."""

import dataclasses

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QAbstractSpinBox, QComboBox, QLabel, QPushButton, QRadioButton

from napari_padis.engine.events import Started
from napari_padis.errors import InputError
from napari_padis.gui.layer_data import measurement_layer, volume_layer
from napari_padis.gui.picture.widget import GeometryPicture
from napari_padis.gui.sections.parameters import PARAMETERS
from napari_padis.likelihood import FORWARDS
from napari_padis.scan.geometry import ConeGeometry, FanGeometry
from napari_padis.scan.measurement import Measurement, Noise

ALL = list(FORWARDS)


def test_every_model_has_a_form():
    assert set(PARAMETERS) == set(FORWARDS)


@pytest.mark.parametrize("kind", ALL)
def test_only_the_parameters_of_the_model_are_shown(make_dock, kind):
    _, dock = make_dock()
    section = dock.forward
    section.choose(kind)
    for other, form in section.forms.items():
        shown = [n for n, c in form.controls.items() if c.isVisibleTo(dock)]
        hidden = {p.name for p in PARAMETERS[other] if p.when is not None}
        assert set(shown) <= set(form.controls)
        if other == kind:
            assert set(form.controls) - set(shown) <= hidden
        else:
            assert shown == []
    assert section.backend_box.isVisibleTo(dock) == bool(FORWARDS[kind].backends)


@pytest.mark.parametrize("kind", ALL)
def test_the_defaults_of_every_model_make_a_simulation(make_dock, kind):
    _, dock = make_dock()
    dock.forward.choose(kind)
    assert dock.forward.problem == ""
    request = dock.request()
    assert request.simulation.geometry.kind == kind
    assert request.simulation.geometry.image_shape == (40, 48)
    assert request.simulation.geometry.pixel == (2.0, 2.5)
    assert request.simulation.slices == (0, 6)
    assert request.recipe.backend == "auto"
    assert dock.forward.picture.isVisibleTo(dock)


def test_rows_follow_other_settings(make_dock):
    _, dock = make_dock()
    dock.forward.choose("blur")
    kernel, size, width = (dock.forward.control(n) for n in ("kernel", "size", "width"))
    assert size.isVisibleTo(dock)
    assert not width.isVisibleTo(dock)
    kernel.setCurrentIndex(1)
    assert width.isVisibleTo(dock)
    assert not size.isVisibleTo(dock)
    dock.forward.choose("parallel")
    assert not width.isVisibleTo(dock)


def test_noise_follows_the_model(make_dock):
    _, dock = make_dock()
    section = dock.forward

    def kinds(model):
        section.choose(model)
        return [section.noise.kind.itemData(i) for i in range(section.noise.kind.count())]

    assert kinds("cone") == ["none", "gaussian", "poisson"]
    assert kinds("cartesian") == ["none", "gaussian"]
    assert section.noise.share.isVisibleTo(dock)
    assert kinds("denoise") == ["none", "gaussian"]
    assert section.noise.sigma.isVisibleTo(dock)
    assert section.noise.sigma.suffix() == " HU"
    assert dock.request().simulation.sigma == section.noise.sigma.value() > 0
    section.choose("parallel")
    section.noise.kind.setCurrentIndex(2)
    section.choose("mask")
    section.choose("fan")
    assert section.noise.kind.currentData() == "poisson", "the choice for CT is kept"


def test_an_impossible_scan_is_said_and_not_run(make_dock):
    _, dock = make_dock()
    section = dock.forward
    section.choose("fan")
    good = section.control("source_origin").value()
    section.control("source_origin").setValue(10)
    assert "outside the circle" in section.facts.text()
    assert not section.picture.isVisibleTo(dock)
    with pytest.raises(InputError, match="outside the circle"):
        dock.request()
    dock.run()
    assert "outside the circle" in dock.run_bar.message.text()
    section.control("source_origin").setValue(good)
    assert section.problem == ""
    assert dock.request().simulation is not None


def test_factors_divide_the_image(make_dock):
    _, dock = make_dock()
    dock.forward.choose("downsample")
    box = dock.forward.control("factor")
    assert [box.itemData(i) for i in range(box.count())] == [2, 4, 8]


def test_own_settings_stay_when_only_the_slices_change(make_dock):
    _, dock = make_dock()
    dock.forward.choose("cone")
    rows, columns = dock.forward.control("detector_rows"), dock.forward.control("detectors")
    assert (rows.value(), columns.value()) == (12, 96)
    columns.setValue(50)
    dock.measurement.last.setValue(2)
    assert (rows.value(), columns.value()) == (6, 50)
    assert dock.request().simulation.geometry.slices == 3
    rows.setValue(9)
    dock.measurement.choose_all()
    assert (rows.value(), columns.value()) == (9, 50)


def add(viewer, geometry, shape):
    measurement = Measurement(np.ones(shape, np.float32), geometry, Noise("none", 0.0))
    data, options, _ = measurement_layer(measurement)
    return viewer.add_image(data, **options)


def test_numbers_follow_other_settings_until_they_are_set(make_dock):
    _, dock = make_dock()
    section = dock.forward
    section.choose("fan")
    origin, detector = (section.control(f"source_{n}") for n in ("origin", "detector"))
    origin.setValue(200)
    assert detector.value() == 300
    assert section.geometry.source_detector == 300
    detector.setValue(280)
    origin.setValue(220)
    assert detector.value() == 280
    assert section.geometry.source_detector == 280
    section.choose("cartesian")
    centre = section.control("centre")
    assert centre.value() == round(0.08 * 48)
    section.control("acceleration").setValue(8)
    assert centre.value() == round(0.04 * 48)


def test_own_kernel_and_source_with_another_image(make_dock, volume):
    viewer, dock = make_dock()
    section = dock.forward
    section.choose("blur")
    section.control("size").setValue(5)
    section.choose("fan")
    section.control("source_origin").setValue(200)
    other = dataclasses.replace(volume, array=volume.array[:, :30, :30])
    data, options, _ = volume_layer(other)
    dock.data.choose(viewer.add_image(data, **options))
    assert section.geometry.image_shape == (30, 30)
    # Distances were chosen for the old image, the kernel was not.
    corner = np.hypot(30 * 2.0, 30 * 2.5) / 2
    assert section.geometry.source_origin == pytest.approx(4 * corner)
    section.choose("blur")
    assert section.geometry.kernel.shape == (5, 5)


def test_a_measurement_shows_its_facts_instead_of_the_form(make_dock):
    viewer, dock = make_dock()
    section = dock.forward
    section.choose("blur")
    fan = add(viewer, FanGeometry.standard(7, (20, 20), detectors=32), (2, 7, 32))
    cone = add(viewer, ConeGeometry.standard(5, (4, 20, 20), detectors=(6, 30)), (5, 6, 30))
    dock.data.choose(fan)
    assert section.kind == "fan"
    assert not section.model_box.isEnabled()
    assert section.facts.text().startswith("7 views × 32 bins")
    assert "2 slices of 20 × 20 pixels" in section.facts.text()
    assert not section.control("views").isVisibleTo(dock)
    assert not section.noise.kind.isVisibleTo(dock)
    assert section.backend_box.isVisibleTo(dock)
    assert section.simulation() is None
    dock.data.choose(cone)
    assert "4 slices of 20 × 20 pixels" in section.facts.text()
    section.backend_box.setCurrentIndex(section.backend_box.findData("rays"))
    assert dock.request().recipe.backend == "rays"
    dock.data.choose(viewer.layers["torso"])
    assert section.kind == "blur", "the model chosen for simulations is back"
    assert section.model_box.isEnabled()


def test_the_projector_is_told_after_the_start(make_dock, engine, finish, monkeypatch):
    _, dock = make_dock()
    sentence = "sparse matrix pair of 41 MiB, because that is the fastest that fits"
    plain = engine.started

    def started(measurement) -> Started:
        return dataclasses.replace(plain(measurement), projector=sentence)

    monkeypatch.setattr(engine, "started", started)
    dock.run()
    finish(dock.controller)
    assert dock.run_bar.projector.toolTip() == sentence
    assert sentence.startswith(dock.run_bar.projector.text().rstrip("…"))


def test_the_picture_can_be_folded_enlarged_and_follows(make_dock, qtbot):
    _, dock = make_dock()
    dock.show()
    box = dock.forward.picture
    box.button.click()
    assert not box.picture.isVisibleTo(dock)
    box.button.click()
    assert box.picture.isVisibleTo(dock)
    box.picture.setFocus()
    qtbot.keyClick(box.picture, Qt.Key.Key_Return)
    large = box.dialog.findChild(GeometryPicture)
    assert large.width() > box.picture.width()
    dock.forward.choose("mask")
    assert large.picture is box.picture.picture
    assert "Missing 50 %" in large.accessibleDescription()
    box.dialog.close()
    assert box.dialog is None
    qtbot.mouseClick(box.picture, Qt.MouseButton.LeftButton)
    assert box.dialog is not None
    box.dialog.close()


@pytest.mark.parametrize("kind", ALL)
def test_pictures_have_ink_on_dark_and_on_light_ground(qtbot, kind, make_dock):
    _, dock = make_dock()
    dock.forward.choose(kind)
    for ground in ("#262930", "#efebe9"):
        picture = GeometryPicture()
        qtbot.addWidget(picture)
        palette = picture.palette()
        palette.setColor(picture.backgroundRole(), QColor(ground))
        picture.setPalette(palette)
        picture.resize(330, 200)
        picture.set_geometry(dock.forward.geometry)
        image = picture.grab().toImage()
        shades = [
            image.pixelColor(x, y).lightness() for x in range(0, 330, 2) for y in range(0, 200, 2)
        ]
        assert max(shades) - min(shades) > 120
        assert (image.pixelColor(1, 1).lightness() < 128) == (ground == "#262930")


def test_nothing_is_cut_off_in_any_form(make_dock, qtbot):
    _viewer, dock = make_dock(window=True, show=True)
    dock.window().resize(1366, 740)
    facts = dock.forward.facts
    for kind in ALL:
        dock.forward.choose(kind)
        # A form that keeps the height of another text cuts this one, or squeezes its controls.
        qtbot.waitUntil(lambda: facts.height() == facts.heightForWidth(facts.width()))
        assert dock.width() <= 400
        assert dock.scroll.horizontalScrollBar().maximum() == 0
        for label in dock.forward.findChildren(QLabel):
            if label.isVisible() and not label.wordWrap() and label.text():
                assert label.width() >= label.sizeHint().width(), label.text()
        for box in dock.forward.findChildren(QComboBox):
            if box.isVisible():
                text = box.fontMetrics().horizontalAdvance(box.currentText())
                assert box.width() - 30 >= text, box.currentText()


def test_tab_goes_in_the_order_of_work(make_dock):
    _, dock = make_dock()
    order, widget = [], dock.data.layer_box
    while True:
        if isinstance(widget, QComboBox | QAbstractSpinBox | QPushButton | QRadioButton):
            order.append(widget)
        widget = widget.nextInFocusChain()
        if widget is dock.data.layer_box:
            break
    section = dock.forward
    wanted = [
        dock.data.layer_box,
        dock.measurement.simulate_button,
        dock.measurement.first,
        section.model_box,
        section.control("views"),
        section.control("detectors"),
        section.noise.kind,
        section.backend_box,
        section.picture.button,
        dock.prior.prior_box,
        dock.method.method_box,
        dock.method.sigma,
        dock.run_bar.run_button,
    ]
    places = [order.index(w) for w in wanted]
    assert places == sorted(places)
