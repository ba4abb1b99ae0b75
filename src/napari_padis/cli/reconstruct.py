"""``napari-padis reconstruct``: a volume with its uncertainty from a measurement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_padis.cli.errors import INTERRUPTED
from napari_padis.cli.following import follow, stop_on_interrupt, summary
from napari_padis.cli.options import (
    UNIT_HELP,
    in_unit,
    output_folder,
    parse_options,
    parse_slices,
)
from napari_padis.cli.regions import read_question
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.scan.measurement import Measurement
    from napari_padis.scan.volume import Volume


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
        int | None,
        typer.Option(
            "--samples",
            help="Posterior samples, or chains of N draws each with '--option draws=N'; default "
            "of the method.",
        ),
    ] = None,
    chains: Annotated[
        int | None,
        typer.Option("--chains", help="Samples made together; as many as fit when missing."),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            "--store",
            metavar="DIR",
            help="Put samples there (Zarr) as they are finished, not into memory; "
            "the same command goes on after an interruption.",
        ),
    ] = None,
    quantiles: Annotated[
        bool,
        typer.Option("--quantiles/--no-quantiles", help="5, 50, 95 % quantiles of 10+ samples."),
    ] = True,
    null_space: Annotated[
        bool | None,
        typer.Option(
            "--null-space/--no-null-space",
            help="Share of the variance that the data do not see; by default if it is quick.",
        ),
    ] = None,
    recalibrate: Annotated[
        bool | None,
        typer.Option(
            "--recalibrate/--no-recalibrate",
            help="Correct the standard deviation by what the prior's card says of runs like this; "
            "by default where it was measured.",
        ),
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
    tiling: Annotated[
        str | None,
        typer.Option(
            "--tiling",
            metavar="NAME",
            help="How images are cut for the prior: shifted, fixed, averaged, stitched or whole.",
        ),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("--option", metavar="KEY=VALUE", help="Setting of the method; repeatable."),
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option("--reference", metavar="VOLUME", help="Truth, for PSNR and SSIM."),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="UNIT", help=f"Intensity unit of the reference: {UNIT_HELP}"
        ),
    ] = None,
    regions: Annotated[
        Path | None,
        typer.Option("--regions", metavar="VOLUME", help="Mask or labels on the same grid."),
    ] = None,
    exceeds: Annotated[
        float | None,
        typer.Option(
            "--exceeds",
            metavar="VALUE",
            help="Report how surely the mean of each region exceeds this value.",
        ),
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
        chains=chains,
        quantiles=quantiles,
        null_space=null_space,
        recalibrate=recalibrate,
        steps=steps,
        seed=seed,
        device=device,
        sigma_y=sigma_y,
        slices=parse_slices(slices, data.volume_shape[0]),
        backend=backend,
        tiling=tiling,
        options=parse_options(option),
        measurement=str(measurement),
    )
    if unit is not None and reference is None:
        raise InputError("--unit is the unit of the reference; give --reference as well.")
    # Looked at first: nobody wants to hear after an hour that the reference does not fit.
    truth = None if reference is None else _read_reference(reference, unit, data, recipe.slices)
    question = read_question(regions, exceeds, chosen, recipe, data)
    output_folder(out)

    from napari_padis.engine.run import run

    control = Control()
    with stop_on_interrupt(control):
        result = follow(run(recipe, data, control, store), quiet)
    if truth is not None:
        from napari_padis.engine.metrics import compare

        metrics = compare(result.mean, result.unit, result.affine, truth)
        metrics["reference"] = str(reference)
        result = replace(result, report={**result.report, "metrics": metrics})
    if question is not None:
        result = replace(result, report={**result.report, "regions": question.answers(result)})
    paths = save_result(result, out)
    typer.echo(summary(result, paths["mean"].parent))
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


def _read_reference(
    path: Path, unit: str | None, data: Measurement, slices: tuple[int, int] | None
) -> Volume:
    import numpy as np

    from napari_padis.engine.metrics import matching_slices, window_of
    from napari_padis.scan.read import read
    from napari_padis.scan.volume import Volume

    found = in_unit(read(path), unit)
    if not isinstance(found, Volume):
        raise InputError(f"The reference '{path}' is a measurement; give a volume.")
    window_of(data.unit, found)
    assert data.affine is not None
    first, last = slices or (0, data.volume_shape[0])
    affine = np.array(data.affine)
    affine[:3, 3] += first * affine[:3, 0]
    matching_slices((last - first, *data.geometry.image_shape), affine, found)
    return found
