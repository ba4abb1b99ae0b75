"""``napari-padis demo``: the sample torso, reconstructed live."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_padis.cli.options import output_folder


def demo(
    headless: Annotated[
        bool,
        typer.Option("--headless", help="Take screenshots, write files and end."),
    ] = False,
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="Receives screenshots and NIfTI files.")
    ] = Path("demo-output"),
) -> None:
    """Reconstruct the sample torso from 20 views in a napari window."""
    from napari_padis.gui.demo import run_demo

    run_demo(output_folder(out), headless)
