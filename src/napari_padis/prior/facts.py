"""What a card says in words, and whether a measurement suits the prior. Free of torch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from napari_padis.prior.card import PriorCard

#: Ratio of pixel sizes from which on the user is told: anatomy that is so much larger or smaller
#: in pixels is no longer what the patches of the training showed.
SPACING_RATIO = 1.6


def facts(card: PriorCard) -> list[tuple[str, str]]:
    """Pairs of a name and what the card says, without what it does not say."""
    training = card.training
    rows = [
        ("Anatomy", card.anatomy),
        ("Licence", card.licence or "not stated"),
        ("Range", intensity_range(card)),
        ("Images", _images(card)),
        ("Pixels", f"{spacing(card.pixel_spacing)} seen" if card.pixel_spacing else ""),
        ("Slices", f"{spacing(card.slice_spacing)} apart" if card.slice_spacing else ""),
        ("Patches", f"{', '.join(map(str, card.patch_sizes))} pixels; {TILINGS[card.tiling]}"),
        ("Parameters", count(card.parameters) if card.parameters else ""),
    ]
    if training is not None:
        seen = f"{count(training.patches)} patches in {count(training.steps)} steps"
        slices = f" from {training.slices} slices" if training.slices else ""
        rows += [
            ("Training", f"{seen}{slices}"),
            ("Computed on", f"{training.hardware}, {_hours(training.seconds)}".lstrip(", ")),
            ("Started from", training.start),
        ]
    rows.append(("Recalibrated", "; ".join(f"{r.method}: {r}" for r in card.recalibrations)))
    rows.append(("Imported from", card.origin))
    return [(name, value) for name, value in rows if value]


#: How patches make a whole image, in words.
TILINGS = {
    "shifted": "tiles at random shifts",
    "fixed": "one fixed grid of tiles",
    "whole": "the whole image at once",
    "averaged": "overlapping tiles, averaged",
    "stitched": "overlapping tiles, stitched",
}


def intensity_range(card: PriorCard) -> str:
    """Range in the card's unit, and how far beyond it the training went."""
    unit = "" if card.unit == "arbitrary" else f" {card.unit}"
    text = f"{card.low:g} to {card.high:g}{unit}"
    if card.unit == "arbitrary":
        text += ", without a unit"
    if card.ceiling > 1:
        text += f"; seen up to {card.low + card.ceiling * (card.high - card.low):g}{unit}"
    return text


def spacing(values: Sequence[float] | None) -> str:
    """One length in mm, or the smallest and the largest where they differ by 1 % or more."""
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{low:.3g} to {high:.3g} mm" if high > 1.01 * low else f"{high:.3g} mm"


def count(value: int) -> str:
    """A large number in short: 2.3 M, 56 k."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= limit:
            return f"{value / limit:.3g} {letter}"
    return str(value)


def noisy_psnr(sigma: float) -> float:
    """PSNR in dB of an image with white noise, peak 1."""
    return -20 * math.log10(sigma) + 0.0  # never '-0.0'


def misfits(
    card: PriorCard, pixel: Sequence[float], unit: str, slice_spacing: float | None = None
) -> list[str]:
    """What speaks against a prior for a measurement, one sentence each.

    Parameters
    ----------
    card : PriorCard
    pixel : sequence of float
        Row and column spacing of the image in mm.
    unit : {'HU', '1/mm', 'arbitrary'}
        Intensity unit of the image.
    slice_spacing : float, optional
        In mm; matters to priors that see several slices at once.
    """
    found = []
    if _beyond(pixel, card.pixel_spacing):
        found.append(f"Pixels of {spacing(pixel)}; the prior saw {spacing(card.pixel_spacing)}.")
    if slice_spacing and card.slices > 1 and _beyond((slice_spacing,), card.slice_spacing):
        found.append(
            f"Slices {slice_spacing:.3g} mm apart; the prior saw {spacing(card.slice_spacing)}."
        )
    if unit == "arbitrary" and card.unit != "arbitrary":
        found.append(f"Intensities without a unit; the prior expects {card.unit}.")
    elif unit != "arbitrary" and card.unit == "arbitrary":
        found.append(f"Intensities in {unit}; the prior knows no unit and they are scaled to it.")
    return found


def _beyond(lengths: Sequence[float], seen: Sequence[float] | None) -> bool:
    """Whether lengths are far from all that were seen."""
    if not seen or not lengths:
        return False
    return min(lengths) * SPACING_RATIO < min(seen) or max(lengths) > SPACING_RATIO * max(seen)


def _images(card: PriorCard) -> str:
    channels = card.network.image_channels
    if card.slices > 1:
        return f"{card.slices} adjacent slices"
    return {1: "", 2: "complex (two channels)"}.get(channels, f"{channels} channels")


def _hours(seconds: float) -> str:
    return f"{seconds / 3600:.3g} h" if seconds >= 360 else f"{seconds:.0f} s"
