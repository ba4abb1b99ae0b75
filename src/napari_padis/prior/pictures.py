"""Pictures of a training run: its curves, and patches drawn from the prior."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from napari_padis.prior.charts import Chart, Point, figure_of, save
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.generation import generate, noise_levels
from napari_padis.prior.network import EDMDenoiser
from napari_padis.prior.settings import TrainingConfig
from napari_padis.prior.training_log import BANDS, Table

#: Steps of Heun's method for the examples: 31 evaluations.
STEPS = 16
#: Columns of the table of validations, by how they begin, and what they are.
CURVES = {
    "psnr_": "PSNR of denoised validation crops (dB)",
    "nll_": "Negative log-likelihood of the errors, validation crops",
    "ratio_": "Squared error over the foretold one, validation crops",
}


def draw_curves(folder: Path) -> Path:
    """Draw ``training.png`` of the tables in the folder of a training run.

    Shows loss by noise band, denoising PSNR on the validation crops, or how large errors are
    relative to those foretold, and learning rate over the number of patches seen. The loss is
    averaged over a fiftieth of the run.
    """
    log, curve = Table(folder / "log.csv").rows(), Table(folder / "validation.csv").rows()
    losses = {}
    for low, high in zip((0.0, *BANDS), BANDS, strict=False):
        points = _points(log, f"loss_below_{high:g}")
        losses[f"{low:g} to {high:g}"] = _smooth(points, max(1, len(points) // 50))
    positive = all(loss > 0 for points in losses.values() for _, loss in points)
    charts = [Chart("Loss by noise level", "patches", losses, log_y=positive)]
    for start, title in CURVES.items():
        columns = [c for c in (curve[0] if curve else {}) if c.startswith(start)]
        if columns:
            named = {f"sigma {c.removeprefix(start)}": _points(curve, c) for c in columns}
            charts.append(Chart(title, "patches", named))
    charts.append(Chart("Learning rate", "patches", {"": _points(log, "learning_rate")}))
    return save(figure_of(charts), folder / "training.png")


def draw_examples(
    network: EDMDenoiser,
    sampler: PatchSampler,
    config: TrainingConfig,
    device: torch.device,
    path: Path,
) -> Path:
    """Draw patches of the prior at the left and real ones of the same places at the right.

    There are 16 of the largest patch size, or 4 of whole images; of several slices the middle
    one is shown, of complex images the magnitude, black is 0 and white is 1.
    """
    patch = config.patch_sizes[0]
    count = 16 if patch <= 128 else 4
    real = sampler.draw(patch, count, torch.Generator().manual_seed(1))
    levels = noise_levels(config.sigma_max, config.sigma_min, STEPS)
    made = generate(network, real, levels, device, config.bfloat16)
    grids = [_grid(_grey(x, config.phase)) for x in (made, real.patches)]
    side, gap, head = grids[0].width, 24, 26
    sheet = Image.new("RGB", (2 * side + 3 * gap, side + head + gap), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    for i, (grid, title) in enumerate(zip(grids, ("drawn from the prior", "real"), strict=True)):
        left = gap + i * (side + gap)
        pen.text((left, 5), title, "black", font)
        sheet.paste(grid, (left, head))
    return _save(sheet, path)


def _grey(patches: Tensor, phase: bool) -> NDArray[np.uint8]:
    """One channel of each patch, shape (B, P, P), the front on top, the right side at the left."""
    x = patches.norm(dim=1) if phase else patches[:, patches.shape[1] // 2]
    return (x.flip(-2, -1).clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def _grid(images: NDArray[np.uint8]) -> Image.Image:
    """Square arrangement with thin lines between, enlarged to about 400 pixels."""
    side = round(len(images) ** 0.5)
    zoom = max(1, 400 // (side * images.shape[-1]))
    large = images.repeat(zoom, axis=1).repeat(zoom, axis=2)
    framed = np.pad(large, ((0, 0), (1, 1), (1, 1)), constant_values=128)
    n = framed.shape[-1]
    grid = framed.reshape(side, side, n, n).transpose(0, 2, 1, 3).reshape(side * n, side * n)
    return Image.fromarray(grid)


def _points(rows: Sequence[dict[str, str]], column: str) -> list[Point]:
    found = []
    for row in rows:
        try:
            found.append((float(row["patches"]), float(row[column])))
        except (KeyError, ValueError):
            continue
    return found


def _smooth(points: list[Point], width: int) -> list[Point]:
    """Means of ``width`` neighbouring points."""
    chunks = [points[i : i + width] for i in range(0, len(points), width)]
    return [(sum(x for x, _ in c) / len(c), sum(y for _, y in c) / len(c)) for c in chunks]


def _save(image: Image.Image, path: Path) -> Path:
    temporary = path.with_name(f".{path.name}")
    image.save(temporary, format="PNG", optimize=True)
    os.replace(temporary, path)
    return path
