"""``napari-padis simulate``: the measurement of a volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli.models import AXES, NOISE, check_options, default
from napari_padis.cli.options import UnitOption, in_unit, output_file, parse_steps
from napari_padis.errors import InputError
from napari_padis.likelihood import settings as standard

if TYPE_CHECKING:
    from napari_padis.likelihood.settings import Grid
    from napari_padis.scan.geometry import Geometry
    from napari_padis.scan.measurement import Measurement
    from napari_padis.scan.volume import Volume


def _option(flag: str, text: str, metavar: str | None = None) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(flag, help=text, metavar=metavar)
    return option


def simulate(
    volume: Annotated[Path, typer.Argument(help="Volume file or DICOM folder.")],
    out: Annotated[Path, _option("--out", "Measurement to write.", "FILE.h5")],
    forward: Annotated[
        str, _option("--forward", "Forward model; see 'forwards'.", "NAME")
    ] = "parallel",
    slices: Annotated[
        str | None,
        _option("--slices", "Only slices A to B-1, every STEP-th.", "A:B[:STEP]"),
    ] = None,
    views: Annotated[
        int | None, _option("--views", f"CT: number of views; {default('views')}.")
    ] = None,
    detectors: Annotated[
        int | None,
        _option("--detectors", f"CT: detector bins; {default('detectors')}, cone twice the image."),
    ] = None,
    arc: Annotated[
        float | None,
        _option("--arc", f"CT: degrees the views cover; {default('arc')}."),
    ] = None,
    angles: Annotated[
        Path | None,
        _option("--angles", "CT: list of view angles, degrees unless it says radians.", "FILE"),
    ] = None,
    source_origin: Annotated[
        float | None,
        _option(
            "--source-origin", "fan, cone: mm from source to rotation axis; two image diagonals."
        ),
    ] = None,
    source_detector: Annotated[
        float | None,
        _option(
            "--source-detector",
            f"fan, cone: mm from source to detector; {standard.MAGNIFICATION:g} x the former.",
        ),
    ] = None,
    curved: Annotated[bool, _option("--curved", "fan: curved detector.")] = False,
    detector_rows: Annotated[
        int | None, _option("--detector-rows", "cone: detector rows; twice the slices.")
    ] = None,
    feed: Annotated[
        float | None,
        _option("--feed", f"cone: mm along the patient in a turn (helix); {default('feed')}."),
    ] = None,
    mask: Annotated[
        str | None,
        _option(
            "--mask",
            f"cartesian: equispaced, random or poisson samples; {default('mask')}.",
            "NAME",
        ),
    ] = None,
    acceleration: Annotated[
        float | None,
        _option("--acceleration", f"cartesian: one sample in so many; {default('acceleration')}."),
    ] = None,
    centre: Annotated[
        int | None,
        _option(
            "--centre",
            f"cartesian: fully sampled columns; {100 * standard.CENTRE:g} % / acceleration.",
        ),
    ] = None,
    coils: Annotated[
        int | None, _option("--coils", f"cartesian: receive coils; {default('coils')}.")
    ] = None,
    phase: Annotated[
        float | None,
        _option("--phase", "cartesian: smooth random phase in radians; 0."),
    ] = None,
    kernel: Annotated[
        str | None,
        _option("--kernel", f"blur: uniform or gaussian; {default('kernel')}.", "NAME"),
    ] = None,
    size: Annotated[
        int | None,
        _option(
            "--size",
            f"blur: side of the kernel in pixels, odd; {standard.UNIFORM_SIZE}, Gaussian 3 sigma "
            "to each side.",
        ),
    ] = None,
    width: Annotated[
        float | None,
        _option("--width", f"blur: sigma of the Gaussian in pixels; {default('width')}."),
    ] = None,
    factor: Annotated[
        int | None,
        _option(
            "--factor",
            f"downsample: side of a coarse pixel; {standard.FACTOR} where that divides the image.",
        ),
    ] = None,
    missing: Annotated[
        float | None,
        _option("--missing", f"mask: share of missing pixels; {default('missing')}."),
    ] = None,
    sigma: Annotated[
        float | None,
        _option("--sigma", "Gaussian noise: standard deviation in the data's unit."),
    ] = None,
    sigma_relative: Annotated[
        float | None,
        _option("--sigma-relative", "The same as a share of the data's RMS."),
    ] = None,
    photons: Annotated[
        float | None, _option("--photons", "CT: Poisson noise, photons per ray.", "I0")
    ] = None,
    electronic: Annotated[
        float | None,
        _option("--electronic", "CT: electronic noise in photons, with --photons."),
    ] = None,
    seed: Annotated[int, _option("--seed", "Seed of noise, masks and phase.")] = 0,
    unit: UnitOption = None,
) -> None:
    """Simulate the measurement of a volume and write it as HDF5."""
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("volume", "out", "forward", "slices", "seed", "unit")
        # Zero is a value; a flag that is not set is none.
        and value is not None
        and value is not False
    }
    from napari_padis.likelihood.design import design
    from napari_padis.likelihood.registry import find_forward
    from napari_padis.scan.read import read
    from napari_padis.scan.volume import Volume
    from napari_padis.scan.write import write

    find_forward(forward)
    _check_noise(given)
    check_options(forward, given)
    output_file(out, (".h5", ".hdf5"))
    found = in_unit(read(volume), unit)
    if not isinstance(found, Volume):
        raise InputError(f"'{volume}' is a measurement already; give a volume.")
    chosen = parse_steps(slices, found.shape[0])
    geometry = design(forward, _settings(given), _grid(found, chosen), seed)
    measurement = _measure(found, geometry, given, seed, chosen)
    for note in (*_told(found, unit), *measurement.provenance["notes"]):
        typer.echo(f"Note: {note}", err=True)
    write(out, measurement)
    typer.echo(f"{out}: {_summary(measurement)}")


def _told(volume: Volume, unit: str | None) -> list[str]:
    """What is not known of a volume, nor of what is simulated from it.

    The unit that was stated, and one that nothing tells, are told by the simulation.
    """
    from napari_padis.scan.intensity import STATED, UNSTATED

    known = (STATED,) if unit else (UNSTATED,) if volume.unit == "arbitrary" else ()
    return [note for note in volume.notes if not note.startswith(known)]


def _check_noise(given: dict[str, Any]) -> None:
    if len({"sigma", "sigma_relative", "photons"} & set(given)) > 1:
        raise InputError("Give only one of --sigma, --sigma-relative and --photons.")
    if "electronic" in given and "photons" not in given:
        raise InputError("Electronic noise needs the number of photons: add --photons.")


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """What the geometry depends on, with the view angles of a file."""
    from napari_padis.cli.angles import read_angles

    settings = {name: value for name, value in given.items() if name not in NOISE}
    if "angles" in settings:
        settings["angles"] = read_angles(settings["angles"])
    return settings


def _grid(volume: Volume, chosen: slice | None) -> Grid:
    from napari_padis.likelihood.settings import Grid

    count = len(range(volume.shape[0])[chosen or slice(None)])
    step = chosen.step if chosen and count > 1 else 1
    apart, *pixel = volume.spacing
    return Grid((count, *volume.shape[1:]), (apart * step, pixel[0], pixel[1]))


def _measure(
    volume: Volume, geometry: Geometry, given: dict[str, Any], seed: int, chosen: slice | None
) -> Measurement:
    import logging

    from napari_padis.likelihood.simulated_noise import add_noise, root_mean_square
    from napari_padis.likelihood.simulation import simulate as measure
    from napari_padis.scan.measurement import Noise

    # What it logs stands in the measurement's notes, which are told.
    logging.getLogger(measure.__module__).addHandler(logging.NullHandler())
    clean = measure(volume, geometry, seed=seed, slices=chosen, phase=given.get("phase", 0.0))
    if "photons" in given:
        electronic = given.get("electronic", 0.0)
        return add_noise(clean, Noise("poisson", None, given["photons"], electronic), seed)
    sigma = given.get("sigma")
    if "sigma_relative" in given:
        sigma = given["sigma_relative"] * root_mean_square(clean)
    return add_noise(clean, Noise("gaussian", sigma), seed) if sigma else clean


def _summary(measurement: Measurement) -> str:
    shape = " x ".join(str(n) for n in measurement.data.shape)
    axes = ", ".join(AXES[measurement.geometry.kind])
    unit = "" if measurement.image_unit in ("1/mm", "arbitrary") else f" {measurement.unit}"
    return f"{shape} ({axes}), noise {measurement.noise.sigma or 0.0:.4g}{unit}"
