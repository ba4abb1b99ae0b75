"""``napari-padis simulate``: a sinogram from a volume."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_padis.cli.options import output_file, parse_steps
from napari_padis.errors import InputError


def simulate(
    volume: Annotated[Path, typer.Argument(help="Volume file or DICOM folder.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.h5", help="Measurement to write.")],
    forward: Annotated[
        str, typer.Option("--forward", metavar="NAME", help="Forward model; see 'forwards'.")
    ] = "parallel",
    views: Annotated[int, typer.Option("--views", help="Views over 180 degrees.")] = 20,
    detectors: Annotated[int, typer.Option("--detectors", help="Detector bins.")] = 512,
    slices: Annotated[
        str | None,
        typer.Option("--slices", metavar="A:B[:STEP]", help="Only slices A to B-1, every STEP-th."),
    ] = None,
    sigma: Annotated[
        float | None,
        typer.Option("--sigma", help="Gaussian noise: standard deviation of the line integrals."),
    ] = None,
    sigma_relative: Annotated[
        float | None,
        typer.Option("--sigma-relative", help="The same as a share of the sinogram's RMS."),
    ] = None,
    photons: Annotated[
        float | None,
        typer.Option("--photons", metavar="I0", help="Poisson noise: photons per ray."),
    ] = None,
    electronic: Annotated[
        float, typer.Option("--electronic", help="Electronic noise in photons, with --photons.")
    ] = 0.0,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the noise.")] = 0,
) -> None:
    """Simulate the measurement of a volume and write it as HDF5."""
    from napari_padis.likelihood import FORWARDS
    from napari_padis.scan.geometry import ParallelGeometry
    from napari_padis.scan.measurement import Noise
    from napari_padis.scan.read import read
    from napari_padis.scan.volume import Volume
    from napari_padis.scan.write import write

    if forward not in FORWARDS:
        raise InputError(
            f"There is no forward model '{forward}'. Choose one of: {', '.join(FORWARDS)}."
        )
    if sum(given is not None for given in (sigma, sigma_relative, photons)) > 1:
        raise InputError("Give only one of --sigma, --sigma-relative and --photons.")
    if electronic and photons is None:
        raise InputError("Electronic noise needs the number of photons: add --photons.")
    output_file(out, (".h5", ".hdf5"))
    found = read(volume)
    if not isinstance(found, Volume):
        raise InputError(f"'{volume}' is a measurement already; give a volume.")
    chosen = parse_steps(slices, found.shape[0])
    geometry = ParallelGeometry.standard(
        views,
        image_shape=found.shape[1:],
        pixel=found.spacing[1:],
        slice_spacing=found.spacing[0],
        detectors=detectors,
    )

    from napari_padis.likelihood import sigma_from_rms
    from napari_padis.likelihood import simulate as measure

    if sigma_relative is not None:
        import torch

        clean = measure(found, geometry, noise=Noise(kind="none"), slices=chosen)
        sigma = sigma_from_rms(torch.from_numpy(clean.data), sigma_relative)
    if photons is not None:
        noise = Noise(kind="poisson", photons=photons, electronic=electronic)
    elif sigma:
        noise = Noise(kind="gaussian", sigma=sigma)
    else:
        noise = Noise(kind="none")
    measurement = measure(found, geometry, noise=noise, seed=seed, slices=chosen)
    write(out, measurement)
    shape = " x ".join(str(n) for n in measurement.data.shape)
    level = measurement.noise.sigma or 0.0
    typer.echo(f"{out}: {shape} (slices, views, bins), noise {level:.4g}")
