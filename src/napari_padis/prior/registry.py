"""Priors that can be downloaded: names, sizes and digests. Free of torch and of the network.

The list is ``registry.json`` beside this module, which also holds the one address that all
files lie below. Only what is in the list, with its sha256, is ever downloaded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_padis.errors import InputError, explain
from napari_padis.prior.reading import file_size, read_bytes, shown, shown_path, strict_json

#: Names another place for the files: an address, or a folder.
ADDRESS_VARIABLE = "NAPARI_PADIS_PRIORS_URL"
#: Names another list, for instance that of a laboratory's own priors.
LIST_VARIABLE = "NAPARI_PADIS_PRIORS_REGISTRY"

#: Names that are file names on every system and never leave their folder.
NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$"


class RegisteredFile(BaseModel):
    """A file to download."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size: int = Field(ge=1, le=4 << 30)


class RegisteredPrior(BaseModel):
    """A prior to download: ``<name>.json`` and ``<name>.safetensors``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=NAME)
    title: str = Field("", max_length=500)
    description: str = Field("", max_length=5000)
    card: RegisteredFile
    weights: RegisteredFile

    @property
    def size(self) -> int:
        """Bytes of both files."""
        return self.card.size + self.weights.size

    @property
    def files(self) -> dict[str, RegisteredFile]:
        """Both files by name, the card last."""
        return {f"{self.name}.safetensors": self.weights, f"{self.name}.json": self.card}


class Registry(BaseModel):
    """The list, and the address that its files lie below."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal["napari-padis registry"]
    format_version: Literal[1]
    base: str
    priors: tuple[RegisteredPrior, ...] = ()

    @model_validator(mode="after")
    def _unique(self) -> Self:
        names = [prior.name for prior in self.priors]
        if len(names) != len(set(names)):
            raise ValueError("a name comes twice")
        return self

    def find(self, name: str) -> RegisteredPrior:
        """The prior of a name; raises InputError with the names there are."""
        for prior in self.priors:
            if prior.name == name:
                return prior
        names = ", ".join(prior.name for prior in self.priors) or "none today"
        raise InputError(
            f"There is no prior '{shown(name)}' to download. Priors to download: {names}."
        )

    def missing(self, here: Iterable[str]) -> list[RegisteredPrior]:
        """Those that are not among the names given."""
        names = set(here)
        return [prior for prior in self.priors if prior.name not in names]


def registry() -> Registry:
    """The list of the package, or the one that the environment names.

    Raises
    ------
    InputError
        If the list cannot be read or does not hold.
    """
    chosen = os.environ.get(LIST_VARIABLE)
    path = Path(chosen).expanduser() if chosen else _shipped()
    what = "The list of priors"
    file_size(path, what)
    try:
        values = strict_json(read_bytes(path, what, 1 << 22))
        return Registry.model_validate(values)
    except ValidationError as error:
        reason = shown(explain(error), 300)
        raise InputError(f"{what} '{shown_path(path)}' does not hold: {reason}") from error
    except ValueError as error:
        raise InputError(f"{what} '{shown_path(path)}' is damaged ({error}).") from error


def base_address(chosen: str | None = None) -> str:
    """Address or folder that the files lie below: as given, by the environment, by the list."""
    return chosen or os.environ.get(ADDRESS_VARIABLE) or registry().base


def registered(card_path: Path) -> RegisteredPrior:
    """Entry of the list for a prior that is there as files, for who offers it."""
    from napari_padis.prior.card import PriorCard

    card = PriorCard.load(card_path)
    return RegisteredPrior(
        name=card.name,
        title=card.title,
        description=card.description,
        card=_described(card_path),
        weights=_described(card_path.with_suffix(".safetensors")),
    )


def _described(path: Path) -> RegisteredFile:
    import hashlib

    data = read_bytes(path, "The file")
    return RegisteredFile(sha256=hashlib.sha256(data).hexdigest(), size=len(data))


def _shipped() -> Path:
    return Path(str(resources.files("napari_padis.prior"))) / "registry.json"
