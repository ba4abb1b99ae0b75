"""``napari-padis methods | forwards``: what there is to choose from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="As JSON, with all details.")]


def methods(as_json: Json = False) -> None:
    """List the reconstruction methods."""
    from napari_padis.posterior.methods import METHODS

    show(
        [
            {
                "name": method.name,
                "title": method.title,
                "description": method.description,
                "steps": method.default_steps,
                "samples": method.default_samples,
                "needs_prior": method.needs_prior,
                "calibrated": method.calibrated,
                "comparison": method.comparison,
                "options": dict(method.options),
            }
            for method in METHODS.values()
        ],
        as_json,
    )


def forwards(as_json: Json = False) -> None:
    """List the forward models."""
    from napari_padis.likelihood import FORWARDS

    show(
        [
            {
                "name": name,
                "title": forward.title,
                "description": forward.description,
                "backends": forward.backends,
            }
            for name, forward in FORWARDS.items()
        ],
        as_json,
    )


def show(entries: list[Mapping[str, Any]], as_json: bool) -> None:
    """Print entries with a name, a title and a description, or all of them as JSON."""
    from napari_padis.engine.save import plain

    if as_json:
        typer.echo(json.dumps(plain(entries), indent=2, allow_nan=False))
        return
    width = max((len(entry["name"]) for entry in entries), default=0)
    for entry in entries:
        typer.echo(f"{entry['name']:<{width}}  {entry['title']}")
        if entry["description"]:
            typer.echo(f"{'':<{width}}  {entry['description']}")
