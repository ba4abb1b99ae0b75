"""Which priors there are: those of the package, the user's own, and files. Free of torch.

Nothing here uses the network; see :mod:`napari_padis.prior.download` for what does.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.reading import shown

#: Names the folder of the user's priors, in place of the one the platform suggests.
FOLDER_VARIABLE = "NAPARI_PADIS_PRIORS"


@dataclass(frozen=True)
class Entry:
    """A prior that can be used by its name.

    Parameters
    ----------
    card : PriorCard
    path : Path
        Of the card.
    bundled : bool
        Whether it came with the package; otherwise it is the user's.
    """

    card: PriorCard
    path: Path
    bundled: bool

    @property
    def name(self) -> str:
        """What it is called by."""
        return self.card.name


def bundled_folder() -> Path:
    """Folder of the bundled weights."""
    return Path(str(resources.files("napari_padis.prior"))) / "weights"


def user_folder() -> Path:
    """Folder of the user's own priors, which need not exist."""
    chosen = os.environ.get(FOLDER_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return platformdirs.user_data_path("napari-padis", appauthor=False) / "priors"


def entries() -> tuple[list[Entry], list[str]]:
    """All priors that have a name, and one sentence on every card that does not hold.

    A damaged card in the user's folder hides no other prior. A bundled prior cannot be
    replaced by one of the user's with its name.
    """
    found = [Entry(PriorCard.load(path), path, True) for path in cards_in(bundled_folder())]
    names = {entry.name for entry in found}
    problems = []
    for path in cards_in(user_folder()):
        try:
            entry = Entry(PriorCard.load(path), path, False)
        except InputError as error:
            problems.append(str(error))
            continue
        if entry.name != path.stem:
            problems.append(
                f"'{shown(path.name)}' holds the prior '{shown(entry.name)}', so that it cannot "
                "be found by its name; rename the file."
            )
        elif entry.name in names:
            problems.append(f"'{path.name}' is hidden by the bundled prior of that name.")
        else:
            found.append(entry)
    return found, problems


def catalogue() -> list[PriorCard]:
    """Cards of the bundled priors and of the user's, each by name."""
    return [entry.card for entry in entries()[0]]


def cards_in(folder: Path) -> list[Path]:
    """Files of a folder that may be cards, by name; none where there is no folder."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix == ".json")
    except OSError:
        return []


def find_prior(name: str | Path) -> Path:
    """Path of the card of a prior, given its name, or a file or folder of it.

    Raises
    ------
    InputError
        If there is no such prior; the message lists those there are.
    """
    text = str(name)
    if text and Path(text).name == text and "\0" not in text:
        for folder in (bundled_folder(), user_folder()):
            if os.path.lexists(folder / f"{text}.json"):
                return folder / f"{text}.json"
    path = Path(name).expanduser()
    if path.suffix in (".json", ".safetensors") and os.path.lexists(path):
        return path.with_suffix(".json")
    if text and os.path.isdir(path):
        return _only_card(path)
    raise InputError(_no_such(text))


def _only_card(folder: Path) -> Path:
    """The card of a folder with one prior, such as one that training has written."""
    cards = [p for p in cards_in(folder) if os.path.lexists(p.with_suffix(".safetensors"))]
    if len(cards) == 1:
        return cards[0]
    count = f"{len(cards)} priors; give one of their .json files" if cards else "no prior"
    raise InputError(f"The folder '{shown(folder)}' holds {count}.")


def _no_such(name: str) -> str:
    """That a prior is not there, what there is, and whether it could be downloaded."""
    from napari_padis.prior.registry import registry

    if any(prior.name == name for prior in registry().priors):
        return (
            f"The prior '{name}' is not on this machine; download it by "
            f"'napari-padis priors get {name}'."
        )
    names = ", ".join(entry.name for entry in entries()[0])
    return (
        f"There is no prior '{shown(name)}'. Choose one of: {names}, or give a prior's .json file."
    )
