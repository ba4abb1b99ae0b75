"""Noise of a simulated scan: what kinds there are depends on what is measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from qtpy.QtWidgets import QLabel, QWidget

from napari_padis.gui.sections.base import combo, decimal

CT, KSPACE, IMAGE = "CT", "MRI", "image"

_TITLES = {"none": "None", "gaussian": "Gaussian", "poisson": "Poisson (photons)"}
_KINDS = {
    CT: ("none", "gaussian", "poisson"),
    KSPACE: ("none", "gaussian"),
    IMAGE: ("none", "gaussian"),
}
#: Gaussian noise of images at first, as a share of the range that is shown.
IMAGE_SHARE = 0.02


def family(kind: str) -> str:
    """What a forward model measures: line integrals, k-space, or an image."""
    if kind in ("parallel", "fan", "cone"):
        return CT
    return KSPACE if kind == "cartesian" else IMAGE


def meaning(kind: str, unit: str) -> str:
    """What the noise level of a forward model is the standard deviation of."""
    if family(kind) == CT:
        return "the line integrals"
    if family(kind) == KSPACE:
        return "real and imaginary part of k-space, each"
    return "the pixel values" + (f" ({unit})" if unit != "arbitrary" else "")


class NoiseRows:
    """Kind and level of the noise.

    Parameters
    ----------
    add : callable
        Puts a labelled control into the form and returns the label.
    changed : callable
        Called without arguments when a value changes.
    """

    def __init__(self, add: Callable[[str, QWidget], QLabel], changed: Callable[[], None]) -> None:
        self._changed = changed
        self._shown = True
        self._family = ""
        self._chosen: dict[str, str] = {CT: "none", KSPACE: "gaussian", IMAGE: "gaussian"}
        self.kind = combo("Noise", "Noise added to the simulated data.")
        self.share = decimal(
            "Noise level", "Standard deviation in per cent of the RMS of the data.",
            0.001, 100, 0.5,
        )  # fmt: skip
        self.share.setSuffix(" % of RMS")
        self.photons = decimal(
            "Photons", "Photons per ray without an object.", 10, 1e9, 1e5, digits=0
        )
        self.photons.setGroupSeparatorShown(True)
        self.photons.setSuffix(" per ray")
        self.sigma = decimal(
            "Noise standard deviation", "Standard deviation in the unit of the image.",
            0, 1e9, 20, digits=4,
        )  # fmt: skip
        self._rows = {
            name: (add(label, field), field)
            for name, label, field in (
                ("kind", "Noise", self.kind),
                ("share", "Level", self.share),
                ("photons", "Level", self.photons),
                ("sigma", "Level", self.sigma),
            )
        }
        self.kind.currentIndexChanged.connect(self._choose)
        self.set_family(CT)

    def set_family(self, name: str) -> None:
        """Offer what belongs to a kind of data, keeping the choice made for it."""
        if name == self._family:
            return
        self._family = name
        self.kind.blockSignals(True)
        self.kind.clear()
        for key in _KINDS[name]:
            self.kind.addItem(_TITLES[key], key)
        self.kind.setCurrentIndex(self.kind.findData(self._chosen[name]))
        self.kind.blockSignals(False)
        self.show(self._shown)

    def set_image(self, unit: str, limits: tuple[float, float]) -> None:
        """Level in the unit of an image, at first a small part of the shown range."""
        self.sigma.setSuffix("" if unit == "arbitrary" else f" {unit}")
        level = IMAGE_SHARE * (limits[1] - limits[0])
        digits = 4 if level < 0.1 else 2 if level < 10 else 1
        self.sigma.setDecimals(digits if level > 1e-3 else 8)
        self.sigma.setValue(level)

    def show(self, shown: bool) -> None:
        """Show the rows that matter now, or none."""
        self._shown = shown
        for name, widgets in self._rows.items():
            visible = shown and (name == "kind" or name == self.level)
            for widget in widgets:
                widget.setVisible(visible)

    @property
    def level(self) -> str | None:
        """Name of the control that gives the level of the chosen noise."""
        kind = self.kind.currentData()
        if kind == "gaussian":
            return "sigma" if self._family == IMAGE else "share"
        return "photons" if kind == "poisson" else None

    def values(self) -> dict[str, Any]:
        """Part of a :class:`napari_padis.gui.job.Simulation`."""
        values: dict[str, Any] = {"noise": self.kind.currentData()}
        if self.level == "share":
            values["share"] = self.share.value() / 100
        elif self.level == "sigma":
            values["sigma"] = self.sigma.value()
        elif self.level == "photons":
            values["photons"] = self.photons.value()
        return values

    def _choose(self, _index: int) -> None:
        self._chosen[self._family] = self.kind.currentData()
        self.show(self._shown)
        self._changed()
