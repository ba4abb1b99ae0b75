"""Recalibration of a method's standard deviation, from the tallies of a calibration study.

The map is the isotonic regression of squared errors on variances, each bin with the weight of
its voxels (Niculescu-Mizil and Caruana, "Predicting good probabilities with supervised learning",
ICML 2005, for probabilities; Levi et al., arXiv 1905.11659, for standard deviations in bins).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.optimize import isotonic_regression

from napari_padis.engine.task_family import family_of
from napari_padis.errors import InputError
from napari_padis.evaluation.calibration_study import Setting, tallies
from napari_padis.evaluation.ledger import Row, write_atomically
from napari_padis.evaluation.reconstruction import measure
from napari_padis.evaluation.slices import ChosenSlices
from napari_padis.evaluation.tally import Tally, together
from napari_padis.prior.card import PriorCard
from napari_padis.prior.recalibration import Recalibration
from napari_padis.scan.units import scale_in

#: Bins of predicted standard deviation.
BINS = 10


def measured_map(tally: Tally, width: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Standard deviations of samples, and those that would have been right.

    Parameters
    ----------
    tally : Tally
        In HU.
    width : float
        Of the scale on which they are given, in HU.

    Raises
    ------
    InputError
        If no samples differ, or none are wrong.
    """
    bins = sorted(tally.bins(BINS), key=lambda one: one.predicted)
    # The error of the samples' mean is that of a draw more than the spread is, see Tally.bins.
    scatter = 1 + 1 / tally.samples
    given = np.array([one.predicted for one in bins]) ** 2 / scatter / width**2
    right = np.array([one.error for one in bins]) ** 2 / scatter / width**2
    if not len(bins) or not (right > 0).any() or not (given > 0).any():
        raise InputError("The samples do not differ, or are exact: there is nothing to measure.")
    fitted = isotonic_regression(right, weights=[one.voxels for one in bins]).x
    keep = (given > 0) & (fitted > 0) & (np.diff(given, prepend=-1.0) > 0)
    spread, error = np.sqrt(given[keep]), np.sqrt(fitted[keep])
    return tuple(map(float, spread)), tuple(map(float, error))


def recalibration(
    rows: Sequence[Row],
    method: str,
    chosen: Sequence[ChosenSlices],
    setting: Setting,
    card: PriorCard,
) -> Recalibration:
    """What the rows of one method say, see :func:`~.calibration_study.judged`.

    Raises
    ------
    InputError
        If the card is that of other weights, knows no physical unit, or the slices are of
        several families of tasks.
    """
    _check(rows, card)
    families = {
        family_of(data, data.noise.sigma or 0.0)
        for one in chosen
        for data in [measure(_first(one), setting.views, setting.noise, setting.seed)]
    }
    if len(families) != 1:
        raise InputError(
            f"These slices are not one family of tasks ({'; '.join(sorted(families))}): take "
            "volumes of one size."
        )
    tally = together(found for _, found in tallies(rows))
    spread, error = measured_map(tally, scale_in(card.scale, "HU").width)
    return Recalibration(
        method=method,
        settings=rows[0]["settings"],
        task=families.pop(),
        samples=tally.samples,
        weights=card.sha256,
        voxels=int(tally.voxels["body"]),
        slices=len(rows),
        volumes=len({row["volume"] for row in rows}),
        conditions={
            "views": setting.views,
            "noise": setting.noise,
            "seed": setting.seed,
            "size": setting.size,
            "voxels": "of the body",
        },
        spread=spread,
        error=error,
    )


def held_out(rows: Sequence[Row], width: float) -> tuple[Tally, Tally] | None:
    """All slices as they are, and recalibrated by what the other volumes say; None of one volume.

    Only the predicted variances of the second differ: samples, and so coverage, are not changed.
    """
    names = sorted({row["volume"] for row in rows})
    if len(names) < 2:
        return None
    after = []
    for name in names:
        rest = together(t for _, t in tallies([r for r in rows if r["volume"] != name]))
        own = together(t for _, t in tallies([r for r in rows if r["volume"] == name]))
        after.append(rescaled(own, *measured_map(rest, width), width))
    return together(t for _, t in tallies(rows)), together(after)


def rescaled(
    tally: Tally, spread: tuple[float, ...], error: tuple[float, ...], width: float
) -> Tally:
    """A tally whose predicted variances are those that a map gives."""
    number, squares, variances = tally.fine
    sd = np.sqrt(variances / np.maximum(number, 1)) / width
    bare = Recalibration(
        method="-", settings="-", task="-", samples=2, voxels=1, slices=1, volumes=1,
        spread=spread, error=error,
    )  # fmt: skip
    return replace(tally, fine=np.array([number, squares, number * (bare.apply(sd) * width) ** 2]))


def keep(path: Path, found: Sequence[Recalibration]) -> None:
    """Write them into a card; those of the same method, settings and task are replaced.

    Raises
    ------
    InputError
        If it is no card, or cannot be written.
    """
    card = PriorCard.load(path)
    keys = {one.key for one in found}
    kept = [one for one in card.recalibrations if one.key not in keys]
    card = card.model_copy(update={"recalibrations": (*kept, *found)})
    try:
        write_atomically(path, f"{card.model_dump_json(indent=1)}\n")
    except OSError as error:
        raise InputError(f"Card '{path}' cannot be written: {error.strerror}.") from error


def lines(found: Mapping[str, tuple[Recalibration, Sequence[Row]]], width: float) -> Iterator[str]:
    """What was measured, and what it is worth on volumes that were left out."""
    yield "**Recalibration, error / predicted sd in ten bins**"
    yield ""
    yield "| | measured on | as drawn | recalibrated by the other volumes |"
    yield "|---|---|---|---|"
    for label, (one, rows) in found.items():
        judged = held_out(rows, width)
        before, after = map(_ratios, judged) if judged else ("", "one volume only")
        yield f"| {label} | {one}, {one.voxels} voxels | {before} | {after} |"
    yield ""


def _ratios(tally: Tally) -> str:
    ratios = [one.ratio for one in tally.bins(BINS) if math.isfinite(one.ratio)]
    return f"{min(ratios):.2f} to {max(ratios):.2f}"


def _check(rows: Sequence[Row], card: PriorCard) -> None:
    version = f"{card.name} {card.sha256[:12]}"
    if other := sorted({row["version"] for row in rows} - {version}):
        raise InputError(
            f"The samples were drawn with '{other[0]}', and the card is that of '{version}': give "
            "the card of the prior that was judged."
        )
    if card.unit == "arbitrary":
        raise InputError(f"The prior '{card.name}' knows no unit in which errors could be told.")


def _first(chosen: ChosenSlices) -> ChosenSlices:
    return ChosenSlices(chosen.name, chosen.volume, chosen.indices[:1])
