"""Keeping the answers about regions: on the clipboard, or in a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from qtpy.QtCore import Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QPushButton, QWidget

from napari_padis.errors import InputError
from napari_padis.gui import region_file
from napari_padis.gui.sections.base import named
from napari_padis.gui.sections.region_table import RegionTable


class KeepButtons(QWidget):
    """Copies and saves the answers of a table; in sight as long as there are any.

    Parameters
    ----------
    table : RegionTable
    holds : callable
        Whether the regions are still those of the answers.
    """

    said = Signal(str, str)  # what was done, or what went wrong; its mark

    def __init__(self, table: RegionTable, holds: Callable[[], bool]) -> None:
        super().__init__()
        self._table, self._holds = table, holds
        self.copy_button = named(
            QPushButton("Copy"),
            "Copy the table",
            "Put all rows on the clipboard, with more digits.",
        )
        self.save_button = named(
            QPushButton("Save …"), "Save the table", "Write all rows to a .csv file."
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for button in (self.copy_button, self.save_button):
            layout.addWidget(button, stretch=1)
        self.copy_button.clicked.connect(lambda: self.copy())
        self.save_button.clicked.connect(self.ask_and_save)
        table.copying.connect(lambda: self.copy(table.chosen))
        table.filled.connect(self.setVisible)
        self.hide()

    def copy(self, rows: Sequence[int] = ()) -> None:
        """Put these rows on the clipboard as tab-separated text; all of them if none is named."""
        answers, clipboard = self._table.answers, QGuiApplication.clipboard()
        if answers is None or clipboard is None or not self._holds():
            return
        chosen = rows or range(len(answers.found))
        clipboard.setText(region_file.as_text(answers, chosen, "\t"))
        self.said.emit(f"Copied {len(chosen)} row{'s' if len(chosen) > 1 else ''}.", "")

    def ask_and_save(self) -> None:
        """Let the user choose a file and write the answers there."""
        if self._table.answers is None or not self._holds():
            return
        path, _ = QFileDialog.getSaveFileName(
            self, "Save the table", region_file.name_for(self._table.title), "Table (*.csv)"
        )
        if path:
            self.save(Path(path))

    def save(self, path: Path) -> None:
        """Write the answers, or say why they cannot be written."""
        answers = self._table.answers
        if answers is None:
            return
        try:
            written = region_file.save(answers, path)
        except InputError as error:
            self.said.emit(str(error), "error")
        else:
            self.said.emit(f"Saved as {written.name}.", "")
