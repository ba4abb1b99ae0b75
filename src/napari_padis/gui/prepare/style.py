"""Colours that read on both themes, and widths that fit into a dock."""

from __future__ import annotations

from qtpy.QtWidgets import QLabel

#: (on dark, on light) for questions and for errors.
QUESTION = ("#ffd54f", "#8a5a00")
ERROR = ("#ff8a80", "#b00020")
#: Narrowest a box may become in pixels, so that two of them and a word fit into the dock.
NARROW = 70


def attention(label: QLabel, error: bool = False) -> None:
    """Colour a text that asks for something or says what is wrong."""
    dark = label.palette().color(label.backgroundRole()).lightness() < 128
    colour = (ERROR if error else QUESTION)[0 if dark else 1]
    label.setStyleSheet(f"QLabel {{ color: {colour}; }}")
