"""The card of a prior in the dock, its denoising curve, and what does not fit."""

import pytest
from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QColor

from napari_padis.gui.denoising_curve import Axes, DenoisingCurve
from napari_padis.gui.picture.paint import Ink
from napari_padis.gui.prior_card import PriorCardView, rows_text, tooltip
from napari_padis.prior.card import PriorCard, Training
from napari_padis.prior.facts import misfits

CARD = PriorCard(
    name="x",
    title="X",
    description="Chest & <b>abdomen</b>",
    anatomy="chest",
    trained_on=("A, CC BY", "B", "C", "D", "E"),
    licence="CC BY 4.0 for all; with much more",
    ceiling=2.0,
    pixel_spacing=(1.5, 1.7),
    parameters=2_300_000,
    error_table=((0.05, 1e-4), (0.2, 1e-3), (0.5, 1e-2)),
    training=Training(steps=8757, patches=712_128, pixels=1, seconds=7200, slices=1262),
    sha256="0123456789abcdef" * 4,
)


def test_the_card_says_what_is_known():
    text = rows_text(CARD)
    for part in (
        "A; B; C; and 2 more",
        "CC BY 4.0 for all<",
        "-1000 to 1000 HU; seen up to 3000 HU",
        "1.5 to 1.7 mm",
        "56, 32, 16 pixels",
        "2.3 M",
        "712 k patches in 8.76 k steps from 1262 slices",
        "0123456789ab …",
    ):
        assert part in text
    for part in (CARD.sha256, "with much more", *CARD.trained_on):
        assert part in tooltip(CARD)


def test_nothing_in_a_card_is_rich_text(qtbot):
    view = PriorCardView()
    qtbot.addWidget(view)
    view.set_card(CARD)
    assert view.description.text() == "Chest & <b>abdomen</b>"
    assert view.description.textFormat() == Qt.TextFormat.PlainText
    evil = "<img src='http://example.org/x.png'>"
    card = CARD.model_copy(update={"anatomy": evil, "licence": evil, "sha256": evil})
    assert "<img" not in rows_text(card)
    assert "&lt;img" in rows_text(card)


def test_a_card_that_says_little(qtbot):
    view = PriorCardView()
    qtbot.addWidget(view)
    view.set_card(PriorCard(name="bare"))
    assert not view.curve.isVisibleTo(view)
    assert not view.description.isVisibleTo(view)
    assert "not stated" in view.rows.text()
    view.set_card(None)
    assert "No prior is installed" in view.description.text()
    assert not view.button.isVisibleTo(view)


def test_the_card_folds(qtbot):
    view = PriorCardView()
    qtbot.addWidget(view)
    view.set_card(CARD)
    assert view.rows.isVisibleTo(view)
    assert view.curve.isVisibleTo(view)
    view.button.click()
    assert not view.rows.isVisibleTo(view)
    assert not view.curve.isVisibleTo(view)
    assert view.description.isVisibleTo(view)
    view.set_card(CARD.model_copy(update={"name": "y"}))
    assert not view.curve.isVisibleTo(view)
    view.button.click()
    assert view.curve.isVisibleTo(view)


@pytest.mark.parametrize(
    ("pixel", "unit", "parts"),
    [
        ((1.6, 1.6), "HU", []),
        ((1.0, 1.0), "HU", []),  # 1.5 / 1.0 = 1.5
        ((2.7, 2.7), "1/mm", []),  # 2.7 / 1.7 = 1.59
        ((0.4, 0.4), "HU", ["Pixels of 0.4 mm; the prior saw 1.5 to 1.7 mm."]),
        ((1.6, 2.8), "HU", ["Pixels of 1.6 to 2.8 mm"]),
        ((1.6, 1.6), "arbitrary", ["without a unit; the prior expects HU"]),
        ((3.0, 3.0), "arbitrary", ["Pixels of 3 mm", "without a unit"]),
    ],
)
def test_what_does_not_fit(pixel, unit, parts):
    found = misfits(CARD, pixel, unit)
    assert len(found) == len(parts)
    assert all(part in sentence for part, sentence in zip(parts, found, strict=True))


def test_priors_without_a_unit_and_priors_of_slices():
    free = CARD.model_copy(update={"unit": "arbitrary", "pixel_spacing": None})
    assert "knows no unit" in misfits(free, (9.0, 9.0), "HU")[0]
    assert misfits(free, (9.0, 9.0), "arbitrary") == []
    slices = CARD.model_copy(update={"slices": 3, "slice_spacing": (1.0, 2.5)})
    assert misfits(slices, (1.6, 1.6), "HU", 2.5) == []
    assert misfits(slices, (1.6, 1.6), "HU", 5.0) == [
        "Slices 5 mm apart; the prior saw 1 to 2.5 mm."
    ]
    assert misfits(CARD, (1.6, 1.6), "HU", 50.0) == []


