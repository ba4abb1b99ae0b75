"""``napari-padis simulate``: the measurement of a volume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from napari_padis.cli.models import AXES
from napari_padis.cli.options import output_file, parse_steps
from napari_padis.errors import InputError

if TYPE_CHECKING:
    from napari_padis.cli.geometry import Grid
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
    views: Annotated[int | None, _option("--views", "CT: number of views; 20.")] = None,
    detectors: Annotated[
        int | None,
        _option("--detectors", "CT: detector bins; 512, cone beam twice the image."),
    ] = None,
    arc: Annotated[
        float | None,
        _option("--arc", "CT: degrees the views cover; 180, fan and cone 360."),
    ] = None,
    angles: Annotated[
        Path | None,
        _option("--angles", "CT: text file of view angles in degrees.", "FILE"),
    ] = None,
    source_origin: Annotated[
        float | None,
        _option("--source-origin", "fan, cone: mm from source to rotation axis."),
    ] = None,
    source_detector: Annotated[
        float | None,
        _option("--source-detector", "fan, cone: mm from source to detector."),
    ] = None,
    curved: Annotated[bool, _option("--curved", "fan: curved detector.")] = False,
    detector_rows: Annotated[
        int | None, _option("--detector-rows", "cone: detector rows; twice the slices.")
    ] = None,
    mask: Annotated[
        str | None,
        _option("--mask", "cartesian: equispaced, random or poisson samples.", "NAME"),
    ] = None,
    acceleration: Annotated[
        float | None, _option("--acceleration", "cartesian: one sample in so many; 4.")
    ] = None,
    centre: Annotated[
        int | None,
        _option("--centre", "cartesian: fully sampled columns; 32 % / acceleration."),
    ] = None,
    coils: Annotated[int | None, _option("--coils", "cartesian: receive coils; 1.")] = None,
    phase: Annotated[
        float | None,
        _option("--phase", "cartesian: smooth random phase in radians; 0."),
    ] = None,
    kernel: Annotated[str | None, _option("--kernel", "blur: uniform or gaussian.", "NAME")] = None,
    size: Annotated[
        int | None, _option("--size", "blur: side of the kernel in pixels, odd; 9.")
    ] = None,
    width: Annotated[
        float | None, _option("--width", "blur: sigma of the Gaussian in pixels; 2.")
    ] = None,
    factor: Annotated[
        int | None, _option("--factor", "downsample: side of a coarse pixel; 4.")
    ] = None,
    missing: Annotated[
        float | None, _option("--missing", "mask: share of missing pixels; 0.5.")
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
) -> None:
    """Simulate the measurement of a volume and write it as HDF5."""
    given = {
        name: value
        for name, value in locals().items()
        if name not in ("volume", "out", "forward", "slices", "seed")
        # Zero is a value; a flag that is not set is none.
        and value is not None
        and value is not False
    }
    from napari_padis.cli.geometry import make_geometry
    from napari_padis.likelihood.registry import find_forward
    from napari_padis.scan.read import read
    from napari_padis.scan.volume import Volume
    from napari_padis.scan.write import write

    find_forward(forward)
    _check_noise(given)
    output_file(out, (".h5", ".hdf5"))
    found = read(volume)
    if not isinstance(found, Volume):
        raise InputError(f"'{volume}' is a measurement already; give a volume.")
    chosen = parse_steps(slices, found.shape[0])
    geometry = make_geometry(forward, given, _grid(found, chosen), seed)
    measurement = _measure(found, geometry, given, seed, chosen)
    write(out, measurement)
    typer.echo(f"{out}: {_summary(measurement)}")


def _check_noise(given: dict[str, Any]) -> None:
    if len({"sigma", "sigma_relative", "photons"} & set(given)) > 1:
        raise InputError("Give only one of --sigma, --sigma-relative and --photons.")
    if "electronic" in given and "photons" not in given:
        raise InputError("Electronic noise needs the number of photons: add --photons.")


def _grid(volume: Volume, chosen: slice | None) -> Grid:
    from napari_padis.cli.geometry import Grid

    count = len(range(volume.shape[0])[chosen or slice(None)])
    step = chosen.step if chosen and count > 1 else 1
    apart, *pixel = volume.spacing
    return Grid((count, *volume.shape[1:]), (apart * step, pixel[0], pixel[1]))


def _measure(
    volume: Volume, geometry: Geometry, given: dict[str, Any], seed: int, chosen: slice | None
) -> Measurement:
    from napari_padis.likelihood.simulated_noise import add_noise
    from napari_padis.likelihood.simulation import simulate as measure
    from napari_padis.scan.measurement import Noise

    clean = measure(volume, geometry, seed=seed, slices=chosen, phase=given.get("phase", 0.0))
    if "photons" in given:
        electronic = given.get("electronic", 0.0)
        return add_noise(clean, Noise("poisson", None, given["photons"], electronic), seed)
    sigma = given.get("sigma")
    if "sigma_relative" in given:
        import torch

        from napari_padis.likelihood.noise import sigma_from_rms

        sigma = sigma_from_rms(torch.from_numpy(clean.data), given["sigma_relative"])
    return add_noise(clean, Noise("gaussian", sigma), seed) if sigma else clean


def _summary(measurement: Measurement) -> str:
    shape = " x ".join(str(n) for n in measurement.data.shape)
    axes = ", ".join(AXES[measurement.geometry.kind])
    unit = "" if measurement.image_unit in ("1/mm", "arbitrary") else f" {measurement.unit}"
    return f"{shape} ({axes}), noise {measurement.noise.sigma or 0.0:.4g}{unit}"
