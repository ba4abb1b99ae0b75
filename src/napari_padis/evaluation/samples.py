"""Images drawn from a prior alone, kept one by one, and shown on a contact sheet."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_padis.engine.metrics import WINDOW
from napari_padis.errors import InputError
from napari_padis.evaluation.ledger import write_atomically
from napari_padis.posterior.evaluator import Evaluator, Level
from napari_padis.posterior.samplers.unconditional import unconditional
from napari_padis.posterior.schedule import geometric
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import find_prior
from napari_padis.prior.denoiser import load_prior
from napari_padis.scan.units import Scale

#: Pixels between the pictures of a sheet.
GAP = 4


@dataclass(frozen=True)
class Generation:
    """Everything that decides the images; ``sigma_max`` of the prior when None."""

    prior: str
    shape: tuple[int, int] = (256, 256)
    levels: int = 100
    inner: int = 3
    epsilon: float = 1.0
    sigma_max: float | None = None
    sigma_min: float = 0.002
    seed: int = 0


def generate(
    settings: Generation, count: int, folder: Path, device: torch.device | str = "cpu"
) -> Iterator[tuple[int, int]]:
    """Draw images that are not yet in the folder; yields evaluations done and their number.

    Image ``i`` has a generator of its own, seeded with ``seed + i``, so that it is the same
    however many there are. Each is kept in the prior's unit as ``00.npy``, ``01.npy``, ...,
    of shape (C, rows, columns).

    Raises
    ------
    InputError
        If there is no such prior, or the folder holds images of other settings.
    """
    path = find_prior(settings.prior)
    card = PriorCard.load(path)
    first = card.sigma_max if settings.sigma_max is None else settings.sigma_max
    levels = geometric(first, settings.sigma_min, settings.levels)
    each = settings.levels * settings.inner
    _claim(folder, settings, card)
    shape = (1, 1, card.network.image_channels, *settings.shape)
    denoiser = None
    for i in range(count):
        file = folder / f"{i:02d}.npy"
        if not file.exists():
            denoiser = denoiser or load_prior(path, settings.shape, device)
            evaluator = Evaluator(denoiser, torch.Generator().manual_seed(settings.seed + i))
            run = unconditional(
                evaluator, shape, levels, settings.inner, settings.epsilon, denoiser.device
            )
            while True:
                try:
                    state = next(run)
                except StopIteration as done:
                    image = done.value[0, 0].cpu().numpy()
                    break
                if isinstance(state, Level):
                    yield i * each + state.evaluations, count * each
            _keep(file, card.scale.from_unit_interval(image))
        yield (i + 1) * each, count * each


def kept_images(folder: Path, count: int) -> list[NDArray[np.float32]]:
    """The images of a folder that are finished, magnitudes of complex ones."""
    files = [folder / f"{i:02d}.npy" for i in range(count)]
    images = [np.load(file) for file in files if file.exists()]
    return [image[0] if len(image) == 1 else np.hypot(*image[:2]) for image in images]


def contact_sheet(
    images: Sequence[NDArray[np.floating]],
    path: Path,
    window: Scale = WINDOW,
    columns: int | None = None,
    title: str = "",
) -> Path:
    """Write images in rows and columns as a PNG, numbered, in shades of grey.

    Images are (A, R)+, as everywhere: the first row of the picture is the last of the image, so
    that the front is on top, and its left is the patient's right.

    Parameters
    ----------
    images : sequence of ndarray, shape (rows, columns)
        In the unit of ``window``; all of one shape.
    path : Path
        Ending in ``.png``.
    window : Scale
        Values shown black and white.
    columns : int, optional
        About as many as rows when missing.
    title : str
        Written above the pictures.
    """
    columns = columns or math.ceil(math.sqrt(len(images)))
    rows = math.ceil(len(images) / columns)
    height, width = images[0].shape
    top = 18 if title else 0
    size = (columns * (width + GAP) - GAP, top + rows * (height + GAP) - GAP)
    sheet = Image.new("L", size, 255)
    draw = ImageDraw.Draw(sheet)
    if title:
        draw.text((2, 2), title, fill=0)
    for i, image in enumerate(images):
        grey = np.clip(window.to_unit_interval(image), 0, 1) * 255
        picture = Image.fromarray(grey.round().astype(np.uint8)[::-1, ::-1])
        left, upper = i % columns * (width + GAP), top + i // columns * (height + GAP)
        sheet.paste(picture, (left, upper))
        draw.text((left + 4, upper + 3), str(i + 1), fill=255)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.tmp")
    sheet.save(temporary, format="PNG", optimize=True)
    os.replace(temporary, path)
    return path


def _claim(folder: Path, settings: Generation, card: PriorCard) -> None:
    """Note in the folder what its images are made with; other ones are not mixed in."""
    wanted = {**asdict(settings), "prior": card.name, "weights": card.sha256}
    wanted = json.loads(json.dumps(wanted))
    file = folder / "settings.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        folder.mkdir(parents=True, exist_ok=True)
        write_atomically(file, json.dumps(wanted, indent=1) + "\n")
        return
    except (OSError, ValueError):
        found = None
    if found != wanted:
        raise InputError(
            f"Folder '{folder}' holds images of other settings; remove it or choose another name."
        )


def _keep(file: Path, image: NDArray[np.floating]) -> None:
    temporary = file.with_suffix(".tmp")
    with temporary.open("wb") as stream:
        np.save(stream, image.astype(np.float32))
    os.replace(temporary, file)
