"""Method: how the posterior is explored, and with what effort."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal

from napari_padis.gui.noise_guess import NoiseGuess
from napari_padis.gui.sections.base import (
    Section,
    Text,
    combo,
    named,
    spin,
)
from napari_padis.gui.sections.controls import Scientific
from napari_padis.posterior import METHODS
from napari_padis.scan.measurement import Measurement

DEFAULT = "padis-fast"


class MethodSection(Section):
    """Choice of the method, samples, steps, seed, device and noise level."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__("Method")
        self.method_box = combo("Method", "How the image is computed from data and prior.")
        for index, (key, method) in enumerate(METHODS.items()):
            self.method_box.addItem(method.title, key)
            self.method_box.setItemData(index, method.description, 3)
        self.description = Text("")
        self.description.setAccessibleName("Description of the method")
        self.samples = spin("Samples", "Posterior samples, computed together.", 1, 1000, 4)
        self.steps = spin("Steps", "Network evaluations per slice and sample.", 1, 100_000, 100)
        self.seed = spin("Seed", "The same seed gives the same picture.", 0, 2**31 - 1, 0)
        self.device_box = combo("Device", "Where to compute; 'auto' takes a GPU if there is one.")
        self.set_devices(["auto", "cpu"])
        self.sigma = named(Scientific(), "Noise of the data", "")
        self.sigma.setSpecialValueText("from the data")
        self.estimate = Text("")
        self.estimate.setAccessibleName("Estimated noise of the data")
        self.estimate.hide()
        self.guess = NoiseGuess(self)
        self.guess.found.connect(self._show_estimate)
        self._measurement: Measurement | None = None
        self._say_noise("")
        self.row("Method", self.method_box)
        self.form.addRow(self.description)
        self.row("Samples", self.samples)
        self.row("Steps", self.steps)
        self.row("Seed", self.seed)
        self.row("Device", self.device_box)
        self.row("Noise σ", self.sigma)
        self.form.addRow(self.estimate)
        self.method_box.currentIndexChanged.connect(self._show)
        self.method_box.setCurrentIndex(max(0, self.method_box.findData(DEFAULT)))
        self._show()

    @property
    def method(self) -> str:
        """Name of the chosen method."""
        return str(self.method_box.currentData())

    @property
    def needs_prior(self) -> bool:
        """Whether the chosen method uses a prior."""
        return METHODS[self.method].needs_prior

    def set_devices(self, devices: list[str]) -> None:
        """Offer the devices that were found, keeping the choice."""
        chosen = self.device_box.currentText()
        self.device_box.blockSignals(True)
        self.device_box.clear()
        self.device_box.addItems(devices)
        if chosen and self.device_box.findText(chosen) < 0:
            self.device_box.addItem(chosen)
        self.device_box.setCurrentText(chosen or devices[0])
        self.device_box.blockSignals(False)

    def prefer_device(self, device: str) -> None:
        """Choose a device, unless another one than 'auto' was chosen already."""
        if self.device_box.currentText() == "auto":
            if self.device_box.findText(device) < 0:
                self.device_box.addItem(device)
            self.device_box.setCurrentText(device)

    def set_measurement(self, measurement: Measurement | None, meaning: str) -> None:
        """Estimate the noise of measured data when nobody has said how large it is.

        Parameters
        ----------
        measurement : Measurement or None
            None while a measurement is to be simulated.
        meaning : str
            What the standard deviation is one of, such as 'the line integrals'.
        """
        self._say_noise(meaning)
        if measurement is self._measurement:
            return
        self._measurement = measurement
        self.sigma.set_first(0.0)
        unknown = measurement is not None and measurement.noise.sigma is None
        self.estimate.setVisible(unknown)
        self.estimate.setText("estimating the noise …" if unknown else "")
        self.guess.ask(measurement if unknown else None)

    def _say_noise(self, meaning: str) -> None:
        named(
            self.sigma,
            "Noise of the data",
            f"Standard deviation of {meaning or 'the data'}; 'from the data' takes what the "
            "measurement says.",
        )

    def _show_estimate(self, sigma: float | None, error: str) -> None:
        if sigma is None:
            self.estimate.setText(f"The noise could not be estimated: {error}")
            return
        self.sigma.set_first(sigma)
        self.estimate.setText(f"estimated: {sigma:.3g}")

    def values(self) -> dict[str, Any]:
        """Part of the recipe that is set here."""
        values: dict[str, Any] = {
            "method": self.method,
            "samples": self.samples.value(),
            "seed": self.seed.value(),
            "device": self.device_box.currentText(),
            "sigma_y": self.sigma.value() or None,
        }
        if self.needs_prior:
            values["steps"] = self.steps.value()
        else:
            values["samples"] = 1
        return values

    def _show(self, _index: int = 0) -> None:
        method = METHODS[self.method]
        self.description.setText(method.description)
        self.samples.setValue(method.default_samples)
        self.steps.setValue(max(1, method.default_steps))
        for widget in (self.samples, self.steps):
            widget.setEnabled(method.needs_prior)
        self.changed.emit()
