"""``napari-padis reconstruct``: a volume with its uncertainty from a measurement."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_padis.cli.errors import INTERRUPTED
from napari_padis.cli.options import output_folder, parse_options, parse_slices
from napari_padis.errors import InputError, ReconstructionError

if TYPE_CHECKING:
    from napari_padis.engine.control import Control
    from napari_padis.engine.events import Event, Progress, Result, Started
    from napari_padis.scan.measurement import Measurement
    from napari_padis.scan.volume import Volume


#: Share, bar, elapsed time and what :func:`_follow` adds.
BAR = "{percentage:3.0f}%|{bar}| {elapsed}{postfix}"


def reconstruct(
    measurement: Annotated[Path, typer.Argument(help="Measurement (.h5).")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the result.")],
    method: Annotated[
        str, typer.Option("--method", metavar="NAME", help="See 'methods'.")
    ] = "padis-fast",
    prior: Annotated[
        str, typer.Option("--prior", metavar="NAME", help="See 'priors', or a prior's .json file.")
    ] = "ct-small",
    samples: Annotated[
        int | None, typer.Option("--samples", help="Posterior samples; default of the method.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps",
            help="Network evaluations per sample, iterations of 'cg'; default of the method.",
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of all random numbers.")] = 0,
    device: Annotated[
        str, typer.Option("--device", help="auto, cpu, cuda, cuda:1 or mps.")
    ] = "auto",
    sigma_y: Annotated[
        float | None,
        typer.Option("--sigma-y", help="Noise of the data, if not as measured."),
    ] = None,
    slices: Annotated[
        str | None, typer.Option("--slices", metavar="A:B", help="Only slices A to B-1.")
    ] = None,
    backend: Annotated[
        str,
        typer.Option(
            "--backend", metavar="NAME", help="How projections are made; see 'forwards --json'."
        ),
    ] = "auto",
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Setting of the method; repeatable."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", metavar="VOLUME", help="Truth, for PSNR and SSIM."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
) -> None:
    """Reconstruct a measurement; Ctrl-C stops and keeps what is there."""
    from napari_padis.engine.control import Control
    from napari_padis.engine.recipe import Recipe
    from napari_padis.engine.save import save_result
    from napari_padis.likelihood.registry import check_backend
    from napari_padis.posterior.methods import find_method
    from napari_padis.prior.catalogue import find_prior

    chosen = find_method(method)
    data = _read_measurement(measurement)
    check_backend(data.geometry.kind, backend)
    if chosen.needs_prior:
        find_prior(prior)
    recipe = Recipe.create(
        method=method,
        prior=prior,
        samples=chosen.default_samples if samples is None else samples,
        steps=steps,
        seed=seed,
        device=device,
        sigma_y=sigma_y,
        slices=parse_slices(slices, data.volume_shape[0]),
        backend=backend,
        options=parse_options(option),
        measurement=str(measurement),
    )
    # Looked at first: nobody wants to hear after an hour that the reference does not fit.
    truth = None if reference is None else _read_reference(reference, data, recipe.slices)
    output_folder(out)

    from napari_padis.engine.run import run

    control = Control()
    with _stop_on_interrupt(control):
        result = _follow(run(recipe, measurement=data, control=control), quiet)
    if truth is not None:
        from napari_padis.engine.metrics import compare

        metrics = compare(result.mean, result.unit, result.affine, truth)
        metrics["reference"] = str(reference)
        result = replace(result, report={**result.report, "metrics": metrics})
    paths = save_result(result, out)
    typer.echo(_summary(result, paths["mean"].parent))
    if not result.complete:
        raise typer.Exit(INTERRUPTED)


def _read_measurement(path: Path) -> Measurement:
    from napari_padis.scan.measurement import Measurement
    from napari_padis.scan.projections import Projections
    from napari_padis.scan.read import read

    found = read(path)
    if isinstance(found, Projections):
        raise InputError(
            f"'{path}' holds raw projections, not a measurement yet; prepare them in the window, "
            "or with 'napari-padis prepare'."
        )
    if not isinstance(found, Measurement):
        raise InputError(
            f"'{path}' is a volume, not a measurement; make one with 'napari-padis simulate'."
        )
    return found


def _read_reference(path: Path, data: Measurement, slices: tuple[int, int] | None) -> Volume:
    import numpy as np

    from napari_padis.engine.metrics import matching_slices, window_of
    from napari_padis.scan.read import read
    from napari_padis.scan.volume import Volume

    found = read(path)
    if not isinstance(found, Volume):
        raise InputError(f"The reference '{path}' is a measurement; give a volume.")
    window_of(data.unit, found)
    assert data.affine is not None
    first, last = slices or (0, data.volume_shape[0])
    affine = np.array(data.affine)
    affine[:3, 3] += first * affine[:3, 0]
    matching_slices((last - first, *data.geometry.image_shape), affine, found)
    return found


@contextmanager
def _stop_on_interrupt(control: Control) -> Iterator[None]:
    """First Ctrl-C: stop and keep the partial result; second: end at once."""

    def handle(number: int, frame: object) -> None:
        if control.stopped:
            raise KeyboardInterrupt
        typer.echo("\nStopping; press Ctrl-C again to discard everything.", err=True)
        control.stop()

    try:
        previous = signal.signal(signal.SIGINT, handle)
    except ValueError:  # not the main thread: whoever called decides about signals
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _follow(events: Iterator[Event], quiet: bool) -> Result:
    """Show the events of a run and return what it made."""
    from tqdm import tqdm

    from napari_padis.engine.events import Finished, Notice, Progress, Started

    bar = None
    try:
        for event in events:
            if isinstance(event, Started):
                typer.echo(_announcement(event), err=True)
                bar = tqdm(total=1.0, disable=quiet, bar_format=BAR, leave=False)
            elif isinstance(event, Notice):
                tqdm.write(f"Note: {event.message}", file=sys.stderr)
            elif isinstance(event, Progress) and bar is not None:
                bar.n = min(event.fraction, 1.0)
                remaining = event.remaining
                left = tqdm.format_interval(remaining) if math.isfinite(remaining) else "?"
                bar.set_postfix_str(", ".join([f"{left} left", *_numbers(event)]))
            elif isinstance(event, Finished):
                return event.result
    finally:
        if bar is not None:
            bar.close()
    raise ReconstructionError("The run ended without a result.")


def _numbers(event: Progress) -> list[str]:
    """Where the run is, as far as it is known."""
    if math.isnan(event.residual):
        return []
    # Methods without a prior count iterations and know no noise levels.
    place = f"sigma {event.sigma:.3g}"
    if math.isnan(event.sigma):
        place = f"iteration {event.level + 1}"
    return [place, f"residual {event.residual:.3g}"]


def _announcement(event: Started) -> str:
    words = [f"{' x '.join(str(n) for n in event.shape)} voxels on {event.device}"]
    if event.evaluations:
        words.append(f"{event.evaluations} network evaluations a sample")
    elif event.levels:
        words.append(f"{event.levels} iterations")
    return ", ".join([*words, f"about {event.memory / 2**20:.0f} MiB"])


def _summary(result: Result, folder: Path) -> str:
    count = len(result.samples)
    words = [f"{folder}: {count} {'sample' if count == 1 else 'samples'}"]
    if isinstance(seconds := result.report.get("seconds"), int | float):
        words.append(f"{seconds:.1f} s")
    if metrics := result.report.get("metrics"):
        axial = metrics["axial"]
        words.append(f"PSNR {axial['psnr_mean']:.2f} dB, SSIM {axial['ssim_mean']:.4f} (axial)")
    if not result.complete:
        words.append("stopped early, partial result")
    return ", ".join(words)
