"""Adding and downloading priors outside the GUI thread. Free of Qt and napari."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from napari_padis.engine.control import Control
from napari_padis.errors import PadisError, ReconstructionError
from napari_padis.gui.job import reporting
from napari_padis.gui.mailbox import Mailbox
from napari_padis.prior.reading import shown

#: Endings of what can be added; published checkpoints are imported first.
PRIORS, PUBLISHED = (".json", ".safetensors"), (".pkl", ".pt", ".pth")


@dataclass(frozen=True)
class Came:
    """How much of a download is here."""

    fraction: float


@dataclass(frozen=True)
class Here:
    """A prior that can be used from now on, and what should be known about it."""

    name: str
    note: str = ""


class Cancelled(Exception):
    """Raised inside a download that the user has cancelled."""


def add(path: Path, mailbox: Mailbox) -> None:
    """Check a prior and copy it into the user's folder; never raises."""
    from napari_padis.prior import library

    with reporting(mailbox), _said(f"'{shown(path.name)}' could not be added"):
        if path.suffix.lower() in PUBLISHED:
            mailbox.post(_imported(path))
        else:
            mailbox.post(Here(library.add(library.cards_of(path)[0]).name))


def _imported(path: Path) -> Here:
    """Make a prior of a published checkpoint; nothing in the file is run."""
    from napari_padis.prior import library
    from napari_padis.prior.checkpoint import save_prior
    from napari_padis.prior.edm_import import import_network
    from napari_padis.prior.published import RANGE, prior_name, published_card

    name = prior_name(path.stem)
    library.free_name(name)
    network = import_network(path).network
    with tempfile.TemporaryDirectory() as folder:
        save_prior(network, published_card(network.config, name, path), folder, half=False)
        library.add(Path(folder) / f"{name}.json")
    return Here(
        name,
        f"Its range is taken to be {RANGE.low:g} to {RANGE.high:g} {RANGE.unit}; the command "
        "'napari-padis priors import' has options for others.",
    )


def get(name: str, control: Control, mailbox: Mailbox) -> None:
    """Download a prior, telling how far it is; never raises."""
    from napari_padis.prior.download import get_prior

    def progress(done: int, total: int) -> None:
        if control.stopped:
            raise Cancelled
        mailbox.post(Came(done / total if total else 0.0))

    with reporting(mailbox), suppress(Cancelled), _said(f"'{shown(name)}' could not be downloaded"):
        get_prior(name, progress=progress)
        mailbox.post(Here(name))


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Say of an error that nobody foresaw what it was that went wrong."""
    try:
        yield
    except (PadisError, Cancelled):
        raise
    except Exception as error:
        raise ReconstructionError(
            f"{what} ({type(error).__name__}: {shown(error, 200).rstrip('.')})."
        ) from error
