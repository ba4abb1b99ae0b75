"""The card of a published checkpoint, which has none of its own."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import ValidationError

from napari_padis.errors import InputError, explain
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard
from napari_padis.scan.units import Scale

#: Side of the patches when none is given: what the published reconstruction uses.
PATCH = 56
#: Intensities of the published CT networks in HU, which their files do not tell.
RANGE = Scale(-1000.0, 1000.0, "HU")
DESCRIPTION = "Weights of a published DDPM++ network with EDM preconditioning."


def prior_name(text: str) -> str:
    """A name for a prior, made of any text; raises InputError where nothing is left of it."""
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-_")[:64]
    if not name:
        raise InputError(f"'{text}' gives no name for the prior; choose one by --name.")
    return name


def published_card(
    config: NetworkConfig,
    name: str,
    file: Path,
    scale: Scale = RANGE,
    patch: int | None = None,
    title: str = "",
    licence: str = "",
    description: str = DESCRIPTION,
) -> PriorCard:
    """Card of an imported network; raises InputError where the values do not hold."""
    multiple = config.multiple
    side = patch if patch is not None else max(multiple, PATCH // multiple * multiple)
    if side % multiple:
        raise InputError(f"The patch side {side} must be divisible by {multiple}.")
    try:
        return PriorCard(
            name=name,
            title=title or f"Imported from {file.name}",
            description=description,
            licence=licence,
            unit=scale.unit,
            low=scale.low,
            high=scale.high,
            patch=side,
            patch_sizes=(side,),
            network=config,
            origin=file.name,
        )
    except ValidationError as error:
        raise InputError(f"The prior cannot be described: {explain(error)}") from error
