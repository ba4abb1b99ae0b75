"""The intensity unit in the dock: what is offered, what was found, what has to be asked.

Free of Qt.
"""

from __future__ import annotations

from dataclasses import replace

from napari_padis.errors import InputError
from napari_padis.scan.intensity import could_be_attenuation, looks_like, with_unit
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.units import UNITS
from napari_padis.scan.volume import Volume

#: Units that can be stated, as :func:`napari_padis.scan.intensity.with_unit` takes them.
OFFERED = (
    "HU", "1/mm", "1/cm", "arbitrary", "HU+1024", "HU+1000", "HU+8192", "HU+32768",
)  # fmt: skip


def stated(source: Volume | Measurement, unit: str) -> Volume | Measurement:
    """A volume or a measurement in the unit that the user chose.

    Raises
    ------
    InputError
        If a measurement cannot have it.
    """
    if isinstance(source, Volume):
        return with_unit(source, unit)
    if unit not in UNITS:
        raise InputError(f"Measured data have no unit {unit}; choose {', '.join(UNITS)}.")
    return replace(source, unit=unit)


def as_found(source: Volume | Measurement | None) -> str:
    """The entry of the box for what the file said or the values told."""
    if source is None:
        return "as found"
    return "as found: " + ("unknown" if source.unit == "arbitrary" else source.unit)


def question(source: Volume | Measurement | None) -> str:
    """What a projection has to ask about the unit of a volume; '' where it is known."""
    if not isinstance(source, Volume) or source.unit != "arbitrary":
        return ""
    looks = looks_like(source.array)
    if looks is not None:
        return f"The unit is not known. The values look like {looks[0]}; if so, choose {looks[1]}."
    could = could_be_attenuation(source.array)
    return (
        "The unit is not known, and a projection needs it: choose HU for CT numbers, 1/mm or "
        "1/cm for attenuation. "
        + ("Until then the values are taken for 1/mm." if could else "Until then none is possible.")
    )
