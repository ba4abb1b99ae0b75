"""Centre of rotation: found by itself, moved by hand."""

from __future__ import annotations

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QPushButton

from napari_padis.gui.prepare.slider import SliderSpin
from napari_padis.gui.sections.base import Section, Text, named, side_by_side
from napari_padis.scan.preparation.axis import Axis
from napari_padis.scan.projections import Projections

#: The slider reaches this share of the detector to either side of the middle.
REACH = 0.25
SEARCHING = "Looking for the centre …"
#: Places that are offered when the axis is not clear.
OFFERED = 3


class CentreSection(Section):
    """The detector bin that sees the rotation axis."""

    changed = Signal()
    wanted = Signal()

    def __init__(self) -> None:
        super().__init__("Centre of rotation")
        self._projections: Projections | None = None
        self._doubtful: Axis | None = None
        self._settled = True
        self.value = SliderSpin(
            "Centre of rotation",
            "Bin that sees the rotation axis, counted from 0. Drag until edges are sharp "
            "and single in the preview.",
        )
        self.find = named(
            QPushButton("Find"),
            "Find the centre",
            "Find the centre of rotation from the data of the preview's row.",
        )
        self.middle = named(
            QPushButton("Middle"), "Middle of the detector", "Take the middle of the detector."
        )
        self.facts = Text("")
        self.facts.setAccessibleName("Where the centre comes from")
        self.offers = [
            named(QPushButton(""), f"Place {k + 1} of the axis", "Take this bin.")
            for k in range(OFFERED)
        ]
        self.offered = side_by_side(list(self.offers))
        self.row("Bin", self.value)
        self.form.addRow(side_by_side([self.find, self.middle]))
        self.form.addRow(self.facts)
        self.form.addRow(self.offered)
        for k, button in enumerate(self.offers):
            button.clicked.connect(lambda _checked=False, k=k: self._take_offer(k))
        self.value.changed.connect(self._moved)
        self.find.clicked.connect(self.wanted)
        self.middle.clicked.connect(self._take_middle)
        self.set_projections(None)

    def set_projections(
        self,
        projections: Projections | None,
        centre: float | None = None,
        axis: Axis | None = None,
    ) -> None:
        """New scan; the centre of before, that of the file, or the middle; says nothing.

        ``axis`` is the doubtful result of a search that was not settled before.
        """
        self._projections = projections
        self._ask(None)
        self.setEnabled(projections is not None)
        self.set_searching(False)
        if projections is None:
            self.facts.setText("")
            return
        last = projections.shape[2] - 1
        self.value.set_range(0, last)
        self._reach(last / 2)
        if centre is not None and axis is not None:
            self._place(centre, "")
            self._ask(axis)
        elif centre is not None:
            self._place(centre, "")
        elif projections.centre is not None:
            self._place(projections.centre, "As the file states.")
        else:
            self._place(last / 2, "Middle of the detector.")

    @property
    def centre(self) -> float:
        """Bin of the rotation axis."""
        return self.value.value

    @property
    def axis(self) -> Axis | None:
        """The search whose doubt nobody has settled yet."""
        return None if self._settled else self._doubtful

    @property
    def question(self) -> str:
        """What has to be settled before a measurement is made; empty when nothing is."""
        return "" if self.axis is None else f"{self.axis.question()}: choose its bin."

    def set_found(self, axis: Axis) -> None:
        """The centre was found, or places for it were; says so."""
        self._place(axis.centre, f"Found at {axis.centre:.2f}.")
        self._ask(None if axis.sure else axis)
        self.changed.emit()

    def set_failed(self, message: str) -> None:
        """The centre was not found; the present one stays."""
        self._ask(None)
        self.facts.setText(message)

    def set_searching(self, searching: bool) -> None:
        """Whether the centre is being looked for."""
        self.find.setEnabled(not searching)
        if searching:
            self.facts.setText(SEARCHING)
        elif self.facts.text() == SEARCHING:
            self.facts.setText("")

    def _take_middle(self) -> None:
        if self._projections is not None:
            self._place((self._projections.shape[2] - 1) / 2, "Middle of the detector.")
            self.changed.emit()

    def _take_offer(self, k: int) -> None:
        """Settle the doubt; the other places can still be compared."""
        if (axis := self._doubtful) is not None:
            self._place(axis.candidates[k], "")
            self._ask(axis, settled=True)
            self.facts.setText(f"Bin {axis.candidates[k]:.1f} was chosen.")
            self.changed.emit()

    def _ask(self, axis: Axis | None, settled: bool = False) -> None:
        """Ask where the axis is, or ask no more."""
        self._doubtful, self._settled = axis, settled or axis is None
        places = () if axis is None else axis.candidates
        for k, button in enumerate(self.offers):
            button.setVisible(k < len(places))
            button.setText(f"{places[k]:.1f}" if k < len(places) else "")
        self.offered.setVisible(axis is not None)
        self.facts.mark("" if self._settled else "question")
        if axis is not None and not settled:
            self.facts.setText(f"{axis.question()}. Look at each in the preview and choose.")

    def _place(self, centre: float, fact: str) -> None:
        self._ask(None)
        self._reach(centre)
        self.value.set_value(centre)
        self.facts.setText(fact)

    def _reach(self, centre: float) -> None:
        """Let the slider go around the middle, or to both ends for an axis further out."""
        assert self._projections is not None
        last = self._projections.shape[2] - 1
        half = max(1.0, REACH * last)
        if abs(centre - last / 2) > 0.9 * half:
            half = last / 2
        self.value.set_reach(last / 2 - half, last / 2 + half)

    def _moved(self, _centre: float) -> None:
        self._ask(None)
        self.facts.setText("Set by hand.")
        self.changed.emit()
