"""Entry point ``napari-padis``: the commands and nothing else."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_padis import __version__
from napari_padis.cli import (
    benchmark,
    catalogue,
    demo,
    inspect,
    prepare,
    priors,
    reconstruct,
    sample,
    simulate,
    train,
)
from napari_padis.cli.errors import OneSentenceGroup

app = typer.Typer(
    cls=OneSentenceGroup,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"napari-padis {__version__}")
        raise typer.Exit()


@app.callback()
def options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_version, is_eager=True, help="Show the version and end."
        ),
    ] = False,
    debug: Annotated[
        bool,
        typer.Option("--debug", help="Show tracebacks; allowed anywhere on the line."),
    ] = False,
) -> None:
    """Posterior sampling with patch diffusion priors for tomography."""


app.command()(demo.demo)
app.command()(simulate.simulate)
app.command()(sample.sample)
app.command()(prepare.prepare)
app.command()(reconstruct.reconstruct)
app.command()(train.train)
app.command()(catalogue.methods)
app.command()(catalogue.forwards)
app.add_typer(priors.app, name="priors")
app.command()(inspect.read)
app.add_typer(benchmark.app, name="benchmark")


def main() -> None:
    """Run the command line."""
    app()
