"""``napari-padis train``: a patch prior from a folder of volumes."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli.errors import INTERRUPTED
from napari_padis.cli.options import output_folder
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.prior.settings import TrainingConfig
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
    from napari_padis.prior.data import PatchSampler, find_volumes
    from napari_padis.scan.units import Scale

    paths = find_volumes(folder)
    held_out = find_volumes(validation) if validation else None
    settings = read_config(config, hours=hours, steps=steps, seed=seed)
    described = read_card(card)
    output_folder(out)

    from napari_padis.engine.setup import choose_device
    from napari_padis.prior.training import Trainer

    where = str(choose_device(device))
    read = _Reader()
    first = next(iter(read([paths[0]])))
    scale = Scale(low, high, first.unit)
    sampler = PatchSampler(read(paths), scale, settings.pad)
    trainer = Trainer(settings, sampler, out, where)
    typer.echo(f"{len(paths)} volumes, {sampler.count} slices, on {where}")
    _run(trainer)
    if trainer.rank == 0:
        images = PatchSampler(read(held_out), scale, settings.pad) if held_out else sampler
        described |= {"name": name or out.resolve().name, "pixel_spacing": read.pixel}
        written = _export(trainer, images, scale, described, out)
        typer.echo(f"{out / written}: ready for 'napari-padis reconstruct --prior'")


def read_config(path: Path | None, **given: Any) -> TrainingConfig:
    """Training settings from a JSON file, overridden by what the line says.

    Raises
    ------
    InputError
        If the file or a value cannot be used.
    """
    from pydantic import ValidationError

    from napari_padis.errors import explain
    from napari_padis.prior.settings import TrainingConfig

    values = read_object(path) if path is not None else {}
    if given["hours"] is not None or given["steps"] is not None:
        values.pop("hours", None)
        values.pop("steps", None)
    values |= {key: value for key, value in given.items() if value is not None}
    if values.get("hours") is None and values.get("steps") is None:
        raise InputError("Say how long to train: add --hours or --steps.")
    try:
        return TrainingConfig(**values)
    except ValidationError as error:
        raise InputError(f"Wrong training settings: {explain(error)}") from error


#: What a person may say about a prior; everything else in its card is measured.
DESCRIPTIVE = {"title", "description", "anatomy", "licence", "trained_on"}


def read_card(path: Path | None) -> dict[str, Any]:
    """The descriptive part of a prior's card.

    Raises
    ------
    InputError
        If the file cannot be used or says more than a person may say.
    """
    values = read_object(path) if path is not None else {}
    if unknown := sorted(values.keys() - DESCRIPTIVE):
        raise InputError(
            f"Card '{path}' has the entry '{unknown[0]}'; use {', '.join(sorted(DESCRIPTIVE))}."
        )
    return values


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file."""
    import json

    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"Settings '{path}' cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"Settings '{path}' are not valid JSON: {error}.") from error
    if not isinstance(values, dict):
        raise InputError(f"Settings '{path}' must be a JSON object.")
    return values


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
    trainer: Trainer, images: Any, scale: Scale, described: dict[str, Any], out: Path
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
            settings={
                **config.model_dump(mode="json"),
                "errors_on": "training" if images is trainer.sampler else "validation",
            },
        ),
    )
    network = trainer.averaged()
    slices = [stack[len(stack) // 2] for stack in images.slices][:8]
    # The denoiser changes the network's precision in place, hence the copies.
    table = error_table(
        lambda shape: PatchDenoiser(copy.deepcopy(network), card, shape, trainer.device),
        [torch.from_numpy(image.astype("float32"))[None] for image in slices],
    )
    save_prior(network, card.model_copy(update={"error_table": table}), out)
    return f"{card.name}.json"
