"""Forward model: how the image becomes the data."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QLabel, QWidget

from napari_padis.errors import InputError
from napari_padis.gui.facts import geometry_facts
from napari_padis.gui.job import Simulation
from napari_padis.gui.picture.widget import PictureBox
from napari_padis.gui.sections.base import Section, Text, combo
from napari_padis.gui.sections.noise import NoiseRows, family
from napari_padis.gui.sections.parameter_rows import Control, ParameterRows
from napari_padis.gui.sections.parameters import PARAMETERS
from napari_padis.likelihood import FORWARDS
from napari_padis.likelihood.settings import Grid
from napari_padis.scan.display import contrast_limits
from napari_padis.scan.geometry import Geometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.volume import Volume

BACKENDS = {
    "auto": ("Automatic", "The fastest that fits into memory."),
    "matrix": ("Sparse matrix", "Computed once and kept: fast, but large."),
    "rays": ("Ray by ray", "Computed anew each time: small, but slower."),
    "odl": ("ODL with ASTRA", "The ray transform of ODL, where ASTRA is installed."),
}


class ForwardSection(Section):
    """Choice of the forward model, its parameters and noise, and a picture of it.

    Attributes
    ----------
    geometry : Geometry or None
        Of the measurement, or of the scan to be simulated; None while that is impossible.
    problem : str
        Why there is no geometry, in one sentence.
    """

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Forward model")
        self.geometry: Geometry | None = None
        self.problem = ""
        self._source: Volume | Measurement | None = None
        self._slices = (0, 1)
        self._grid: Grid | None = None
        self._wanted = next(iter(FORWARDS))
        self.model_box = combo("Forward model", "How the data arise from the image.")
        for index, (key, forward) in enumerate(FORWARDS.items()):
            self.model_box.addItem(forward.title, key)
            self.model_box.setItemData(index, forward.description, 3)
        self.row("Model", self.model_box)
        self.forms = {
            key: ParameterRows(key, self.row, self._update) for key in FORWARDS if key in PARAMETERS
        }
        self.noise = NoiseRows(self.row, self.changed.emit)
        self.backend_box = combo("Projector", "How the line integrals are computed.")
        self._backend_row: tuple[QLabel, QWidget] = (
            self.row("Projector", self.backend_box),
            self.backend_box,
        )
        self.facts = Text("")
        self.facts.setAccessibleName("Geometry")
        self.form.addRow(self.facts)
        self.picture = PictureBox()
        self.form.addRow(self.picture)
        self.model_box.currentIndexChanged.connect(self._choose)
        self._show_model()

    @property
    def kind(self) -> str:
        """The model on show: that of the measurement, or the chosen one."""
        return str(self.model_box.currentData())

    def choose(self, kind: str) -> None:
        """Choose a model."""
        self.model_box.setCurrentIndex(self.model_box.findData(kind))

    def control(self, name: str) -> Control:
        """A control of the chosen model's form."""
        return self.forms[self.kind].controls[name]

    @property
    def backend(self) -> str:
        """How the forward model shall be computed."""
        return str(self.backend_box.currentData() or "auto")

    def set_source(
        self, source: Volume | Measurement | None, slices: tuple[int, int] = (0, 1)
    ) -> None:
        """Follow the chosen layer and slices."""
        other = source is not self._source
        self._source, self._slices = source, slices
        measured = isinstance(source, Measurement)
        kind = source.geometry.kind if isinstance(source, Measurement) else self._wanted
        self.model_box.blockSignals(True)
        self.model_box.setCurrentIndex(self.model_box.findData(kind))
        self.model_box.blockSignals(False)
        self.model_box.setEnabled(not measured)
        if isinstance(source, Volume):
            grid = Grid((slices[1] - slices[0], *source.shape[1:]), source.spacing)
            if grid != self._grid:
                self._grid = grid
                for form in self.forms.values():
                    form.set_grid(grid)
            if other:
                limits = contrast_limits(source.array, source.unit)
                self.noise.set_image(source.unit, limits)
        self._show_model()

    def simulation(self) -> Simulation | None:
        """How to simulate; None when the data are measured.

        Raises
        ------
        InputError
            If the settings describe no possible scan.
        """
        if not isinstance(self._source, Volume):
            return None
        if self.geometry is None:
            raise InputError(self.problem or "The forward model is incomplete.")
        return Simulation(self.geometry, slices=self._slices, **self.noise.values())

    def _choose(self, _index: int) -> None:
        self._wanted = self.kind
        self._show_model()

    def _show_model(self) -> None:
        """Show the rows of the model, and what they make."""
        measured = isinstance(self._source, Measurement)
        for key, form in self.forms.items():
            form.show(key == self.kind and not measured)
        self.noise.set_family(family(self.kind))
        self.noise.show(not measured)
        self._show_backends()
        self._update()

    def _show_backends(self) -> None:
        backends = FORWARDS[self.kind].backends
        chosen = self.backend_box.currentData()
        self.backend_box.clear()
        for index, key in enumerate(backends):
            title, tip = BACKENDS.get(key, (key, key))
            self.backend_box.addItem(title, key)
            self.backend_box.setItemData(index, tip, 3)
        self.backend_box.setCurrentIndex(max(0, self.backend_box.findData(chosen)))
        for widget in self._backend_row:
            widget.setVisible(bool(backends))

    def _update(self, _value: Any = None) -> None:
        """Make the geometry anew, and show it or what is wrong with it."""
        source, self.problem = self._source, ""
        slices = self._slices[1] - self._slices[0]
        try:
            self.geometry = self._build()
        except InputError as error:
            self.geometry, self.problem = None, str(error)
        if isinstance(source, Measurement):
            slices = source.volume_shape[0]
        self.facts.mark("error" if self.problem else "")
        described = geometry_facts(self.geometry, slices) if self.geometry is not None else ""
        self.facts.setText(self.problem or described)
        self.picture.set_geometry(self.geometry)
        self.relayout()
        self.changed.emit()

    def _build(self) -> Geometry | None:
        if isinstance(self._source, Measurement):
            return self._source.geometry
        if self._source is None or self._grid is None:
            return None
        return self.forms[self.kind].geometry()
