"""Denoisers compared on slices with white noise: priors, and classical ones at their best."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import cast, get_args

import numpy as np
import torch

from napari_padis.engine.metrics import WINDOW
from napari_padis.errors import InputError
from napari_padis.evaluation.classical import Contender, Image
from napari_padis.evaluation.ledger import Ledger, Row
from napari_padis.evaluation.slices import ChosenSlices, count_of, quality
from napari_padis.prior.card import PriorCard, Tiling
from napari_padis.prior.catalogue import find_prior
from napari_padis.prior.denoiser import PatchDenoiser, finish, load_prior
from napari_padis.scan.units import scale_in

#: Standard deviations of the noise on the scale of comparison.
SIGMAS = (0.02, 0.05, 0.1, 0.2, 0.5)

KEYS = {"method": str, "version": str, "sigma": float, "volume": str, "slice": int, "setting": str}
VALUES = {"psnr": float, "ssim": float, "seconds": float}


def open_table(path: str | Path) -> Ledger:
    """The table of this study, with what it holds already."""
    return Ledger(path, KEYS, VALUES)


def prior_contender(
    name: str | Path,
    device: torch.device | str = "cpu",
    patch: int | None = None,
    tiling: str | None = None,
) -> Contender:
    """The denoiser of a prior of CT images, as samplers use it.

    Parameters
    ----------
    name : str or path
    device : torch.device
    patch : int, optional
        Side of the tiles; of the denoiser's choice when missing.
    tiling : str, optional
        Another way to make images of tiles than the prior's own.

    Raises
    ------
    InputError
        If there is no such prior or tiling, or the prior is not one of single slices in HU.
    """
    path = find_prior(name)
    card = PriorCard.load(path)
    check_ct(card)
    if tiling is not None and tiling not in get_args(Tiling):
        raise InputError(
            f"There is no tiling '{tiling}'; choose from {', '.join(get_args(Tiling))}."
        )
    scale = scale_in(card.scale, WINDOW.unit)
    gain = WINDOW.width / scale.width

    @lru_cache(maxsize=2)
    def load(shape: tuple[int, int]) -> PatchDenoiser:
        return load_prior(path, shape, device, patch=patch, tiling=cast(Tiling | None, tiling))

    def denoise(noisy: Image, sigma: float) -> Image:
        denoiser = load((noisy.shape[0], noisy.shape[1]))
        values = scale.to_unit_interval(WINDOW.from_unit_interval(noisy)).astype(np.float32)
        x = torch.from_numpy(values)[None, None].to(denoiser.device)
        draw = denoiser.draw(x, gain * sigma, torch.Generator().manual_seed(0))
        clean = finish(denoiser.denoise(x, gain * sigma, draw))[0, 0].cpu().numpy()
        return WINDOW.to_unit_interval(scale.from_unit_interval(clean))

    shown = f"{card.name}, {tiling}" if tiling else card.name
    return Contender(shown, f"sha256 {card.sha256[:12]}", {"": denoise})


def check_ct(card: PriorCard) -> None:
    """Raise InputError for priors that do not know single slices in HU or 1/mm."""
    if card.unit == "arbitrary" or card.network.image_channels != 1:
        raise InputError(
            f"Prior '{card.name}' cannot be compared on CT slices: it is one of "
            f"{card.network.image_channels} channels in the unit '{card.unit}'."
        )


def add_white_noise(truth: Image, sigma: float, name: str, index: int) -> Image:
    """A slice with noise that depends on nothing but the slice and the noise level."""
    seed = zlib.crc32(f"{name}/{index}/{sigma:g}".encode())
    noise = np.random.default_rng(seed).standard_normal(truth.shape)
    return (truth + sigma * noise).astype(np.float32)


def compare_denoisers(
    contenders: Sequence[Contender],
    chosen: Sequence[ChosenSlices],
    ledger: Ledger,
    sigmas: Sequence[float] = SIGMAS,
) -> Iterator[tuple[int, int]]:
    """Fill the table with what is missing in it; yields the rows done and their number.

    Every contender sees the same noise. Slices are clipped to [0, 1] before the noise is added,
    and estimates before they are compared.
    """
    work = [
        (contender, sigma, slices, k, setting)
        for contender in contenders
        for sigma in sigmas
        for slices in chosen
        for k in range(len(slices.indices))
        for setting in contender.variants
    ]
    for done, (contender, sigma, slices, k, setting) in enumerate(work, start=1):
        key = {
            "method": contender.name,
            "version": contender.version,
            "sigma": sigma,
            "volume": slices.name,
            "slice": slices.indices[k],
            "setting": setting,
        }
        if not ledger.has(key):
            truth = slices.truth[k]
            noisy = add_white_noise(truth, sigma, slices.name, slices.indices[k])
            start = time.perf_counter()
            clean = contender.variants[setting](noisy, sigma)
            seconds = time.perf_counter() - start
            ((psnr, ssim),) = quality(clean[None], truth[None])
            ledger.add({**key, "psnr": psnr, "ssim": ssim, "seconds": seconds})
        yield done, len(work)


@dataclass(frozen=True)
class Best:
    """A contender at one noise level, with the setting of the best mean PSNR."""

    method: str
    sigma: float
    setting: str
    psnr: float
    ssim: float
    slices: int


def best_of(
    contender: Contender, sigma: float, chosen: Sequence[ChosenSlices], ledger: Ledger
) -> Best | None:
    """The contender's best setting on these slices; None where rows are missing.

    The setting is chosen on the very slices it is judged by, in favour of the contender.
    """
    places = {(c.name, i) for c in chosen for i in c.indices}
    found: list[Best] = []
    for setting in contender.variants:
        rows = [row for row in ledger.rows if _is(row, contender, sigma, setting, places)]
        if len(rows) == count_of(chosen):
            psnr, ssim = (float(np.mean([row[name] for row in rows])) for name in ("psnr", "ssim"))
            found.append(Best(contender.name, sigma, setting, psnr, ssim, len(rows)))
    if len(found) < len(contender.variants):
        return None
    return max(found, key=lambda best: best.psnr)


def _is(
    row: Row, contender: Contender, sigma: float, setting: str, places: set[tuple[str, int]]
) -> bool:
    wanted = (contender.name, contender.version, sigma, setting)
    given = tuple(row[name] for name in ("method", "version", "sigma", "setting"))
    return given == wanted and (row["volume"], row["slice"]) in places


def markdown(
    contenders: Sequence[Contender],
    chosen: Sequence[ChosenSlices],
    ledger: Ledger,
    sigmas: Sequence[float] = SIGMAS,
) -> list[str]:
    """Lines of a Markdown table: mean PSNR / SSIM of each contender at each noise level."""
    lines = [
        "| sigma | " + " | ".join(f"{s:g}" for s in sigmas) + " |",
        "|---" * (len(sigmas) + 1) + "|",
    ]
    for contender in contenders:
        found = [best_of(contender, sigma, chosen, ledger) for sigma in sigmas]
        cells = [f"{b.psnr:.2f} / {b.ssim:.3f}" if b else "" for b in found]
        lines.append(f"| {contender.name} | " + " | ".join(cells) + " |")
    return lines
