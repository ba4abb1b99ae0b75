"""View angles as files state them: in degrees or radians, under many names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_padis.errors import InputError
from napari_padis.scan.units import radians

#: Beginnings of the names under which angles are stored.
NAMES = ("angle", "theta", "rotationangle", "projangle", "projectionangle", "viewangle")
#: What is left of such a word when a unit was written onto it (``thetadeg``).
_STEMS = ("angles", "angle", "thetas", "theta")

#: Note of a reader that finds none.
NO_ANGLES = "The file states no angles."
DEGREES, RADIANS = "degrees", "radians"
#: How a unit that was taken wrongly is set right.
OVERRIDE = (
    "If that is wrong, prepare them with the other unit (--angle-unit, or 'Unit' in the dock)."
)

#: Fewer views than these tell nothing of a unit by the arc they cover.
_FEW = 8
#: An arc below this, in radians, is no scan of many views (6.6 degrees).
_SHORT = 0.115
#: Views of several turns are no further apart than this, unless they follow the golden ratio.
_APART = np.deg2rad(30.5)
#: Golden angles of half and whole turns, and their complements, in radians.
_GOLDEN = np.array([1.9416, 2.3999, 3.8832, 1.2000])
#: How well an arc must agree with a quarter of a turn or a multiple of it.
_NEAR = 0.02


@dataclass(frozen=True)
class ViewAngles:
    """Angles of the views of a scan.

    Parameters
    ----------
    values : ndarray, shape (views,)
        In radians.
    unit : str
        Unit in which the file was taken to state them: 'degrees', 'radians' or another
        spelling that :func:`~napari_padis.scan.units.radians` knows.
    notes : tuple of str
        How the unit was found out, and what is odd about the angles.
    """

    values: NDArray[np.float64]
    unit: str
    notes: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What projections keep of them: the unit, so that another can be taken, and the notes."""
        return {"angle_unit": self.unit, "angle_notes": self.notes}


def retaken(values: NDArray[np.float64], taken: str, unit: str) -> NDArray[np.float64]:
    """Angles in radians whose file was read in one unit, ``taken``, and is in another."""
    was, now = radians(taken), radians(unit)
    if was is None or now is None:
        raise InputError(f"Angles cannot be in '{unit}'; degrees or radians are understood.")
    return values * (now / was)


