"""Prior: which learned images the reconstruction should resemble, and its card."""

from __future__ import annotations

from qtpy.QtCore import QSignalBlocker, Signal

from napari_padis.gui.prior_card import PriorCardView
from napari_padis.gui.sections.base import Section, combo, set_choosable
from napari_padis.gui.sections.prior_store import PriorStore
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import catalogue
from napari_padis.prior.facts import misfits
from napari_padis.prior.reading import shown
from napari_padis.scan.geometry import Geometry

#: Images of one channel and of two.
IMAGES = ("real", "complex")


class PriorSection(Section):
    """Choice of the prior with what is known about it.

    Attributes
    ----------
    store : PriorStore
        Buttons that bring more priors; a widget of its own, see there.
    """

    changed = Signal()  # there are other priors than before

    def __init__(self) -> None:
        super().__init__("Prior")
        self.cards: list[PriorCard] = []
        self._channels = 1
        self._image: tuple[tuple[float, ...], str, float] | None = None
        self.prior_box = combo("Patch prior", "Learned model of image patches.")
        self.card = PriorCardView()
        self.store = PriorStore()
        self.row("Prior", self.prior_box)
        self.form.addRow(self.card)
        self.prior_box.currentIndexChanged.connect(self._show)
        self.store.came.connect(self.reload)
        self._fill()

    @property
    def name(self) -> str | None:
        """Name of the chosen prior."""
        return self.prior_box.currentData()

    def set_needed(self, needed: bool) -> None:
        """Methods without a prior leave this section grey."""
        self.setEnabled(needed)

    def set_image(self, geometry: Geometry, unit: str) -> None:
        """Follow the image that is to be reconstructed, in ``unit``.

        Priors of real images (1 channel) or of complex ones (2) are offered, the others
        greyed; the card says what else does not fit.
        """
        self._image = (geometry.pixel, unit, geometry.slice_spacing)
        self.set_channels(geometry.channels)
        self._warn()

    def set_channels(self, channels: int) -> None:
        """Offer the priors of real images (1) or of complex ones (2), the others greyed."""
        self._channels = channels
        fitting = [i for i, card in enumerate(self.cards) if self._fits(card)]
        for index, card in enumerate(self.cards):
            tip = _tip(card)
            if index not in fitting:
                tip = f"For {IMAGES[_channels(card) == 2]} images only. {tip}"
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

    @property
    def warnings(self) -> tuple[str, ...]:
        """What speaks against the chosen prior for the present image."""
        card = self._chosen
        if card is None or self._image is None or not self._fits(card):
            return ()
        return tuple(misfits(card, *self._image))

    def reload(self, name: str = "") -> None:
        """Look again which priors there are, and choose one of them if it fits."""
        self._fill(name or self.name or "")
        self.changed.emit()

    def _fill(self, wanted: str = "") -> None:
        self.cards = catalogue()
        with QSignalBlocker(self.prior_box):
            self.prior_box.clear()
            for card in self.cards:
                self.prior_box.addItem(shown(card.title or card.name), card.name)
            names = [card.name for card in self.cards]
            if wanted in names and self._fits(self.cards[names.index(wanted)]):
                self.prior_box.setCurrentIndex(names.index(wanted))
        self.set_channels(self._channels)
        self.store.refresh()
        self._show()

    def _fits(self, card: PriorCard) -> bool:
        return _channels(card) == self._channels

    @property
    def _chosen(self) -> PriorCard | None:
        index = self.prior_box.currentIndex()
        return self.cards[index] if 0 <= index < len(self.cards) else None

    def _show(self, _index: int = 0) -> None:
        self.card.set_card(self._chosen)
        self._warn()
        self.relayout()

    def _warn(self) -> None:
        self.card.set_warnings(self.warnings)


def _channels(card: PriorCard) -> int:
    """Channels of one slice: 2 for complex images."""
    return card.network.image_channels // card.slices


def _tip(card: PriorCard) -> str:
    return shown(card.description or card.name, 400)
