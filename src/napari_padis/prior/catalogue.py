"""Priors that come with the package, and priors given as a file. Free of torch."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard


def bundled_folder() -> Path:
    """Folder of the bundled weights."""
    return Path(str(resources.files("napari_padis.prior"))) / "weights"


def catalogue() -> list[PriorCard]:
    """Cards of all bundled priors, by name."""
    return [PriorCard.load(path) for path in sorted(bundled_folder().glob("*.json"))]


def find_prior(name: str | Path) -> Path:
    """Path of the card of a prior, given its name or a file.

    Raises
    ------
    InputError
        If there is no such prior; the message lists those there are.
    """
    bundled = bundled_folder() / f"{name}.json"
    if "/" not in str(name) and bundled.exists():
        return bundled
    path = Path(name)
    if path.suffix == ".safetensors":
        path = path.with_suffix(".json")
    if path.is_file():
        return path
    names = ", ".join(p.stem for p in sorted(bundled_folder().glob("*.json")))
    raise InputError(
        f"There is no prior '{name}'. Choose one of: {names}, or give a prior's .json file."
    )
