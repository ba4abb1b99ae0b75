"""``napari-padis train``: a patch prior from a folder of volumes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli.errors import INTERRUPTED
from napari_padis.cli.options import output_folder
from napari_padis.cli.train_settings import read_card, read_config
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.training import Trainer
    from napari_padis.scan.units import Scale
    from napari_padis.scan.volume import Volume


def train(
    folder: Annotated[Path, typer.Argument(help="Training volumes, searched below this folder.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="DIR", help="State, log and prior; started anew or resumed."),
    ],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Training settings as JSON.")
    ] = None,
    hours: Annotated[float | None, typer.Option("--hours", help="Budget in hours.")] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Budget in steps.")] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            "--validation", metavar="DIR", help="Volumes on which the denoising error is measured."
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option("--name", help="Name of the prior; the output folder's.")
    ] = None,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="PRIOR", help="Prior whose weights training starts from."),
    ] = None,
    card: Annotated[
        Path | None,
        typer.Option("--card", metavar="FILE", help="JSON with title, licence, trained_on, ..."),
    ] = None,
    low: Annotated[float, typer.Option("--low", help="Intensity that becomes 0.")] = -1000.0,
    high: Annotated[float, typer.Option("--high", help="Intensity that becomes 1.")] = 1000.0,
    device: Annotated[str, typer.Option("--device", help="cpu, cuda or auto.")] = "auto",
    seed: Annotated[int | None, typer.Option("--seed", help="Seed of all random numbers.")] = None,
) -> None:
    """Train a patch prior; the same command goes on after an interruption."""
    from napari_padis.prior.catalogue import find_prior
    from napari_padis.prior.data import PatchSampler, find_volumes
    from napari_padis.scan.units import Scale

    paths = find_volumes(folder)
    held_out = find_volumes(validation) if validation else None
    settings = read_config(config, hours=hours, steps=steps, seed=seed)
    described = read_card(card)
    first_weights = find_prior(start) if start else None
    output_folder(out)

    from napari_padis.engine.setup import choose_device
    from napari_padis.prior.checkpoint import load_network
    from napari_padis.prior.training import Trainer

    parent, parent_card = load_network(first_weights) if first_weights else (None, None)
    where = str(choose_device(device))
    read = _Reader()
    first = next(iter(read([paths[0]])))
    scale = Scale(low, high, first.unit)
    sample = partial(
        PatchSampler, scale=scale, pad=settings.pad, normalise=settings.normalise,
        phase=settings.phase, ceiling=settings.ceiling,
    )  # fmt: skip
    sampler = sample(read(paths))
    trainer = Trainer(settings, sampler, out, where, parent)
    typer.echo(f"{len(paths)} volumes, {sampler.count} slices, on {where}")
    _run(trainer)
    if trainer.rank == 0:
        images = sample(read(held_out)) if held_out else sampler
        described |= {"name": name or out.resolve().name, "pixel_spacing": read.pixel}
        written = _export(trainer, images, scale, described, parent_card, out)
        typer.echo(f"{out / written}: ready for 'napari-padis reconstruct --prior'")


class _Reader:
    """Reads volumes, insists on one unit, and remembers their pixel sizes."""

    def __init__(self) -> None:
        self.unit: str | None = None
        self.pixels: list[tuple[float, float]] = []

    def __call__(self, paths: list[Path]) -> Iterator[Volume]:
        from napari_padis.prior.data import read_volumes

        for path, volume in zip(paths, read_volumes(paths), strict=True):
            if volume.unit != (self.unit or volume.unit):
                raise InputError(
                    f"'{path.name}' is in {volume.unit}, others are in {self.unit}; "
                    "train on volumes of one unit."
                )
            self.unit = volume.unit
            self.pixels.append((volume.spacing[1], volume.spacing[2]))
            yield volume

    @property
    def pixel(self) -> tuple[float, float]:
        """Median row and column spacing in mm."""
        import numpy as np

        row, column = np.median(self.pixels, axis=0)
        return float(row), float(column)


def _run(trainer: Trainer) -> None:
    """Train with a progress bar; Ctrl-C keeps the state and ends."""
    from tqdm import tqdm

    stopping = False

    def handle(number: int, frame: object) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True
        typer.echo("\nStopping within half a minute; the state is kept.", err=True)

    with tqdm(total=1.0, bar_format="{percentage:5.1f}%|{bar}| {elapsed}{postfix}") as bar:

        def report(row: dict[str, Any]) -> None:
            bar.n = min(row["progress"], 1.0)
            bar.set_postfix_str(
                f"step {row['step']}, {row['patches']} patches, {row['patches_per_second']}/s"
            )
            if stopping:
                # Between two steps: nothing is half done here.
                trainer.save()
                raise typer.Exit(INTERRUPTED)

        previous = signal.signal(signal.SIGINT, handle)
        try:
            trainer.run(report=report)
        finally:
            signal.signal(signal.SIGINT, previous)


def _export(
    trainer: Trainer,
    images: Any,
    scale: Scale,
    described: dict[str, Any],
    parent: PriorCard | None,
    out: Path,
) -> str:
    """Write weights and card, with the denoising error measured on slices of ``images``."""
    import copy

    import torch

    from napari_padis.prior.card import PriorCard, Training
    from napari_padis.prior.checkpoint import save_prior
    from napari_padis.prior.denoiser import PatchDenoiser
    from napari_padis.prior.errors_table import error_table

    config, counters = trainer.config, trainer.counters
    card = PriorCard(
        **described,
        unit=scale.unit,
        low=scale.low,
        high=scale.high,
        ceiling=config.ceiling,
        patch=config.patch_sizes[0],
        patch_sizes=config.patch_sizes,
        sigma_min=config.sigma_min,
        sigma_max=config.sigma_max,
        network=config.network,
        training=Training(
            steps=counters.step,
            patches=counters.patches,
            pixels=counters.pixels,
            seconds=counters.seconds,
            processes=trainer.world,
            hardware=f"{trainer.device.type}, {torch.get_num_threads()} threads a process",
            slices=trainer.sampler.count,
            start=f"{parent.name}, sha256 {parent.sha256}" if parent else "",
            settings={
                **config.model_dump(mode="json"),
                "errors_on": "training" if images is trainer.sampler else "validation",
            },
        ),
    )
    network = trainer.averaged()
    # The denoiser changes the network's precision in place, hence the copies.
    table = error_table(
        lambda shape: PatchDenoiser(copy.deepcopy(network), card, shape, trainer.device),
        images.middles(),
    )
    save_prior(network, card.model_copy(update={"error_table": table}), out)
    return f"{card.name}.json"
