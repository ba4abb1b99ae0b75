"""The answers about regions as a small table."""

from __future__ import annotations

from typing import Any

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QSize, Qt, Signal
from qtpy.QtGui import QColor, QIcon, QKeyEvent, QKeySequence, QPixmap
from qtpy.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem

from napari_padis.gui.region_answers import Answers, cells, sentence
from napari_padis.gui.sections.base import named

#: Rows that are shown before the table scrolls.
ROWS = 6
SWATCH = 10
#: What the columns are.
TIPS = (
    "Label, or number of the shape.",
    "Share of the samples in which the mean of the region is larger, and the interval that holds "
    "this probability with 90 %, for so few samples.",
    "Mean of the region and its standard deviation over the samples.",
)


class RegionTable(QTableWidget):
    """One row per region; hidden while there are no answers.

    Attributes
    ----------
    answers : Answers or None
        Those on show.
    title : str
        Name of the layer of the regions.
    """

    filled = Signal(bool)  # whether there are answers now
    copying = Signal()  # the keys for it were pressed

    def __init__(self) -> None:
        super().__init__(0, len(TIPS))
        self.answers: Answers | None = None
        self.title = ""
        named(self, "Probabilities", "How surely the mean of each region exceeds the threshold.")
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setIconSize(QSize(SWATCH, SWATCH))
        self.setWordWrap(False)
        rows, columns = self.verticalHeader(), self.horizontalHeader()
        assert rows is not None
        assert columns is not None
        rows.hide()
        rows.setDefaultSectionSize(self.fontMetrics().height() + 8)
        columns.setHighlightSections(False)
        columns.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        columns.setSectionResizeMode(len(TIPS) - 1, QHeaderView.ResizeMode.Stretch)
        self.clear_answers()

    def fill(self, answers: Answers, layer: Any) -> None:
        """Show answers, with the colours that the regions have in their layer."""
        unit = f"\n({answers.unit})" if answers.unit else ""
        threshold = answers.found[0].threshold
        titles = ("Region", f"P(> {threshold:g})\n(90 %)", f"Mean{unit}")
        self.setHorizontalHeaderLabels(titles)
        for column, tip in enumerate(TIPS):
            item = self.horizontalHeaderItem(column)
            assert item is not None
            item.setToolTip(tip)
        self.setRowCount(len(answers.found))
        for row, answer in enumerate(answers.found):
            said = sentence(answer, answers.unit)
            region, probability, interval, mean = cells(answer)
            # Together, else the means are cut off in a narrow dock.
            for column, shown in enumerate((region, f"{probability} ({interval})", mean)):
                item = QTableWidgetItem(shown)
                item.setToolTip(said)
                item.setData(Qt.ItemDataRole.AccessibleDescriptionRole, said)
                self.setItem(row, column, item)
            first = self.item(row, 0)
            assert first is not None
            first.setIcon(_swatch(layer, answer.region))
        self.answers, self.title = answers, layer.name
        self._fit()
        self.show()
        self.filled.emit(True)

    def clear_answers(self) -> None:
        """Show nothing."""
        self.answers = None
        self.setRowCount(0)
        self.hide()
        self.filled.emit(False)

    @property
    def chosen(self) -> list[int]:
        """The selected rows, from the top."""
        return sorted({index.row() for index in self.selectedIndexes()})

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Qt would copy the text of one cell."""
        if event is not None and event.matches(QKeySequence.StandardKey.Copy):
            self.copying.emit()
            event.accept()
        else:
            super().keyPressEvent(event)

    def _fit(self) -> None:
        """As high as the rows, up to a limit."""
        header, rows = self.horizontalHeader(), self.verticalHeader()
        assert header is not None
        assert rows is not None
        count = min(self.rowCount(), ROWS)
        height = header.sizeHint().height() + count * rows.defaultSectionSize()
        self.setFixedHeight(height + 2 * self.frameWidth())


def _swatch(layer: Any, region: int) -> QIcon:
    """The colour of a label, or of the edge of a shape."""
    colour = layer.get_color(region) if isinstance(layer, Labels) else layer.edge_color[region - 1]
    picture = QPixmap(SWATCH, SWATCH)
    red, green, blue = (round(255 * float(c)) for c in np.asarray(colour)[:3])
    picture.fill(QColor(red, green, blue))
    return QIcon(picture)
