"""In which unit the values of a volume are: from evidence, or as the user says.

Most formats have no place for the unit. What tells CT numbers is how they are spread. Air
lies at -1000 HU and nothing lies below it, but padding. Fat, water and soft tissue lie
between -200 and 300 HU. Between the two, from -500 to -300, there is little: the borders
of organs. Two lumps at these places, a lull between them and nothing below air are found in no
other kind of image: phase, velocities and differences go on below -1000 and have no lull,
magnitudes, activities and counts have no negative values.

Where the evidence is missing, as in CT cut down to soft tissue, nothing can be known: the
volume says so in its notes, and :func:`with_unit` takes the user's word.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.padding import NO_MATTER, fill_padding, find_padding, is_padding
from napari_padis.scan.units import MU_WATER, intensity
from napari_padis.scan.volume import Volume

#: Begin every note on a unit that no file states; the user's word, which is noted, takes them away.
UNSTATED = "The file states no intensity unit"
STATED = "The intensity unit was stated by the user"

#: Where air or lung, the lull and soft tissue of CT lie, in HU.
_AIR, _LULL, _TISSUE = (-1100.0, -600.0), (-500.0, -300.0), (-200.0, 300.0)
_BIN = 100.0

#: Least share of the voxels in the lump of air, and in that of tissue.
_LEAST = 0.005

#: So many times the lull, each lump must be.
_CONTRAST = 2.5

#: Above it there is metal only, which fills no volume.
_METAL, _MOST_METAL = 4000.0, 0.05

#: Padding and intercepts that only CT has.
_CT_PADDING = (-1500.0, -2000.0, -2048.0, -3024.0)
_CT_INTERCEPTS = (-1000.0, -1024.0, -8192.0)

#: Share of the matter that is soft, of CT whose padding or intercept tells it.
_SOFT = 0.5

#: Attenuation in 1/mm above which there is no matter, at any energy that passes through a body.
_DENSEST = 10.0

#: So much of the highest values, negative values may be: noise and streaks of reconstructions.
_UNDERSHOOT = 0.25

#: More voxels than that are not looked at.
_ENOUGH = 500_000

#: Soft tissue of CT on another scale, in HU: narrower, for the scale itself is to be told.
_SOFT_TISSUE = (-150.0, 200.0)

#: CT on another scale: what the values would be, how to state it, and the way to HU.
_DISGUISES = (
    ("CT numbers with 1024 or 1000 added (the intercept was lost)", "HU+1024 or HU+1000", 1.0,
     -1012.0),
    ("CT numbers with 8192 added (the intercept was lost)", "HU+8192", 1.0, -8192.0),
    ("CT numbers with 32768 added (signed numbers made unsigned)", "HU+32768", 1.0, -32768.0),
    ("attenuation in 1/mm", "1/mm", 1000 / MU_WATER, -1000.0),
    ("attenuation in 1/cm", "1/cm", 100 / MU_WATER, -1000.0),
)  # fmt: skip


def find_unit(
    array: NDArray[Any], intercept: float = 0.0
) -> tuple[str, NDArray[Any], tuple[str, ...]]:
    """Unit of values that come without one, from how they are spread.

    Parameters
    ----------
    array : ndarray
        Finite values; not changed.
    intercept : float
        That the file adds to its stored values, with a slope of 1: -1024 and a few others
        are habits of CT.

    Returns
    -------
    unit : {'HU', 'arbitrary'}
    array : ndarray
        As given, or with its padding set to air where it is in HU.
    notes : tuple of str
        What the unit was taken from, or that it is not known and how to state it. Empty for
        label images.
    """
    low, high = float(array.min()), float(array.max())
    reason = _reason(array, intercept)
    if reason:
        filled, padded = fill_padding(array)
        span = f"{float(filled.min()):g} to {float(filled.max()):g}"
        note = f"{UNSTATED}; {reason}, so values from {span} were taken as Hounsfield units."
        return "HU", filled, (note, *padded)
    return "arbitrary", array, _open_note(array, low, high)


def common_unit(array: NDArray[Any], intercept: float = 0.0) -> tuple[str, tuple[str, ...]]:
    """Unit of all volumes of one file together, and what it was taken from.

    One of several volumes may hold no air, or nothing else; its unit is that of the others.
    Parameters and notes are those of :func:`find_unit`; padding is left to be filled.
    """
    unit, _, notes = find_unit(array, intercept)
    return unit, notes[:1]


def looks_like(array: NDArray[Any]) -> tuple[str, str] | None:
    """What values without a unit look like, and the unit to state if that is what they are.

    Parameters
    ----------
    array : ndarray
        Finite values.

    Returns
    -------
    (meaning, unit) or None
        For instance ('attenuation in 1/cm', '1/cm'); None where the values tell nothing.
    """
    return ("CT numbers", "HU") if _reason(array) else _disguise(array)


def could_be_attenuation(array: NDArray[Any]) -> bool:
    """Whether values could be attenuation in 1/mm: neither negative, but for noise, nor huge."""
    if array.dtype.kind == "i" and array.min() < 0:
        return False  # whole numbers have no noise about 0
    bottom, top = np.percentile(_some(array), [1, 99]).tolist()
    return bool(bottom >= -_UNDERSHOOT * max(top, 0) and top <= _DENSEST)


def note_of(looks: tuple[str, str] | None) -> tuple[str, ...]:
    """Note on what :func:`looks_like` found; none where that is nothing."""
    if looks is None:
        return ()
    meaning, unit = looks
    return (
        f"{UNSTATED}; the values look like {meaning}. If they are, state --unit {unit}, or Unit "
        "in the dock; until then they are arbitrary.",
    )


def with_unit(volume: Volume, unit: str) -> Volume:
    """The volume with its values in the unit that the user states.

    Parameters
    ----------
    volume : Volume
    unit : str
        Any spelling of :func:`napari_padis.scan.units.intensity`; values in 1/cm, for
        instance, become 1/mm. 'HU+1024' are Hounsfield units to which 1024 was added.

    Returns
    -------
    Volume
        In HU, padding is set to air. Notes on the unit give way to one on what was stated.

    Raises
    ------
    InputError
        If the unit is not known.
    """
    name, factor, added = parse_unit(unit)
    values = volume.array
    if added:
        values = values.astype(np.float32 if values.dtype.kind == "f" else np.int32) - added
    if factor != 1:
        values = (values * np.float64(factor)).astype(np.float32)
    notes = tuple(note for note in volume.notes if not note.startswith(UNSTATED))
    notes += (f"{STATED}: {unit}.",)
    if name == "HU":
        values, padded = fill_padding(values)
        notes += padded
    return dataclasses.replace(volume, array=values, unit=name, notes=notes)


def parse_unit(text: str) -> tuple[str, float, int]:
    """Unit, factor to it and number that was added to the values.

    >>> parse_unit("1/cm"), parse_unit("HU+1024")
    (('1/mm', 0.1, 0), ('HU', 1.0, 1024))
    """
    found = re.fullmatch(r"(.*\w)\s*\+\s*(\d+)", text.strip())
    name = found[1] if found and not intensity(text) else text
    unit = intensity(name)
    if unit is None or (found and name is not text and unit[0] != "HU"):
        raise InputError(
            f"'{text}' is no intensity unit; use HU, 1/mm, 1/cm or arbitrary, or HU+1024 for CT "
            "numbers to which 1024 was added."
        )
    return (*unit, int(found[2]) if found and name is not text else 0)


def _reason(array: NDArray[Any], intercept: float = 0.0) -> str:
    """Why values are CT numbers; '' when nothing tells that they are."""
    values = _some(array)
    found = find_padding(values)
    values = values[~is_padding(values, found)]
    if _is_ct(values):
        air, soft = _share(values, *_AIR), _share(values, *_TISSUE)
        return (
            f"{100 * air:.2g} % of the voxels lie near air or lung (-1000) and {100 * soft:.2g} % "
            "near fat, water and soft tissue, with few between and none below"
        )
    if values.size and _is_soft(values) and not _disguise(array):
        if ours := set(found) & set(_CT_PADDING):
            return f"{max(ours):g} is the padding of CT scanners, the rest is soft tissue"
        if intercept in _CT_INTERCEPTS:
            return f"its intercept of {intercept:g} is that of CT, the values are soft tissue"
    return ""


def _some(array: NDArray[Any]) -> NDArray[np.float64]:
    """Voxels in even steps; an odd step does not fall on the same columns of most images."""
    flat = np.asarray(array).reshape(-1)
    return flat[:: (flat.size // _ENOUGH) | 1].astype(np.float64)


def _share(values: NDArray[np.float64], low: float, high: float) -> float:
    inside = np.count_nonzero((values >= low) & (values < high))
    return float(inside) / max(1, values.size)


def _lump(values: NDArray[np.float64], low: float, high: float) -> float:
    """Largest share of the voxels in one bin of a range."""
    counts = np.histogram(values, np.arange(low, high + 1, _BIN))[0]
    return float(counts.max()) / max(1, values.size)


def _is_ct(values: NDArray[np.float64]) -> bool:
    """Whether values without padding are spread like CT numbers with air or lung in them."""
    air, tissue = _lump(values, *_AIR), _lump(values, *_TISSUE)
    lull = _share(values, *_LULL) * _BIN / (_LULL[1] - _LULL[0])
    return (
        min(air, tissue) >= max(_LEAST, _CONTRAST * lull)
        and _nothing_below(values)
        and _share(values, _METAL, np.inf) <= _MOST_METAL
    )


def _nothing_below(values: NDArray[np.float64]) -> bool:
    """Whether below air there is no more than noise would scatter there."""
    return _share(values, -np.inf, NO_MATTER) <= _share(values, NO_MATTER, -900.0)


def _is_soft(values: NDArray[np.float64]) -> bool:
    """Whether nothing lies outside the range of CT numbers and most is soft tissue."""
    inside = values.min() >= NO_MATTER and values.max() <= _METAL
    return bool(inside) and _share(values, *_TISSUE) >= _SOFT


def _disguise(array: NDArray[Any]) -> tuple[str, str] | None:
    """What values are that would be spread like CT numbers on another scale."""
    values = _some(array)
    for meaning, unit, slope, shift in _DISGUISES:
        if slope != 1 and array.dtype.kind != "f":
            continue  # attenuation is no whole number
        hounsfield = values * slope + shift
        hounsfield = hounsfield[~is_padding(hounsfield, find_padding(hounsfield))]
        if slope == 1 and _share(hounsfield, -np.inf, shift - 60) > _LEAST:
            continue  # the number is added so that nothing is negative, but for noise of air
        matter = hounsfield[hounsfield >= _AIR[1]]
        # Other images, too, have an empty background; of a body most is soft tissue.
        if _is_ct(hounsfield) and _share(matter, *_SOFT_TISSUE) >= _SOFT:
            return meaning, unit
    return None


def _open_note(array: NDArray[Any], low: float, high: float) -> tuple[str, ...]:
    if array.dtype.kind in "iu" and low >= 0 and high <= 255 and _is_labels(array):
        return ()
    if looks := _disguise(array):
        return note_of(looks)
    padding = find_padding(_some(array))
    gap = "" if not padding or low >= 0 else _padding_remark(array, padding)
    return (
        f"{UNSTATED}, and values from {low:g} to {high:g} do not tell it: they are arbitrary."
        f"{gap} If they are CT numbers (HU) or attenuation (1/mm, 1/cm), state it: --unit HU, "
        "or Unit in the dock.",
    )


def _padding_remark(array: NDArray[Any], padding: tuple[float, ...]) -> str:
    count = int(np.count_nonzero(np.isin(array, padding)))
    named = " and ".join(f"{value:g}" for value in padding)
    return f" {count} voxels of {named} may be padding; they were left as they are."


def _is_labels(array: NDArray[Any]) -> bool:
    """Few different whole numbers: a mask or a label image."""
    return np.unique(array).size <= 32
