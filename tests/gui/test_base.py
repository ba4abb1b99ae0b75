"""Texts of the docks: as high as their lines, readable on both themes."""

import pytest
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_padis.gui.sections.base import MARKS, Section, Text


def line_height(text: Text) -> int:
    one = Text("x")
    one.setFont(text.font())
    return one.heightForWidth(300)


@pytest.mark.parametrize("width", [180, 260, 340])
def test_a_text_is_exactly_as_high_as_its_lines(qtbot, width):
    """Also one that just fits, after others that needed more lines."""
    section, text = Section("A"), Text("word " * 40)
    section.form.addRow(text)
    window = QWidget()
    layout = QVBoxLayout(window)
    layout.addWidget(section)
    layout.addStretch(1)
    qtbot.addWidget(window)
    window.resize(width, 400)
    window.show()
    qtbot.waitUntil(lambda: text.height() == text.heightForWidth(text.width()))
    assert text.height() > 3 * line_height(text)
    letters = "i"
    while text.fontMetrics().horizontalAdvance(letters + "i") < text.width() - 6:
        letters += "i"
    text.setText(letters)
    qtbot.waitUntil(lambda: text.height() == line_height(text))
    text.setText(letters + " " + letters)
    qtbot.waitUntil(lambda: text.height() == text.heightForWidth(text.width()))
    assert text.height() > line_height(text)


def test_marks_follow_the_theme(qtbot):
    """The palette of the theme comes only when the label is put into a window."""
    text = Text("What is the pitch?")
    qtbot.addWidget(text)
    text.mark("question")
    for ground, colour in (("#262930", MARKS["question"][0]), ("#efebe9", MARKS["question"][1])):
        palette = text.palette()
        palette.setColor(text.backgroundRole(), QColor(ground))
        text.setPalette(palette)
        assert colour in text.styleSheet()
    text.mark("error")
    assert MARKS["error"][1] in text.styleSheet()
    text.mark("")
    assert text.styleSheet() == ""
