"""``napari-padis train``: a prior from a folder of volumes."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli.errors import INTERRUPTED
from napari_padis.cli.options import output_folder
from napari_padis.cli.train_settings import read_card, read_config
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.prior.training import Trainer

#: Reports, of 20 s each, between two drawings of the curves.
REDRAW = 15


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
    save_every: Annotated[
        float, typer.Option("--save-every", min=0, help="Seconds between saved states.")
    ] = 300.0,
) -> None:
    """Train a prior; the same command goes on after an interruption."""
    from napari_padis.prior.catalogue import find_prior
    from napari_padis.prior.slice_store import Preparation, single_unit, stored_stacks
    from napari_padis.prior.training_files import find_volumes
    from napari_padis.scan.units import Scale

    paths = find_volumes(folder)
    held_out = find_volumes(validation) if validation else []
    settings = read_config(config, hours=hours, steps=steps, seed=seed)
    if settings.objective == "error" and not start:
        raise InputError("Errors are foretold by a trained network: say which with --start.")
    described = read_card(card)
    first_weights = find_prior(start) if start else None
    output_folder(out)
    rank = int(os.environ.get("RANK", 0))
    prepare = Preparation(low, high, settings.ceiling, settings.normalise)
    slices = out / "slices"
    stacks = stored_stacks(paths, prepare, slices / "training", rank == 0)
    checked = stored_stacks(held_out, prepare, slices / "validation", rank == 0) if held_out else []
    scale = Scale(low, high, single_unit([*stacks, *checked]))

    from napari_padis.cli.train_export import export, export_error
    from napari_padis.engine.setup import choose_device
    from napari_padis.prior.checkpoint import load_network
    from napari_padis.prior.data import PatchSampler
    from napari_padis.prior.training import Trainer

    parent, parent_card = load_network(first_weights) if first_weights else (None, None)
    sampler = PatchSampler.of(stacks, settings)
    plain = settings.model_copy(update={**settings.plain, "pad": 0})
    trainer = Trainer(
        settings, sampler, out, str(choose_device(device)), parent,
        PatchSampler.of(checked, plain) if checked else None,
        f"{parent_card.name}, sha256 {parent_card.sha256}" if parent_card else "",
    )  # fmt: skip
    if rank == 0:
        typer.echo(f"{len(stacks)} volumes, {sampler.count} slices, on {trainer.device}")
        if trainer.note:
            typer.echo(trainer.note, err=True)
    try:
        _run(trainer, save_every)
    finally:
        trainer.processes.close()
    if rank == 0:
        called = name or out.resolve().name
        if trainer.foretells and parent_card:
            written = export_error(trainer, parent_card, called, "validation" if checked else "")
        else:
            measured = PatchSampler.of(checked or stacks, plain)
            written = export(
                trainer, measured, scale, described | {"name": called},
                "validation" if checked else "training",
            )  # fmt: skip
        _end(trainer, slices)
        typer.echo(f"{written}: ready for 'napari-padis reconstruct --prior'")


def _run(trainer: Trainer, save_every: float) -> None:
    """Train with a progress bar; Ctrl-C keeps the state and ends."""
    from tqdm import tqdm

    from napari_padis.prior.pictures import draw_curves

    stopping, reports = False, 0

    def handle(number: int, frame: object) -> None:
        nonlocal stopping
        if stopping:
            raise KeyboardInterrupt
        stopping = True
        typer.echo("\nStopping within half a minute; the state is kept.", err=True)

    bar_format = "{percentage:5.1f}%|{bar}| {elapsed}{postfix}"
    with tqdm(total=1.0, bar_format=bar_format, disable=trainer.rank > 0) as bar:

        def report(row: dict[str, Any]) -> None:
            nonlocal reports
            bar.n = min(row["progress"], 1.0)
            bar.set_postfix_str(
                f"step {row['step']}, {row['patches']} patches, {row['patches_per_second']}/s"
            )
            reports += 1
            if stopping or reports % REDRAW == 1:
                draw_curves(trainer.folder)
            if stopping:
                # Between two steps: nothing is half done here.
                trainer.save()
                raise typer.Exit(INTERRUPTED)

        previous = signal.signal(signal.SIGINT, handle)
        try:
            trainer.run(save_every, report)
        finally:
            signal.signal(signal.SIGINT, previous)


def _end(trainer: Trainer, slices: Path) -> None:
    """Tell the speed and remove what the next run makes again."""
    import shutil

    shutil.rmtree(slices, ignore_errors=True)
    c = trainer.counters
    speed = c.patches / max(c.seconds, 1e-9)
    typer.echo(
        f"{c.step} steps, {c.patches} patches in {c.seconds / 60:.1f} minutes: {speed:.1f} a second"
    )
