"""What all sections of the dock share: titles, forms, named controls."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TypeVar

from qtpy.QtCore import QEvent, QSize, Qt, QTimer
from qtpy.QtGui import QResizeEvent, QStandardItemModel
from qtpy.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

if TYPE_CHECKING:
    from napari.layers import Layer

W = TypeVar("W", bound=QWidget)

#: Colours (on dark, on light) of texts that ask for something or say what is wrong.
MARKS = {"question": ("#ffd54f", "#8a5a00"), "error": ("#ff8a80", "#b00020")}
QWIDGETSIZE_MAX = (1 << 24) - 1
#: Width in pixels that the list of a combo box may have.
WIDEST = 560
_LOOKS = (QEvent.Type.StyleChange, QEvent.Type.FontChange, QEvent.Type.PaletteChange)


def named(widget: W, name: str, tip: str) -> W:
    """Give a control its accessible name and its tooltip."""
    widget.setAccessibleName(name)
    widget.setAccessibleDescription(tip)
    widget.setToolTip(tip)
    return widget


class _Combo(QComboBox):
    """Combo box whose list is wide enough to read the entries."""

    def showPopup(self) -> None:
        """See QComboBox."""
        view = self.view()
        if view is not None:
            view.setMinimumWidth(min(view.sizeHintForColumn(0) + 24, WIDEST))
        super().showPopup()


def combo(name: str, tip: str) -> QComboBox:
    """Combo box whose width does not follow its longest entry."""
    box = _Combo()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(12)
    box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    view = box.view()
    if view is not None:
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
    return named(box, name, tip)


def list_layers(box: QComboBox, layers: Sequence[Layer], chosen: Layer | None) -> None:
    """Fill a combo box with layers, silently: the chosen one stays, else the last is taken."""
    box.blockSignals(True)
    box.clear()
    for index, layer in enumerate(layers):
        box.addItem(layer.name)
        # The full name, where the box is too narrow for it.
        box.setItemData(index, layer.name, Qt.ItemDataRole.ToolTipRole)
    box.setCurrentIndex(layers.index(chosen) if chosen in layers else len(layers) - 1)
    box.blockSignals(False)


def set_choosable(box: QComboBox, index: int, choosable: bool, tip: str) -> None:
    """Grey an entry of a combo box out, or let it be chosen; its tooltip tells why."""
    model = box.model()
    item = model.item(index) if isinstance(model, QStandardItemModel) else None
    if item is not None:
        item.setEnabled(choosable)
        item.setToolTip(tip)


def spin(name: str, tip: str, low: int, high: int, value: int) -> QSpinBox:
    """Whole number."""
    box = QSpinBox()
    box.setRange(low, high)
    box.setValue(value)
    box.setAlignment(Qt.AlignmentFlag.AlignLeft)
    box.setKeyboardTracking(False)
    return named(box, name, tip)


def decimal(
    name: str, tip: str, low: float, high: float, value: float, digits: int = 3
) -> QDoubleSpinBox:
    """Number with decimals."""
    box = QDoubleSpinBox()
    box.setDecimals(digits)
    box.setRange(low, high)
    box.setValue(value)
    box.setAlignment(Qt.AlignmentFlag.AlignLeft)
    box.setKeyboardTracking(False)
    return named(box, name, tip)


class Text(QLabel):
    """Wrapped text that never widens the dock, exactly as high as its lines.

    A form would give it the height that it had at another width, or with another text.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self._mark = ""
        self._lines = -1  # height in pixels
        self.setWordWrap(True)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.setMinimumWidth(10)

    def setText(self, text: str | None) -> None:
        """See QLabel."""
        super().setText(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """See QWidget."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent | None) -> None:
        """Another font needs another height, another theme other colours."""
        super().changeEvent(event)
        if event is not None and event.type() in _LOOKS:
            self._fit()
            self._colour()

    def minimumSizeHint(self) -> QSize:
        """As narrow as need be."""
        return QSize(10, max(0, self._lines))

    def _fit(self) -> None:
        # No minimum height is set: QLabel would never find less than that to be enough.
        lines = self.heightForWidth(self.width())  # -1 while there is no text
        if lines != self._lines:
            self._lines = lines
            self.setMaximumHeight(lines if lines >= 0 else QWIDGETSIZE_MAX)
            self.updateGeometry()

    def mark(self, mark: str) -> None:
        """Colour a text that is a 'question' or an 'error'; '' is neither."""
        self._mark = mark
        self._colour()

    def _colour(self) -> None:
        """In the colours of the theme, which is not known before the label is in a window."""
        sheet = ""
        if self._mark:
            dark = self.palette().color(self.backgroundRole()).lightness() < 128
            sheet = f"QLabel {{ color: {MARKS[self._mark][0 if dark else 1]}; }}"
        if sheet != self.styleSheet():
            self.setStyleSheet(sheet)


class Section(QWidget):
    """A titled form.

    Parameters
    ----------
    title : str
    headed : bool
        Whether the title stands above the form; else it is the name for screen readers only.
    """

    def __init__(self, title: str, headed: bool = True) -> None:
        super().__init__()
        self.setAccessibleName(title)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 2)
        outer.setSpacing(3)
        if headed:
            outer.addLayout(heading(title))
        self.form = QFormLayout()
        self.form.setContentsMargins(6, 0, 2, 0)
        self.form.setHorizontalSpacing(8)
        self.form.setVerticalSpacing(3)
        self.form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self.form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        outer.addLayout(self.form)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.form.invalidate)

    def relayout(self) -> None:
        """Measure the wrapped texts again, once all that is going on has been laid out.

        A form keeps the height they had at another width, or before other rows were shown.
        """
        self._timer.start()

    def resizeEvent(self, event: QResizeEvent | None) -> None:
        """See QWidget."""
        super().resizeEvent(event)
        self.relayout()

    def row(self, label: str, field: QWidget) -> QLabel:
        """Add a labelled control; the label is its buddy for screen readers."""
        text = QLabel(label)
        text.setBuddy(field)
        text.setToolTip(field.toolTip())
        text.setMinimumWidth(84)
        self.form.addRow(text, field)
        return text


def heading(title: str) -> QHBoxLayout:
    """Bold title followed by a thin line."""
    label = QLabel(title)
    label.setStyleSheet("QLabel { font-weight: bold; }")
    return ruled(label)


def ruled(title: QWidget) -> QHBoxLayout:
    """A title followed by a thin line."""
    line = QFrame()
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFixedHeight(1)
    line.setStyleSheet("QFrame { background-color: rgba(128, 128, 128, 130); }")
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 2, 0, 0)
    layout.addWidget(title)
    layout.addWidget(line, stretch=1)
    return layout


def side_by_side(widgets: Iterable[QWidget]) -> QWidget:
    """Several small controls in one row."""
    box = QWidget()
    layout = QHBoxLayout(box)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(4)
    for widget in widgets:
        layout.addWidget(widget, stretch=0 if isinstance(widget, QLabel) else 1)
    return box
