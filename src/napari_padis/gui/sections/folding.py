"""A part of a dock that can be folded away."""

from __future__ import annotations

from qtpy.QtCore import QPoint, Qt, QTimer, Signal
from qtpy.QtGui import QResizeEvent
from qtpy.QtWidgets import QScrollArea, QToolButton, QVBoxLayout, QWidget

from napari_padis.gui.sections.base import named, ruled

#: A growing body is followed for so many rounds of so many milliseconds: canvases that are
#: drawn meanwhile may hold the layout up for seconds, which then are one round.
ROUNDS, PERIOD = 5, 200
#: Pixels left below the body.
MARGIN = 6


class Fold(QWidget):
    """A heading that shows and hides what is below it.

    Parameters
    ----------
    title : str
    tip : str
        Tooltip of the heading: what is in there.
    body : QWidget
    """

    toggled = Signal(bool)

    def __init__(self, title: str, tip: str, body: QWidget) -> None:
        super().__init__()
        self.body = body
        self.button = named(QToolButton(), title, tip)
        self.set_title(title)
        self.button.setCheckable(True)
        self.button.setAutoRaise(True)
        self.button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        # No background of its own: it looks like the other headings.
        self.button.setStyleSheet(
            "QToolButton { font-weight: bold; border: none; padding: 0px;"
            " background: transparent; }"
            "QToolButton:focus { border: 1px solid palette(highlight); }"
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(ruled(self.button))
        layout.addWidget(body)
        self._layout = layout
        self._area: QScrollArea | None = None
        self._rounds = 0
        self._growing = QTimer(self)
        self._growing.setInterval(PERIOD)
        self._growing.timeout.connect(self._tick)
        self.button.toggled.connect(self._toggle)
        self._toggle(False)

    @property
    def opened(self) -> bool:
        """Whether the body is shown."""
        return self.button.isChecked()

    def open(self, opened: bool = True) -> None:
        """Show or hide the body."""
        self.button.setChecked(opened)

    def set_title(self, title: str) -> None:
        """Another heading."""
        self.button.setText(title)
        self.button.setAccessibleName(title)

    def append(self, widget: QWidget) -> None:
        """Add what stays in sight while the body is folded away, below it."""
        self._layout.addWidget(widget)

    def _toggle(self, opened: bool) -> None:
        arrow = Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow
        self.button.setArrowType(arrow)
        self.body.setVisible(opened)
        if opened:
            self.reveal()
        self.toggled.emit(opened)

    def reveal(self) -> None:
        """Scroll to the end of this, which opens out of sight at the bottom of a dock.

        And again while that grows: wrapped texts are measured in several rounds.
        """
        if self._area is None:
            self._area = self._find_area()
        self._rounds = ROUNDS
        self._growing.start()
        self._scroll()

    def _find_area(self) -> QScrollArea | None:
        """The scrolling part of the dock, once this is in one."""
        parent = self.parentWidget()
        while parent is not None and not isinstance(parent, QScrollArea):
            parent = parent.parentWidget()
        bar = parent.verticalScrollBar() if parent is not None else None
        if bar is not None:
            bar.rangeChanged.connect(self._grown)
        return parent

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """See QWidget."""
        super().resizeEvent(event)
        self._grown()

    def _tick(self) -> None:
        self._rounds -= 1
        if self._rounds <= 0:
            self._growing.stop()

    def _grown(self) -> None:
        """Body and scrolling part grow in either order, so wait until both have."""
        if self._growing.isActive():
            QTimer.singleShot(0, self._scroll)

    def _scroll(self) -> None:
        inner = self._area.widget() if self._area is not None else None
        if self._area is not None and inner is not None and self.opened:
            end = self.mapTo(inner, QPoint(0, self.height()))
            self._area.ensureVisible(0, end.y(), 0, MARGIN)