def words_of(name: str) -> list[str]:
    """Words of a name or line in lower case: ``anglesRad`` has two, ``theta_deg`` too."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.findall(r"[^\W\d_]+|°", apart.lower())


def is_angle_name(name: str) -> bool:
    """Whether an array of this name (``anglesRad``, ``theta``, ...) holds view angles."""
    plain = name.lower().replace("_", "").replace(" ", "")
    words = words_of(name)
    while words and _unit_word(words[-1]):
        words.pop()
    return plain.startswith(NAMES) or (bool(words) and words[-1] in _STEMS)


def _unit_word(word: str) -> float | None:
    """Radians of a word that is a unit of angles and nothing else in English."""
    factor = radians(word)
    return None if factor is None or factor == radians("turn") else factor


def unit_in(text: str) -> str:
    """Unit of angles that a name or a line mentions as a word; '' for none or several.

    >>> unit_in("theta_deg"), unit_in("radiographs_angles"), unit_in("Angle [rad]")
    ('degrees', '', 'radians')
    """
    found: dict[float, str] = {}
    for word in words_of(text):
        stem = next((s for s in _STEMS if word.startswith(s)), "")
        for spelling in (word, word.removeprefix(stem)):
            if (factor := _unit_word(spelling)) is not None:
                found[factor] = _title(factor, spelling)
    return next(iter(found.values())) if len(found) == 1 else ""


def _title(factor: float, spelling: str) -> str:
    plain = {radians("deg"): DEGREES, radians("rad"): RADIANS}
    return plain.get(factor, spelling)


def in_radians(
    values: Any,
    name: str = "",
    units: str = "",
    source: str = "The file",
    usual: str = "",
) -> ViewAngles:
    """View angles in radians, and how their unit was found out.

    The stated unit decides, then a unit in the name (``anglesRad``, ``theta_deg``), then
    that of the format. A unit that makes no scan of the values is not followed where
    another one does: 0, 2, ... 178 are no radians, 0 ... 3.12 in steps of 0.02 no degrees.
    Without any of these the values decide: they are degrees if they exceed one turn in
    radians or are whole numbers.

    Parameters
    ----------
    values : array-like
        One angle per view, in any shape with one long axis.
    name : str
        Name under which they are stored.
    units : str
        Unit the file states, if any.
    source : str
        Beginning of the sentence of an error.
    usual : str
        Unit that the format prescribes, if any.

    Raises
    ------
    InputError
        If they are no finite numbers, or the unit is unknown.
    """
    array = np.asarray(values)
    if (
        array.dtype.kind not in "fiu"
        or array.size == 0
        or array.size != max(array.shape, default=1)
    ):
        raise InputError(f"{source} has view angles that are not a list of numbers.")
    angles = np.atleast_1d(array.astype(np.float64).squeeze())
    if not np.isfinite(angles).all():
        bad = int(np.argmin(np.isfinite(angles)))
        raise InputError(
            f"{source} has view angles that are not finite numbers (view {bad + 1}); "
            "remove that view, or give its angle."
        )
    unit, note = _unit(angles, name, units.strip(), source, usual)
    factor = radians(unit)
    assert factor is not None
    found = angles * factor
    notes = tuple(n for n in (note, *_oddities(found)) if n)
    return ViewAngles(found, unit, notes)


def _unit(
    angles: NDArray[np.float64], name: str, units: str, source: str, usual: str
) -> tuple[str, str]:
    """Unit, and the sentence that says where it is known from."""
    if units:
        factor = radians(units)
        if factor is None:
            raise InputError(
                f"{source} states its angles in '{units}'; degrees or radians are understood."
            )
        said = _title(factor, units)
        return _doubted(angles, said, f"stated in {said}")
    if said := unit_in(name):
        return _doubted(angles, said, f"named '{name}', in {said}")
    if usual:
        return _doubted(angles, usual, f"understood in {usual}", quiet=True)
    unit = _by_values(angles)
    note = f"The unit of the angles is not stated; by their range they are {unit}."
    taken = angles * (radians(unit) or 1)
    usual_arc = np.abs(angles).max() > 8 * np.pi or (len(angles) >= _FEW and _round_arc(taken))
    clear = usual_arc and not _doubt(taken)
    return unit, note if clear else f"{note} {OVERRIDE}"


def _doubted(
    angles: NDArray[np.float64], said: str, words: str, quiet: bool = False
) -> tuple[str, str]:
    """The unit that is said, unless the values contradict it and agree with the other."""
    factor = radians(said)
    assert factor is not None
    doubt = _doubt(angles * factor)
    if not doubt:
        return said, "" if quiet else f"The angles are {words}."
    other = RADIANS if said == DEGREES else DEGREES
    turned = angles * (radians(other) or 1)
    if not _doubt(turned) and (doubt == "long" or _round_arc(turned)):
        return other, (
            f"The angles are {words}, which their values contradict; they are taken as {other}. "
            f"{OVERRIDE}"
        )
    arc = np.rad2deg(np.ptp(angles) * factor)
    return said, f"The angles are {words}: an unusual arc of {arc:,.4g} degrees. {OVERRIDE}"


def _by_values(angles: NDArray[np.float64]) -> str:
    """Degrees where the values exceed a turn in radians or are whole numbers."""
    whole = np.array_equal(angles, np.round(angles))
    span = float(np.ptp(angles)) if len(angles) > 2 else float(np.abs(angles).max())
    if span <= 2 * np.pi * 1.01:
        return DEGREES if whole and len(angles) > 2 else RADIANS
    # Several turns in radians: fine steps over half turns, none of them a round number.
    turns = not _doubt(angles) and _doubt(np.deg2rad(angles)) == "" and _round_arc(angles)
    rounded = np.allclose(angles, np.round(angles, 3), atol=1e-9)
    small = float(np.ptp(angles)) < 90 and not _round_arc(np.deg2rad(angles))
    return RADIANS if turns and small and not rounded and len(angles) > 4 * _FEW else DEGREES


def _arc(angles: NDArray[np.float64]) -> tuple[float, float, float]:
    """From the first angle to the last, the same with one more step, and that step."""
    apart = np.diff(np.unique(np.round(angles, 9)))
    step = float(np.median(apart)) if apart.size else 0.0
    span = float(np.ptp(angles))
    return span, span + step, step


def _round_arc(angles: NDArray[np.float64]) -> bool:
    """Whether views, in radians, cover a multiple of a quarter turn."""
    span, full, _ = _arc(angles)
    quarter = np.pi / 2
    for arc in (span, full):
        times = round(arc / quarter)
        if times and abs(arc - times * quarter) <= _NEAR * min(arc, 2 * np.pi):
            return True
    return False


def _doubt(angles: NDArray[np.float64]) -> str:
    """Why angles in radians are no scan: 'short', 'long' or ''."""
    _, arc, step = _arc(angles)
    if len(angles) >= _FEW and 0 < arc < _SHORT:
        return "short"
    if arc <= 2 * np.pi * 1.02 or len(angles) < 2:
        return "long" if len(angles) == 1 and abs(angles[0]) > 8 * np.pi else ""
    golden = np.abs(np.median(np.abs(np.diff(angles))) - _GOLDEN).min() < 2e-3
    if golden or (step <= _APART and _round_arc(angles)):
        return ""
    return "long"


def _oddities(angles: NDArray[np.float64]) -> tuple[str, ...]:
    """Directions that were measured more than once."""
    count = len(angles)
    if count < 2:
        return ()
    if np.ptp(angles) == 0:
        return (
            f"All {count} views have the same angle, {np.rad2deg(angles[0]):.5g} degrees; "
            "no image can be made of one direction.",
        )
    again = count - len(np.unique(np.round(angles, 9)))
    if again:
        return (f"{again} of {count} views have the angle of another view.",)
    turn = abs(abs(angles[-1] - angles[0]) - 2 * np.pi) < 1e-4
    if turn:
        return ("The last view is a full turn after the first: the same direction twice.",)
    return ()
