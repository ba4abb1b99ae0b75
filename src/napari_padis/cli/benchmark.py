"""``napari-padis benchmark``: studies of priors on data whose truth is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from napari_padis.cli.calibration import calibration
from napari_padis.cli.errors import INTERRUPTED
from napari_padis.cli.options import output_file, output_folder
from napari_padis.cli.talk2d import talk_2d
from napari_padis.errors import InputError

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.command()(calibration)
app.command("talk-2d")(talk_2d)

#: Share, bar, elapsed and remaining time.
BAR = "{percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"

#: Training time of each entry of the ablation: with judging, three hours on two cores.
MINUTES = 8.0


@app.callback()
def options() -> None:
    """Measure priors on volumes whose truth is known; every command can be taken up again."""


Data = Annotated[
    Path, typer.Option("--data", metavar="DIR", help="Validation volumes (CT), never trained on.")
]
Slices = Annotated[
    int, typer.Option("--slices", min=1, help="Slices of each volume, spread evenly.")
]


@app.command()
def denoising(
    data: Data,
    prior: Annotated[
        list[str], typer.Option("--prior", metavar="NAME", help="Prior or its file; repeatable.")
    ],
    csv: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Table of all rows; resumed.")
    ] = None,
    json: Annotated[
        Path | None, typer.Option("--json", metavar="FILE", help="The same as JSON.")
    ] = None,
    slices: Slices = 8,
    tiling: Annotated[
        list[str] | None,
        typer.Option("--tiling", help="Instead of the priors' own: averaged, ...; repeatable."),
    ] = None,
    sigma: Annotated[
        list[float] | None,
        typer.Option("--sigma", help="Noise level on the scale [0, 1]; 0.02 to 0.5 by default."),
    ] = None,
    bm3d: Annotated[
        bool, typer.Option("--bm3d/--no-bm3d", help="Compare with BM3D too, which is slow.")
    ] = True,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "cpu",
) -> None:
    """Compare denoisers of priors with TV, NL-means and BM3D at their best."""
    path = _table(csv, json)
    if sigma and min(sigma) <= 0:
        raise InputError("--sigma must be positive.")
    from napari_padis.engine.setup import choose_device
    from napari_padis.evaluation import classical, denoising
    from napari_padis.evaluation.slices import choose_slices

    where = choose_device(device)
    contenders = [
        denoising.prior_contender(name, where, tiling=kind)
        for name in prior
        for kind in tiling or (None,)
    ]
    contenders += [classical.total_variation(), classical.nl_means()]
    if bm3d and (best := classical.bm3d()) is not None:
        contenders.append(best)
    elif bm3d:
        typer.echo("BM3D is left out: the package 'bm3d' is not installed.", err=True)
    table = denoising.open_table(path)
    chosen = choose_slices(data, slices)
    levels = sigma or denoising.SIGMAS
    _follow(denoising.compare_denoisers(contenders, chosen, table, levels))
    for line in denoising.markdown(contenders, chosen, table, levels):
        typer.echo(line)


@app.command("prior-ablation")
def prior_ablation(
    data: Annotated[Path, typer.Option("--data", metavar="DIR", help="Training volumes (CT).")],
    validation: Annotated[
        Path, typer.Option("--validation", metavar="DIR", help="Volumes never trained on.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Tables, picture, priors; resumed.")
    ],
    minutes: Annotated[
        float | None,
        typer.Option("--minutes", help="Training time of each entry (8 by default)."),
    ] = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", min=1, help="Training steps instead: equal numbers of pixels."),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="FILE", help="Settings as JSON.")
    ] = None,
    entry: Annotated[
        list[str] | None, typer.Option("--entry", metavar="NAME", help="Only this; repeatable.")
    ] = None,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "cpu",
) -> None:
    """Train small priors that differ in one thing each, and compare them."""
    if minutes is not None and steps is not None:
        raise InputError("Give --minutes or --steps, not both.")
    if minutes is not None and not minutes > 0:
        raise InputError("--minutes must be positive.")
    from napari_padis.evaluation.ablation_settings import AblationSettings, read_settings

    settings = read_settings(config) if config else AblationSettings()
    output_folder(out)
    from tqdm import tqdm

    from napari_padis.engine.setup import choose_device
    from napari_padis.evaluation import ablation_report
    from napari_padis.evaluation.ablation import Ablation, read_data

    where = str(choose_device(device))
    minutes = MINUTES if minutes is None and steps is None else minutes
    study = Ablation(
        read_data(data, validation, out, settings), settings, out, minutes, steps, where
    )
    with _resumable(), tqdm(total=1.0, bar_format=BAR) as bar:

        def report(name: str, what: str, share: float) -> None:
            bar.n = share
            bar.set_postfix_str(f" {name}, {what}")

        try:
            study.run(report, entry or ())
        finally:
            rows = study.summary.rows
            if rows:
                ablation_report.draw(rows, settings, out / "ablation.png")
    for line in ablation_report.markdown(rows, settings):
        typer.echo(line)


@app.command()
def samples(
    prior: Annotated[str, typer.Option("--prior", metavar="NAME", help="Prior or its file.")],
    out: Annotated[
        Path,
        typer.Option("--out", metavar="FILE", help="Contact sheet (.png); images lie beside it."),
    ],
    count: Annotated[int, typer.Option("--count", min=1, max=100, help="How many.")] = 16,
    shape: Annotated[tuple[int, int], typer.Option("--shape", help="Rows, columns.")] = (256, 256),
    levels: Annotated[int, typer.Option("--levels", min=2, help="Noise levels.")] = 100,
    inner: Annotated[int, typer.Option("--inner", min=1, help="Evaluations at each.")] = 3,
    epsilon: Annotated[float, typer.Option("--epsilon", help="Langevin step.")] = 1.0,
    sigma_max: Annotated[
        float | None, typer.Option("--sigma-max", help="First noise level; the prior's.")
    ] = None,
    window: Annotated[
        tuple[float, float] | None,
        typer.Option("--window", help="Values shown black and white; the prior's range."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the first image.")] = 0,
    device: Annotated[str, typer.Option("--device", help="auto, cpu or cuda.")] = "cpu",
) -> None:
    """Show images that a prior makes from pure noise, without any data."""
    path = output_file(out, (".png",))
    if min(shape) < 8:
        raise InputError(f"Images of {shape[0]} x {shape[1]} pixels are too small; give 8 or more.")
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.catalogue import find_prior
    from napari_padis.scan.units import Scale

    card = PriorCard.load(find_prior(prior))
    shown = Scale(*window, card.unit) if window else card.scale
    from napari_padis.engine.setup import choose_device
    from napari_padis.evaluation import samples as study

    settings = study.Generation(
        prior, shape, levels, inner, epsilon, sigma_max=sigma_max, seed=seed
    )
    folder = path.with_suffix("")
    try:
        _follow(study.generate(settings, count, folder, choose_device(device)))
    finally:
        if images := study.kept_images(folder, count):
            title = f"{card.name}, {shown.low:g} to {shown.high:g} {card.unit}"
            study.contact_sheet(images, path, shown, title=title)
            typer.echo(f"{path}: {len(images)} images from {levels * inner} evaluations each")


def _table(csv: Path | None, json: Path | None) -> Path:
    """The one file that was named."""
    if (csv is None) == (json is None):
        raise InputError("Name one file for the table, with --csv or with --json.")
    return output_file(csv, (".csv",)) if csv is not None else output_file(json, (".json",))  # type: ignore[arg-type]


@contextmanager
def _resumable() -> Iterator[None]:
    """Say after Ctrl-C that nothing is lost, and end."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nStopped; the same command goes on from here.", err=True)
        raise typer.Exit(INTERRUPTED) from None


def _follow(steps: Iterable[tuple[int, int]]) -> None:
    """Run a study with a bar."""
    from tqdm import tqdm

    with _resumable(), tqdm(total=1, bar_format=BAR) as bar:
        for done, total in steps:
            bar.total = total
            bar.n = done
            bar.refresh()
