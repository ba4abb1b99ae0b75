"""``napari-padis sample``: a sample volume as a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_padis.cli.options import output_file
from napari_padis.errors import InputError

NAMES = ("torso", "shepp-logan", "ct-slice", "ellipses")


def sample(
    name: Annotated[str, typer.Argument(help=f"One of {', '.join(NAMES)}.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="NIfTI or TIFF to write.")],
    slices: Annotated[
        int | None, typer.Option("--slices", help="Number of slices of 'ellipses' (512).")
    ] = None,
    seed: Annotated[
        int | None, typer.Option("--seed", help="Seed of 'ellipses' and 'torso' (0).")
    ] = None,
) -> None:
    """Write a sample volume: phantoms to try things on, or random ellipses to train on."""
    from napari_padis.scan import samples
    from napari_padis.scan.write import write

    if name not in NAMES:
        raise InputError(f"There is no sample '{name}'. Choose one of: {', '.join(NAMES)}.")
    if slices is not None and name != "ellipses":
        raise InputError(f"The number of slices of '{name}' is fixed; leave out --slices.")
    if seed is not None and name not in ("ellipses", "torso"):
        raise InputError(f"Nothing in '{name}' is random; leave out --seed.")
    output_file(out, (".nii", ".nii.gz", ".tif", ".tiff"))
    if name == "ellipses":
        volume = samples.random_ellipses(512 if slices is None else slices, seed=seed or 0)
    elif name == "torso":
        volume = samples.torso(seed=seed or 0)
    else:
        volume = samples.shepp_logan_3d() if name == "shepp-logan" else samples.ct_small()
    write(out, volume)
    typer.echo(f"{out}: {' x '.join(str(n) for n in volume.shape)} voxels, {volume.unit}")