def test_axes_of_the_curve():
    axes = Axes(((0.01, 52.0), (1.0, 24.0)), QRectF(10, 0, 200, 100))
    assert axes(0.01, axes.bottom) == QPointF(10, 100)
    assert axes(0.1, axes.bottom).x() == pytest.approx(110)
    assert axes(1.0, axes.top) == QPointF(210, 0)
    assert axes.decades == pytest.approx([0.01, 0.1, 1.0])
    assert axes.levels == [20, 30, 40, 50, 60]


@pytest.mark.parametrize("dark", [True, False])
def test_the_curve_is_where_its_values_are(qtbot, dark):
    plot = DenoisingCurve()
    qtbot.addWidget(plot)
    ground = "#22262e" if dark else "#eeeeee"
    plot.setStyleSheet(f"background-color: {ground};")
    plot.resize(320, plot.sizeHint().height())
    plot.set_curve(((0.01, 50.0), (0.1, 40.0), (1.0, 30.0)))
    plot.show()
    picture = plot.grab().toImage()
    ink, axes = Ink.of(plot), plot.axes()

    def like(point, role):
        near = [
            picture.pixelColor(round(point.x()) + i, round(point.y()) + j)
            for i in (-1, 0, 1)
            for j in (-1, 0, 1)
        ]
        return min(distance(colour, ink[role]) for colour in near)

    for sigma, psnr in ((0.03, 45.23), (0.1, 40.0), (0.5, 33.01)):
        assert like(axes(sigma, psnr), "image") < 60
        assert like(axes(sigma, psnr + 5), "image") > 100
    assert distance(picture.pixelColor(3, 3), ink["ground"]) < 20  # screens of 16 bits round
    assert distance(ink["ground"], ink["text"]) > 400


def distance(a: QColor, b: QColor) -> int:
    return sum(abs(x - y) for x, y in zip(a.getRgb()[:3], b.getRgb()[:3], strict=True))


def test_the_curve_can_be_read_with_the_mouse(qtbot):
    plot = DenoisingCurve()
    qtbot.addWidget(plot)
    plot.resize(320, plot.sizeHint().height())
    plot.set_curve(((0.01, 50.0), (0.1, 40.0), (1.0, 30.0)))
    plot.show()
    before = plot.grab().toImage()
    qtbot.mouseMove(plot, plot.axes()(0.12, 40.0).toPoint())
    qtbot.waitUntil(lambda: plot.marked == (0.1, 40.0))
    assert plot.grab().toImage() != before
    assert "40.0 dB at 0.1" in plot.accessibleDescription()


@pytest.mark.parametrize("curve", [(), ((0.1, 30.0),), ((0.1, 30.0), (0.1, 31.0))])
def test_less_than_two_levels_are_no_curve(qtbot, curve):
    plot = DenoisingCurve()
    qtbot.addWidget(plot)
    plot.set_curve(curve)
    assert plot.isHidden()
    assert plot.axes() is None
    plot.grab()


def test_a_flat_curve_is_drawn(qtbot):
    plot = DenoisingCurve()
    qtbot.addWidget(plot)
    plot.resize(320, plot.sizeHint().height())
    plot.set_curve(((1e-9, 30.0), (1e9, 30.0)))
    plot.grab()
    assert len(plot.axes().decades) == 19


def test_no_line_of_a_card_is_cut_off_by_a_digest(qtbot):
    """Digests are cut, whole in the tooltip, and copied by a click."""
    from html.parser import HTMLParser

    from qtpy.QtWidgets import QApplication

    class Words(HTMLParser):
        found: list = []  # noqa: RUF012

        def handle_data(self, data):
            self.found += data.split()

    start = "f" * 63 + "0"
    training = CARD.training.model_copy(update={"start": f"ct-small, sha256 {start}"})
    long = "https://example.org/" + "x" * 80
    card = CARD.model_copy(
        update={"training": training, "description": f"see {long}", "anatomy": long}
    )
    view = PriorCardView()
    qtbot.addWidget(view)
    view.set_card(card)
    words = Words()
    words.feed(view.rows.text())
    assert "Copy" in words.found
    assert max(map(len, [*words.found, *view.description.text().split()])) <= 32
    for digest in (start, card.sha256):
        assert digest in view.rows.toolTip()
        assert f"href='copy:{digest}'" in view.rows.text()
        view.rows.linkActivated.emit(f"copy:{digest}")
        assert QApplication.clipboard().text() == digest
    assert long in view.description.toolTip()
    view.set_card(CARD.model_copy(update={"anatomy": "<a href='copy:x'>y</a>"}))
    assert "<a href='copy:x'>" not in view.rows.text(), "no link comes from a card"
