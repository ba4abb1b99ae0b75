"""Method: how the posterior is explored, and with what effort."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox

from napari_padis.gui.noise_guess import NoiseGuess
from napari_padis.gui.sections.base import Section, Text, combo, named, set_choosable, spin
from napari_padis.gui.sections.controls import Scientific
from napari_padis.gui.sections.method_settings import MethodSettings
from napari_padis.posterior import METHODS
from napari_padis.posterior.methods import Method
from napari_padis.scan.measurement import Measurement

DEFAULT = "padis-fast"
#: Taken where no method with a prior can run.
WITHOUT_PRIOR = "cg"
#: Label and tooltip of the effort: evaluations of the network, or iterations without one.
STEPS = ("Steps", "Network evaluations per slice and sample.")
ITERATIONS = ("Iterations", "Iterations of the method; fewer are smoother.")


class MethodSection(Section):
    """Choice of the method, samples, steps, seed, device and noise level."""

    changed = Signal()
    noticed = Signal(str)  # why another method was chosen, or '' when that is over

    def __init__(self) -> None:
        super().__init__("Method")
        self._measurement: Measurement | None = None
        self._missing = ""
        self._wanted = DEFAULT
        self._kept: dict[str, tuple[int, int]] = {}  # what was set for each method
        self._shown = ""
        self._make_controls()
        self.row("Method", self.method_box)
        self.form.addRow(self.description)
        self.form.addRow(self.notice)
        self.row("Samples", self.samples)
        self._steps_label = self.row("Steps", self.steps)
        self.row("Seed", self.seed)
        self.row("Device", self.device_box)
        self.row("Noise σ", self.sigma)
        self.row("Std", self.recalibrate)
        self.form.addRow(self.estimate)
        self.settings = MethodSettings()
        self.form.addRow(self.settings)
        for signal in (self.settings.changed, self.settings.toggled):
            signal.connect(self.relayout)
        self.guess = NoiseGuess(self)
        self.guess.found.connect(self._show_estimate)
        self._say_noise("")
        self.choose(DEFAULT)
        self.method_box.currentIndexChanged.connect(self._chosen)
        self._show()

    def _make_controls(self) -> None:
        self.method_box = combo("Method", "How the image is computed from data and prior.")
        for index, (key, method) in enumerate(METHODS.items()):
            self.method_box.addItem(method.title, key)
            self.method_box.setItemData(index, method.description, 3)
        first = next(i for i, method in enumerate(METHODS.values()) if method.comparison)
        self.method_box.insertSeparator(first)  # what follows is there to compare with
        self.description = Text("")
        self.description.setAccessibleName("Description of the method")
        self.notice = Text("")
        self.notice.setAccessibleName("Why this method was chosen")
        self.notice.mark("question")
        self.notice.hide()
        self.samples = spin("Samples", "Posterior samples, computed together.", 1, 1000, 4)
        self.steps = spin(*STEPS, 1, 100_000, 100)
        self.seed = spin("Seed", "The same seed gives the same picture.", 0, 2**31 - 1, 0)
        self.device_box = combo("Device", "Where to compute; 'auto' takes a GPU if there is one.")
        self.set_devices(["auto", "cpu"])
        self.sigma = named(Scientific(), "Noise of the data", "")
        self.sigma.setSpecialValueText("from the data")
        self.recalibrate = named(
            QCheckBox("Recalibrated where measured"),
            "Recalibrate the standard deviation",
            "Correct the standard deviation by what was found for this prior, method, number of\n"
            "samples and kind of task on validation volumes, where the prior's card has it.\n"
            "Samples and quantiles stay as they are. The run says whether it was done.",
        )
        self.recalibrate.setChecked(True)
        self.estimate = Text("")
        self.estimate.setAccessibleName("Estimated noise of the data")
        self.estimate.hide()

    @property
    def method(self) -> str:
        """Name of the chosen method."""
        return str(self.method_box.currentData())

    @property
    def needs_prior(self) -> bool:
        """Whether the chosen method uses a prior."""
        return METHODS[self.method].needs_prior

    @property
    def problem(self) -> str:
        """Why the chosen method cannot run; empty where it can."""
        if self._missing and self.needs_prior:
            return f"'{METHODS[self.method].title}' {self._missing}; choose another method."
        return self.settings.problem

    def choose(self, method: str) -> None:
        """Choose a method."""
        self.method_box.setCurrentIndex(self.method_box.findData(method))

    def set_missing(self, missing: str) -> None:
        """Grey out the methods that lack a prior, and leave one for another that can run.

        The method is back as soon as it can run, unless another one was chosen meanwhile.

        Parameters
        ----------
        missing : str
            What they need, such as 'needs a prior of complex images'; empty where it is there.
        """
        if missing == self._missing:
            return
        self._missing = missing
        for method in METHODS.values():
            index = self.method_box.findData(method.name)
            lacking = bool(missing) and method.needs_prior
            self.method_box.setItemText(
                index, f"{method.title}: {missing}" if lacking else method.title
            )
            tip = f"{missing.capitalize()}. {method.description}" if lacking else method.description
            set_choosable(self.method_box, index, not lacking, tip)
        wanted = self._wanted
        replaced = bool(missing) and METHODS[wanted].needs_prior
        self.choose(WITHOUT_PRIOR if replaced else wanted)
        self._wanted = wanted
        taken = METHODS[self.method].title
        notice = f"'{METHODS[wanted].title}' {missing}: '{taken}' was chosen." if replaced else ""
        self.notice.setText(notice)
        self.notice.setVisible(replaced)
        self.noticed.emit(notice)

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
            "samples": self.samples.value() if self.needs_prior else 1,
            "seed": self.seed.value(),
            "device": self.device_box.currentText(),
            "sigma_y": self.sigma.value() or None,
            "recalibrate": None if self.recalibrate.isChecked() else False,
            "options": self.settings.options,
        }
        if self.needs_prior:
            values["steps"] = self.steps.value()
        elif "iterations" in METHODS[self.method].options:
            values["options"]["iterations"] = self.steps.value()
        return values

    def _chosen(self, _index: int) -> None:
        self._wanted = self.method
        self.notice.hide()
        self._show()

    def _show(self) -> None:
        """The chosen method, with what was set for it before."""
        if self._shown:
            self._kept[self._shown] = (self.samples.value(), self.steps.value())
        self._shown = self.method
        method = METHODS[self.method]
        self.description.setText(method.description)
        counts = "iterations" in method.options
        label, tip = ITERATIONS if counts else STEPS
        named(self.steps, label, tip)
        self._steps_label.setText(label)
        self._steps_label.setToolTip(tip)
        samples, steps = self._kept.get(self.method, _defaults(method))
        self.samples.setValue(samples)
        self.steps.setValue(steps)
        self.settings.set_method(self.method)
        self.samples.setEnabled(method.needs_prior and not method.single)
        self.recalibrate.setEnabled(method.sampler)
        self.steps.setEnabled(method.needs_prior or counts)
        self.relayout()
        self.changed.emit()


def _defaults(method: Method) -> tuple[int, int]:
    """Samples, and steps or iterations, of a method."""
    steps = int(method.options.get("iterations", method.default_steps))
    return method.default_samples, max(1, steps)
