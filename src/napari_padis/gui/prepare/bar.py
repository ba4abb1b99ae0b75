"""The foot of the preparation dock: make, cancel, save, go on."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_padis.gui.prepare import control
from napari_padis.gui.sections.base import Text, named

#: Works while the focus is in the dock; Ctrl+Return alone starts a reconstruction.
KEYS = "Ctrl+Alt+Return"


class MakeBar(QWidget):
    """Buttons, progress and one sentence."""

    make = Signal()
    stop = Signal()
    save = Signal()
    go_on = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Make measurement")
        native = QKeySequence(KEYS).toString(QKeySequence.SequenceFormat.NativeText)
        self.make_button = named(
            QPushButton(f"Make measurement\n{native}"),
            "Make measurement",
            f"Make line integrals of the selected rows and views and add them as a layer, "
            f"ready for the reconstruction ({native}).",
        )
        self.stop_button = named(QPushButton("Cancel"), "Cancel", "Stop making the measurement.")
        self.save_button = named(
            QPushButton("Save …"), "Save the measurement", "Write the measurement to an .h5 file."
        )
        self.next_button = named(
            QPushButton("Reconstruct …"),
            "Reconstruct",
            "Open the dock that reconstructs the measurement.",
        )
        self.bar = named(QProgressBar(), "Progress", "Share of the rows that are done.")
        self.bar.setRange(0, 1000)
        self.bar.setFormat("%p %")
        self.bar.setFixedHeight(14)
        self.message = Text("")
        self.message.setAccessibleName("Message")
        buttons = QHBoxLayout()
        buttons.setSpacing(4)
        buttons.addWidget(self.make_button, stretch=3)
        buttons.addWidget(self.stop_button, stretch=2)
        buttons.addWidget(self.save_button, stretch=2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(4, 0, 4, 4)
        layout.setSpacing(3)
        layout.addLayout(buttons)
        layout.addWidget(self.bar)
        layout.addWidget(self.message)
        layout.addWidget(self.next_button)
        for button, signal in (
            (self.make_button, self.make), (self.stop_button, self.stop),
            (self.save_button, self.save), (self.next_button, self.go_on),
        ):  # fmt: skip
            button.clicked.connect(signal)
        self.set_state(control.IDLE, ready=False, made=False)
        self.set_message("info", "")

    def add_shortcut(self, dock: QWidget) -> None:
        """Let the key work wherever the focus is inside the dock."""
        shortcut = QShortcut(QKeySequence(KEYS), dock)
        shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        shortcut.activated.connect(self.make_button.click)

    def set_state(self, state: str, ready: bool, made: bool) -> None:
        """Enable what makes sense now; ``ready`` when nothing is missing any more."""
        idle = state == control.IDLE
        self.make_button.setEnabled(idle and ready)
        self.stop_button.setEnabled(state == control.MAKING)
        self.save_button.setEnabled(idle and made)
        self.next_button.setVisible(made)
        self.next_button.setEnabled(idle)
        self.bar.setVisible(not idle)
        # An empty range makes the bar move to and fro while nothing can be counted.
        self.bar.setRange(0, 0 if state == control.SAVING else 1000)
        if idle:
            self.bar.setValue(0)

    def set_made(self, name: str) -> None:
        """What the buttons for the measurement mean."""
        self.save_button.setToolTip(f"Write '{name}' to an .h5 file.")
        self.next_button.setToolTip(f"Open the dock that reconstructs '{name}'.")

    def set_progress(self, fraction: float) -> None:
        """How far it is."""
        self.bar.setValue(round(1000 * fraction))

    def set_message(self, level: str, message: str) -> None:
        """One sentence for the user."""
        self.message.mark("error" if level == "error" else "")
        self.message.setText(message)
        self.message.setVisible(bool(message))
