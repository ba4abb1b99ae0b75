"""``napari-padis benchmark calibration``: whether the samples' spread is the error that is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_padis.cli.options import output_file
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.evaluation.calibration_study import Contestant, Setting
    from napari_padis.evaluation.ledger import Row
    from napari_padis.evaluation.slices import ChosenSlices
    from napari_padis.prior.card import PriorCard

#: Share, bar, elapsed and remaining time.
BAR = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}"


def calibration(
    data: Annotated[
        Path,
        typer.Option("--data", metavar="DIR", help="Validation volumes (CT), never trained on."),
    ],
    json: Annotated[
        Path, typer.Option("--json", metavar="FILE", help="Table of all slices (.json); resumed.")
    ],
    csv: Annotated[
        Path | None,
        typer.Option(
            "--csv",
            metavar="FILE",
            help="Figures of each slice (.csv); NAME-pooled.csv beside it has all together.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", metavar="FILE", help="Picture of the calibration (.png, .svg)."),
    ] = None,
    method: Annotated[
        list[str] | None,
        typer.Option(
            "--method",
            metavar="NAME[,KEY=VALUE...]",
            help="Method with settings of its own, 'steps' and 'prior' among them; repeatable.",
        ),
    ] = None,
    prior: Annotated[
        str, typer.Option("--prior", metavar="NAME", help="Prior or its file.")
    ] = "ct-small",
    samples: Annotated[int, typer.Option("--samples", min=4, help="Samples of each slice.")] = 16,
    slices: Annotated[
        int, typer.Option("--slices", min=1, help="Slices of each volume, spread evenly.")
    ] = 4,
    views: Annotated[int, typer.Option("--views", min=1, help="Views over 180 degrees.")] = 20,
    noise: Annotated[
        float, typer.Option("--noise", min=0, help="Sigma as a share of the data's RMS.")
    ] = 0.005,
    seed: Annotated[int, typer.Option("--seed", help="Seed of noise and samples.")] = 0,
    size: Annotated[
        int, typer.Option("--size", min=0, help="Average slices down, for quick trials; 0: not.")
    ] = 0,
    chains: Annotated[
        int | None, typer.Option("--chains", min=1, help="Samples made together.")
    ] = None,
    keep: Annotated[
        Path | None,
        typer.Option("--keep", metavar="DIR", help="Keep the samples there, and go on with them."),
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "auto",
    recalibrate: Annotated[
        Path | None,
        typer.Option(
            "--recalibrate",
            metavar="CARD",
            help="Write what the standard deviation must be multiplied by into this prior's card "
            "(.json), for runs like these.",
        ),
    ] = None,
    report: Annotated[
        bool,
        typer.Option("--report", help="Report what the table holds; reconstruct nothing."),
    ] = False,
) -> None:
    """Measure coverage of intervals and error against predicted spread on real slices."""
    path = output_file(json, (".json",))
    for other, endings in ((csv, (".csv",)), (plot, (".png", ".svg")), (recalibrate, (".json",))):
        if other is not None:
            output_file(other, endings)
    from tqdm import tqdm

    from napari_padis.evaluation import calibration_study as study
    from napari_padis.evaluation.calibration_csv import export, open_tables
    from napari_padis.evaluation.calibration_plot import draw
    from napari_padis.evaluation.calibration_report import markdown
    from napari_padis.evaluation.slices import choose_slices
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.catalogue import find_prior

    contestants = [study.Contestant.parse(name) for name in method or ["padis-calibrated"]]
    if len({c.label for c in contestants}) < len(contestants):
        raise InputError("The same method was named twice: name each method once.")
    setting = study.Setting(prior, samples, views, noise, seed, size, device, chains, keep)
    for name in (prior, *(contestant.prior_in(setting) for contestant in contestants)):
        find_prior(name)
    # A file that cannot take the figures is told of before the hours of work.
    card = PriorCard.load(recalibrate) if recalibrate is not None else None
    figures = open_tables(csv) if csv is not None else None
    chosen, table = choose_slices(data, slices, size or None), study.open_table(path)
    if not report:
        with tqdm(total=1, bar_format=BAR) as bar:
            for done, total in study.judge(contestants, chosen, setting, table):
                bar.total, bar.n = total, done
                bar.refresh()
    for line in markdown(contestants, chosen, setting, table):
        typer.echo(line)
    found = study.judged(contestants, chosen, setting, table)
    if figures is not None:
        export(figures, found)
    if recalibrate is not None and card is not None and found:
        _recalibrate(recalibrate, card, contestants, chosen, setting, found)
    if plot is not None and found:
        draw({label: study.pooled(rows) for label, rows in found.items()}, plot, str(setting))


def _recalibrate(
    path: Path,
    card: PriorCard,
    contestants: Sequence[Contestant],
    chosen: Sequence[ChosenSlices],
    setting: Setting,
    found: Mapping[str, Sequence[Row]],
) -> None:
    """Write the map of every method into the card, and say what it is worth."""
    from napari_padis.evaluation import recalibration as maps
    from napari_padis.scan.units import scale_in

    methods = {contestant.label: contestant.method for contestant in contestants}
    made = {
        label: (maps.recalibration(rows, methods[label], chosen, setting, card), rows)
        for label, rows in found.items()
    }
    for line in maps.lines(made, scale_in(card.scale, "HU").width):
        typer.echo(line)
    maps.keep(path, [one for one, _ in made.values()])
