"""The card of a prior as lines of text."""

from __future__ import annotations

from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_padis.prior.card import PriorCard

#: Columns of the text, of the names of its rows, and of the longest bar.
WIDTH, NAMES, BAR = 96, 15, 40


def card_lines(card: PriorCard, path: Path) -> list[str]:
    """The whole card, with the denoising curve as bars."""
    from napari_padis.prior.facts import facts
    from napari_padis.prior.reading import shown

    lines = [shown(card.title or card.name, 500), ""]
    lines += wrap(shown(card.description, 5000), WIDTH)
    lines += [""] if card.description else []
    for name, value in (("Name", card.name), ("Card", str(path)), *facts(card)):
        lines += _row(name, shown(value, 5000))
    for index, collection in enumerate(card.trained_on):
        lines += _row("Trained on" if index == 0 else "", shown(collection, 1000))
    lines += _row("sha256", shown(card.sha256) or "not stated")
    return lines + _curve(card)


def _row(name: str, value: str) -> list[str]:
    parts = wrap(value, WIDTH - NAMES) or [""]
    return [f"{name if i == 0 else '':<{NAMES}}{part}" for i, part in enumerate(parts)]


def _curve(card: PriorCard) -> list[str]:
    """PSNR against the noise level: of the noisy image, and of what the prior makes of it."""
    from napari_padis.prior.facts import noisy_psnr

    curve = card.denoising_psnr
    if not curve:
        return ["", "No denoising curve was measured."]
    top = max(1.0, *(psnr for _, psnr in curve))
    lines = ["", f"{'σ':>8}  {'noisy':>6}  {'denoised, dB':<12}"]
    for sigma, psnr in curve:
        bar = "█" * max(0, round(BAR * psnr / top))
        lines.append(f"{sigma:>8.4g}  {noisy_psnr(sigma):>6.1f}  {psnr:>6.1f}  {bar}")
    return [*lines, "PSNR on validation slices, peak 1, noise on the scale [0, 1]."]
