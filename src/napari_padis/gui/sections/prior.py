"""Prior: which learned images the reconstruction should resemble, and its card."""

from __future__ import annotations

import html

from napari_padis.gui import text
from napari_padis.gui.sections.base import Section, Text, combo, set_choosable
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import catalogue

#: Images of one channel and of two.
IMAGES = ("real", "complex")


class PriorSection(Section):
    """Choice of the prior with what is known about it."""

    def __init__(self) -> None:
        super().__init__("Prior")
        self.cards = catalogue()
        self._channels = 1
        self.prior_box = combo("Patch prior", "Learned model of image patches.")
        for index, card in enumerate(self.cards):
            self.prior_box.addItem(card.title or card.name, card.name)
            self.prior_box.setItemData(index, card.description or card.name, 3)
        self.card = Text("")
        self.card.setAccessibleName("Card of the prior")
        self.row("Prior", self.prior_box)
        self.form.addRow(self.card)
        self.prior_box.currentIndexChanged.connect(self._show)
        self._show()

    @property
    def name(self) -> str | None:
        """Name of the chosen prior."""
        return self.prior_box.currentData()

    def set_needed(self, needed: bool) -> None:
        """Methods without a prior leave this section grey."""
        self.setEnabled(needed)

    def set_channels(self, channels: int) -> None:
        """Offer the priors of real images (1) or of complex ones (2), the others greyed."""
        self._channels = channels
        fitting = [i for i, card in enumerate(self.cards) if self._fits(card)]
        for index, card in enumerate(self.cards):
            tip = card.description or card.name
            if index not in fitting:
                tip = f"For {IMAGES[card.network.image_channels == 2]} images only. {tip}"
            set_choosable(self.prior_box, index, index in fitting, tip)
        if fitting and self.prior_box.currentIndex() not in fitting:
            self.prior_box.setCurrentIndex(fitting[0])

    @property
    def missing(self) -> str:
        """Why no method with a prior can run on these images; empty where one can."""
        if not self.cards:
            return "needs a prior, and none is installed"
        if any(self._fits(card) for card in self.cards):
            return ""
        return f"needs a prior of {IMAGES[self._channels == 2]} images"

    def _fits(self, card: PriorCard) -> bool:
        return card.network.image_channels == self._channels

    def _show(self, _index: int = 0) -> None:
        index = self.prior_box.currentIndex()
        if 0 <= index < len(self.cards):
            card = self.cards[index]
            self.card.setText(card_text(card))
            self.card.setToolTip("\n".join(("Trained on:", *card.trained_on)))
        else:
            self.card.setText("No prior is installed; only methods without a prior can run.")


def sources(trained_on: tuple[str, ...]) -> str:
    """Names of the collections; licences and references are in the tooltip."""
    return "; ".join(entry.split(",")[0] for entry in trained_on)


def card_text(card: PriorCard) -> str:
    """The card as a few lines of rich text."""
    low, high = card.scale.low, card.scale.high
    lines = [
        ("Trained on", sources(card.trained_on) or "not stated"),
        ("Licence", card.licence or "not stated"),
        ("Range", f"{low:g} to {high:g} {card.unit}"),
        ("Patches", ", ".join(str(p) for p in card.patch_sizes) + " pixels"),
        ("Network", f"{text.count(card.parameters)} parameters"),
    ]
    if card.training is not None:
        lines.append(
            (
                "Training",
                f"{text.count(card.training.patches)} patches, "
                f"{text.count(card.training.steps)} steps",
            )
        )
    curve = _closest(card.denoising_psnr)
    if curve:
        lines.append(("Denoising", curve))
    rows = "".join(
        f"<tr><td style='padding-right:8px'><i>{name}</i></td><td>{html.escape(value)}</td></tr>"
        for name, value in lines
    )
    return f"{html.escape(card.description)}<table cellspacing='0' cellpadding='0'>{rows}</table>"


def _closest(curve: tuple[tuple[float, float], ...]) -> str:
    """PSNR at up to three noise levels."""
    if not curve:
        return ""
    picked = {min(curve, key=lambda pair: abs(pair[0] - s)) for s in (0.05, 0.2, 0.5)}
    return ", ".join(f"{psnr:.1f} dB at σ {sigma:g}" for sigma, psnr in sorted(picked))
