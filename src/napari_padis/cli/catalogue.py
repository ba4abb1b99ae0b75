"""``napari-padis methods | forwards | priors``: what there is to choose from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="As JSON, with all details.")]


def methods(as_json: Json = False) -> None:
    """List the reconstruction methods."""
    from napari_padis.posterior.methods import METHODS

    _show(
        [
            {
                "name": method.name,
                "title": method.title,
                "description": method.description,
                "steps": method.default_steps,
                "samples": method.default_samples,
                "needs_prior": method.needs_prior,
                "calibrated": method.calibrated,
                "options": dict(method.options),
            }
            for method in METHODS.values()
        ],
        as_json,
    )


def forwards(as_json: Json = False) -> None:
    """List the forward models."""
    from napari_padis.likelihood import FORWARDS

    _show(
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


def priors(as_json: Json = False) -> None:
    """List the priors that come with the package."""
    from napari_padis.prior.catalogue import catalogue

    _show([card.model_dump(mode="json") for card in catalogue()], as_json)


def _show(entries: list[Mapping[str, Any]], as_json: bool) -> None:
    from napari_padis.engine.save import plain

    if as_json:
        typer.echo(json.dumps(plain(entries), indent=2, allow_nan=False))
        return
    width = max((len(entry["name"]) for entry in entries), default=0)
    for entry in entries:
        typer.echo(f"{entry['name']:<{width}}  {entry['title']}")
        if entry["description"]:
            typer.echo(f"{'':<{width}}  {entry['description']}")
