"""The user's own priors: put into their folder and taken out of it."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import bundled_folder, cards_in, find_prior, user_folder
from napari_padis.prior.reading import shown, shown_path
from napari_padis.prior.registry import NAME

#: What becomes of a prior while it is put in; left behind only by a killed program.
STAGING = ".incoming-"
#: Seconds after which such a remainder is nobody's any more.
FORGOTTEN = 24 * 3600.0


def cards_of(path: Path) -> list[Path]:
    """Cards that a file or a folder stands for; raises InputError where there are none."""
    if not os.path.isdir(path):
        return [find_prior(path)]
    cards = [p for p in cards_in(path) if os.path.lexists(p.with_suffix(".safetensors"))]
    if not cards:
        raise InputError(
            f"The folder '{shown_path(path)}' holds no prior (.json with .safetensors)."
        )
    return cards


def add(card_path: Path, name: str | None = None) -> PriorCard:
    """Copy a prior into the user's folder, after it was loaded once; returns its card.

    Parameters
    ----------
    card_path : Path
        The ``.json`` file; the weights lie beside it.
    name : str, optional
        What it shall be called; by default what its card says.

    Raises
    ------
    InputError
        If it does not hold, its name is taken or is none, or the folder cannot be written.
    """
    from napari_padis.prior.checkpoint import load_network, sha256_of, weights_path

    _, card = load_network(card_path)
    free_name(name or card.name, (card.sha256 or sha256_of(weights_path(card_path)),))
    with incoming() as folder:
        weights = folder / "weights"
        shutil.copyfile(weights_path(card_path), weights)
        digest = sha256_of(weights)
        if card.sha256 and digest != card.sha256.lower():
            raise InputError(f"The weights of '{shown(card.name)}' changed while they were read.")
        card = card.model_copy(update={"name": name or card.name, "sha256": digest})
        text = folder / "card"
        text.write_text(f"{card.model_dump_json(indent=1)}\n", encoding="utf-8")
        put(weights, text, card.name)
    return card


def remove(name: str) -> None:
    """Delete a prior of the user's folder; raises InputError where there is none."""
    if re.fullmatch(NAME, name) and (bundled_folder() / f"{name}.json").exists():
        raise InputError(f"'{name}' comes with the package and cannot be removed.")
    own = [path for path in cards_in(user_folder()) if path.stem == name]
    if not own:
        names = ", ".join(path.stem for path in cards_in(user_folder())) or "none"
        raise InputError(f"There is no prior '{shown(name)}' of your own. Your priors: {names}.")
    try:
        # The card first: a prior is there only as long as its card is.
        own[0].unlink()
        own[0].with_suffix(".safetensors").unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"'{name}' cannot be removed: {error.strerror}.") from error


def free_name(name: str, digests: tuple[str, ...] = ()) -> None:
    """Raise InputError unless a prior may take this name.

    ``digests`` are those of its weights, to tell it from another prior of that name.
    """
    if not re.fullmatch(NAME, name):
        raise InputError(
            f"'{shown(name)}' cannot name a prior; use letters, digits, '-' and '_' "
            "(option --name gives another name)."
        )
    if (bundled_folder() / f"{name}.json").exists():
        raise InputError(f"The package has a prior '{name}'; give yours another name (--name).")
    path = user_folder() / f"{name}.json"
    if not os.path.lexists(path):
        return
    if _digest(path) in digests:
        raise InputError(f"The prior '{name}' is in your folder already.")
    raise InputError(
        f"There is another prior '{name}' in your folder; give this one another name (--name), "
        f"or take that one out by 'napari-padis priors remove {name}'."
    )


@contextmanager
def incoming() -> Iterator[Path]:
    """A folder inside the user's for files that are not yet a prior; always removed."""
    home = user_folder()
    try:
        home.mkdir(parents=True, exist_ok=True)
        _forget(home)
        folder = Path(tempfile.mkdtemp(prefix=STAGING, dir=home))
    except OSError as error:
        raise InputError(
            f"The folder of priors '{shown_path(home)}' cannot be written: {error.strerror}."
        ) from error
    try:
        yield folder
    except OSError as error:
        if not error.strerror:
            raise
        raise InputError(
            f"The prior cannot be stored in '{shown_path(home)}': {error.strerror}."
        ) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def put(weights: Path, card: Path, name: str) -> Path:
    """Make two files in :func:`incoming` a prior of the user's; returns its card.

    The weights move first: without its card a prior is not there.
    """
    target = user_folder() / f"{name}.json"
    os.replace(weights, target.with_suffix(".safetensors"))
    os.replace(card, target)
    return target


def _digest(card_path: Path) -> str | None:
    """Digest of the weights of a prior; None where its card does not hold."""
    try:
        return PriorCard.load(card_path).sha256
    except InputError:
        return None


def _forget(home: Path) -> None:
    """Remove what a killed program has left."""
    for path in home.glob(f"{STAGING}*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > FORGOTTEN:
                shutil.rmtree(path, ignore_errors=True)
