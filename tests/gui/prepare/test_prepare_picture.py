"""The picture inside the dock."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_padis.gui.prepare.picture import Picture, grey


@pytest.fixture
def picture(qtbot):
    widget = Picture("Preview", "Look.")
    qtbot.addWidget(widget)
    widget.resize(200, 160)
    return widget


def test_grey_levels_are_cut_at_the_limits():
    np.testing.assert_array_equal(
        grey(np.array([[-5.0, 0, 1, 2, 9]]), (0, 2)), [[0, 0, 127, 255, 255]]
    )
    assert grey(np.zeros((2, 2)), (1, 1)).max() == 0


def test_sides_stay_in_proportion_on_black(picture):
    picture.show_image(np.ones((10, 40)), (0, 1))
    image = picture.grab().toImage()
    ratio = image.width() / 200
    column = [image.pixelColor(round(100 * ratio), round(y * ratio)).red() for y in range(160)]
    # 40 x 10 pixels on 200 x 160 points: 50 points high, in the middle.
    assert sum(value > 128 for value in column) == pytest.approx(50, abs=2)
    assert column[80] == 255


def test_pixels_that_are_higher_than_wide_are_drawn_so(picture):
    picture.show_image(np.ones((10, 40)), (0, 1), ratio=2.0)
    image = picture.grab().toImage()
    ratio = image.width() / 200
    column = [image.pixelColor(round(100 * ratio), round(y * ratio)).red() for y in range(160)]
    assert sum(value > 128 for value in column) == pytest.approx(100, abs=2)


def test_keys_zoom_move_and_reset(picture, qtbot):
    array = np.zeros((40, 40))
    array[20:, 20:] = 1  # rows grow upwards and columns to the left: top left
    picture.show_image(array, (0, 1))
    for _ in range(6):
        qtbot.keyClick(picture, Qt.Key.Key_Plus)
    assert picture.zoom > 2
    for _ in range(20):
        qtbot.keyClick(picture, Qt.Key.Key_Left)
        qtbot.keyClick(picture, Qt.Key.Key_Up)
    image = picture.grab().toImage()
    assert image.pixelColor(image.width() // 2, image.height() // 2).red() == 255
    qtbot.keyClick(picture, Qt.Key.Key_0)
    assert picture.zoom == 1


def test_the_picture_owns_its_pixels(picture):
    array = np.ones((30, 31))
    picture.show_image(array, (0, 1))
    array[:] = 0
    image = picture.grab().toImage()
    assert image.pixelColor(image.width() // 2, image.height() // 2).red() == 255
    picture.show_image(None)
    assert picture.empty
