"""Follow a run on the command line: progress bar, Ctrl-C, and a line at the end."""

from __future__ import annotations

import math
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from napari_padis.errors import ReconstructionError

if TYPE_CHECKING:
    from napari_padis.engine.control import Control
    from napari_padis.engine.events import Event, Progress, Result, Started

#: Share, bar, elapsed time and what :func:`follow` adds.
BAR = "{percentage:3.0f}%|{bar}| {elapsed}{postfix}"


@contextmanager
def stop_on_interrupt(control: Control) -> Iterator[None]:
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


def follow(events: Iterator[Event], quiet: bool) -> Result:
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
        each = "sample" if event.draws == 1 else f"chain of {event.draws} draws"
        words.append(f"{event.evaluations} network evaluations a {each}")
    elif event.levels:
        words.append(f"{event.levels} iterations")
    return ", ".join([*words, f"about {event.memory / 2**20:.0f} MiB"])


def summary(result: Result, folder: Path) -> str:
    """What came out, in one line, and below it what mean and standard deviation are worth."""
    count = len(result.samples)
    words = [f"{folder}: {result.title}"]
    if count > 1:
        words[0] += f" of {count} samples"
    if (chains := result.report.get("finished_chains")) and (r_hat := result.report["r_hat"]):
        worth = result.report["effective_samples"]
        words[0] += f" of {chains} chains (worth {worth:.3g}, R-hat {r_hat:.2f})"
    if isinstance(seconds := result.report.get("seconds"), int | float):
        words.append(f"{seconds:.1f} s")
    if metrics := result.report.get("metrics"):
        axial = metrics["axial"]
        words.append(f"PSNR {axial['psnr_mean']:.2f} dB, SSIM {axial['ssim_mean']:.4f} (axial)")
    if not result.complete:
        words.append("stopped early, partial result")
    about = (f"{name}: {text}" for name, text in result.about.items() if name != "variance")
    return "\n".join([", ".join(words), *about])
