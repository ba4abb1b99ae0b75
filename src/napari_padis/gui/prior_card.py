"""The card of a prior in the dock: what it is, whether it suits, how well it denoises."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import ClassVar

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari_padis.gui.denoising_curve import DenoisingCurve
from napari_padis.gui.sections.base import Text, named
from napari_padis.prior.card import PriorCard
from napari_padis.prior.facts import facts
from napari_padis.prior.reading import shown

#: Characters of an entry that are shown; the whole is in the tooltip.
LONGEST = 300
#: Characters of the digest that tell priors apart.
DIGEST = 12
#: Digests, of which the card shows the first characters, and longer words, which no line holds.
_DIGESTS = re.compile(r"\b[0-9a-f]{32,}\b")
_LONG = re.compile(r"\S{33,}")
#: Scheme of the links that copy what follows.
COPY = "copy:"
#: Collections that are named in the table.
NAMED = 3
#: Rows in the order of the dock; the tooltip and the command line have the rest.
_ROWS = ("Anatomy", "Range", "Images", "Pixels", "Slices", "Patches", "Parameters", "Training")
_LATE = ("Started from", "Imported from")


class PriorCardView(QWidget):
    """Description, what does not fit, and the rest of the card, which can be folded away."""

    _TITLES: ClassVar = {True: "▾ Card", False: "▸ Card"}

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Card of the prior")
        self.description = Text("")
        self.description.setAccessibleName("Description of the prior")
        self.warning = Text("")
        self.warning.setAccessibleName("What does not fit")
        self.warning.mark("question")
        for label in (self.description, self.warning):
            label.setTextFormat(Qt.TextFormat.PlainText)  # whatever a card may say
        self.button = named(
            QPushButton(self._TITLES[True]), "Card", "Show or hide what is known about the prior."
        )
        self.button.setFlat(True)
        self.button.setStyleSheet("QPushButton { text-align: left; padding: 2px 4px; }")
        self.rows = Text("")
        self.rows.setAccessibleName("Facts about the prior")
        self.rows.setTextInteractionFlags(
            self.rows.textInteractionFlags()
            | Qt.TextInteractionFlag.LinksAccessibleByMouse
            | Qt.TextInteractionFlag.LinksAccessibleByKeyboard
        )
        self.rows.linkActivated.connect(_copy)
        self.curve = DenoisingCurve()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        for widget in (self.description, self.warning, self.button, self.rows, self.curve):
            layout.addWidget(widget)
        self._open = True
        self.button.clicked.connect(self._fold)
        self.set_warnings(())

    def set_card(self, card: PriorCard | None) -> None:
        """Show a card, or that there is none."""
        there = card is not None
        self.button.setVisible(there)
        if card is None:
            self.description.setText("No prior is installed; only methods without a prior can run.")
            self.rows.setText("")
            self.rows.setToolTip("")
            self.curve.set_curve(())
        else:
            self.description.setText(_LONG.sub(_short, shown(card.description, LONGEST)))
            self.description.setToolTip(shown(card.description, LONGEST))
            self.rows.setText(rows_text(card))
            self.rows.setToolTip(tooltip(card))
            self.curve.set_curve(card.denoising_psnr)
        self.description.setVisible(bool(self.description.text()))
        self._show()

    def set_warnings(self, sentences: Sequence[str]) -> None:
        """Say what speaks against the prior for the present measurement."""
        self.warning.setText(" ".join(sentences))
        self.warning.setVisible(bool(sentences))

    def _fold(self) -> None:
        self._open = not self._open
        self._show()

    def _show(self) -> None:
        self.button.setText(self._TITLES[self._open])
        self.rows.setVisible(self._open and bool(self.rows.text()))
        self.curve.setVisible(self._open and bool(self.curve.curve))


def rows_text(card: PriorCard) -> str:
    """The facts as a table of rich text."""
    known = dict(facts(card))
    lines = [(name, known[name]) for name in _ROWS if name in known]
    lines += [
        # The first clause; what follows says which licence asks for what.
        ("Licence", known["Licence"].split(";")[0]),
        ("Trained on", sources(card.trained_on) or "not stated"),
        *((name, known[name]) for name in _LATE if name in known),
        ("sha256", card.sha256 or "not stated"),
    ]
    rows = "".join(
        f"<tr><td style='padding-right:8px'><i>{name}</i></td><td>{_cell(value)}</td></tr>"
        for name, value in lines
    )
    return f"<table cellspacing='0' cellpadding='0'>{rows}</table>"


def _cell(value: str) -> str:
    """A value as rich text: digests are cut, with a link that copies the whole of each."""
    value = shown(value, LONGEST)
    digests = _DIGESTS.findall(value)
    text = html.escape(_LONG.sub(_short, _DIGESTS.sub(_short, value)))
    # Qt's own blue is hardly seen on dark themes.
    links = (f"<a href='{COPY}{digest}' style='color:#5b9bd5'>Copy</a>" for digest in digests)
    return " ".join([text, *links])


def _short(found: re.Match[str]) -> str:
    return f"{found[0][:DIGEST]} …"


def _copy(link: str) -> None:
    """Put what a link stands for on the clipboard."""
    clipboard = QApplication.clipboard()
    if link.startswith(COPY) and clipboard is not None:
        clipboard.setText(link.removeprefix(COPY))


def tooltip(card: PriorCard) -> str:
    """What the table has no room for, as plain text."""
    parts = [f"sha256 {shown(card.sha256)}"] if card.sha256 else []
    if card.training is not None and card.training.start:
        parts.append(f"Started from {shown(card.training.start, LONGEST)}")
    parts += [f"Licence: {shown(card.licence, LONGEST)}"] if card.licence else []
    if card.trained_on:
        parts += ["Trained on:", *(shown(entry, LONGEST) for entry in card.trained_on[:40])]
    if card.training is not None and card.training.hardware:
        parts.append(f"Computed on {shown(card.training.hardware, LONGEST)}")
    return "\n".join(parts)


def sources(trained_on: tuple[str, ...]) -> str:
    """Names of the first collections; all of them, with licences, are in the tooltip."""
    names = [entry.split(",")[0] for entry in trained_on]
    more = f"; and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return "; ".join(names[:NAMED]) + more
