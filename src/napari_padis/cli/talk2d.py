"""``napari-padis benchmark talk-2d``: the talk's tables on slices whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_padis.cli.errors import FAILED, INTERRUPTED
from napari_padis.cli.options import output_file

#: Share, bar, elapsed and remaining time.
BAR = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"


def talk_2d(
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DIR", help="Validation volumes (CT), never trained on."),
    ],
    json: Annotated[
        Path, typer.Option("--json", metavar="FILE", help="Table of all slices (.json); resumed.")
    ],
    methods: Annotated[
        str | None, typer.Option("--methods", metavar="A,B", help="Only these, in this order.")
    ] = None,
    tasks: Annotated[
        str | None, typer.Option("--tasks", metavar="A,B", help="Only these, ct-20 for instance.")
    ] = None,
    slices: Annotated[int, typer.Option("--slices", min=1, help="Slices of all volumes.")] = 12,
    prior: Annotated[
        str, typer.Option("--prior", metavar="NAME", help="Prior or its file.")
    ] = "ct-small",
    whole_prior: Annotated[
        str | None,
        typer.Option("--whole-prior", metavar="NAME", help="Prior of whole images, for 'whole'."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option("--samples", min=1, help="Judge the mean of so many; the method's default."),
    ] = None,
    size: Annotated[
        int | None, typer.Option("--size", min=8, help="Average slices down, for quick trials.")
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="Evaluations or iterations, for quick trials."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of noise and samples.")] = 0,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
) -> None:
    """Compare methods on the tasks of the talk, with its figures beside."""
    path = output_file(json, (".json",))
    from tqdm import tqdm

    from napari_padis.evaluation import talk2d
    from napari_padis.evaluation.talk2d_entries import find_entries
    from napari_padis.evaluation.talk2d_report import markdown
    from napari_padis.evaluation.talk2d_tasks import find_tasks, talk_slices

    setting = talk2d.Setting(prior, whole_prior, samples, steps, seed, device)
    which, entries = find_tasks(_names(tasks)), find_entries(_names(methods))
    table = talk2d.open_table(path)
    study = talk2d.Study(which, entries, talk_slices(data, slices, size), setting, table)
    try:
        # No smoothing: the work is weighted, and the rate that matters is the mean one.
        with tqdm(total=1, bar_format=BAR, mininterval=0.5, smoothing=0) as bar:
            for state in study.run():
                bar.total = state.total
                bar.set_postfix_str(state.what, refresh=False)
                bar.update(state.done - bar.n)
    except KeyboardInterrupt:
        typer.echo("\nStopped; the same command goes on from here.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    for line in markdown(study):
        typer.echo(line)
    if study.failures:
        raise typer.Exit(FAILED)


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]
