"""Downloads of registered priors: checked by sha256, and all or nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, urlparse
from urllib.request import url2pathname

from napari_padis.errors import InputError
from napari_padis.prior.card import PriorCard
from napari_padis.prior.library import free_name, incoming, put
from napari_padis.prior.reading import byte_count, shown
from napari_padis.prior.registry import RegisteredFile, base_address, registry
from napari_padis.prior.weights_header import read_header

#: Bytes at a time, and seconds without any after which a server counts as gone.
CHUNK = 1 << 16
PATIENCE = 30

#: Called with the bytes that have come and those there are; what it raises ends the download.
Progress = Callable[[int, int], None]


def get_prior(name: str, address: str | None = None, progress: Progress | None = None) -> Path:
    """Download a registered prior into the user's folder; returns the path of its card.

    Parameters
    ----------
    name : str
    address : str, optional
        Folder, or address of http, https or file, that the files lie in; by default that of
        the environment variable NAPARI_PADIS_PRIORS_URL, else that of the list.
    progress : callable, optional

    Raises
    ------
    InputError
        If there is no such prior, its name is taken, or its files do not arrive as they
        should. Nothing is left behind then.
    """
    prior = registry().find(name)
    base = base_address(address)
    free_name(name, (prior.weights.sha256,))
    tally = _Tally(prior.size, progress)
    with incoming() as folder:
        for file, facts in prior.files.items():
            _fetch(base, file, facts, folder, tally)
        card, weights = folder / f"{name}.json", folder / f"{name}.safetensors"
        _check(PriorCard.load(card), prior.weights, name)
        read_header(weights)
        return put(weights, card, name)


def _check(card: PriorCard, weights: RegisteredFile, name: str) -> None:
    if card.name != name or card.sha256 != weights.sha256:
        raise InputError(f"The card and the weights of '{name}' in the list are not one prior.")


def _fetch(base: str, file: str, facts: RegisteredFile, folder: Path, tally: _Tally) -> None:
    """One file, checked by its digest before it has its name."""
    import pooch
    import requests

    tally.begin(facts.size)
    url, downloader = _source(base, file, tally)
    pooch.get_logger().setLevel("ERROR")
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{facts.sha256}",
            fname=file,
            path=folder,
            downloader=downloader,
        )
    except requests.exceptions.RequestException as error:
        raise InputError(f"'{file}' cannot be downloaded from {base}: {_reason(error)}.") from error
    except ValueError as error:
        raise InputError(
            f"'{file}' from {base} is damaged or another file: its sha256 differs."
        ) from error


def _source(base: str, file: str, tally: _Tally) -> tuple[str, Any]:
    """Where a file comes from, and what brings it."""
    import pooch

    parts = urlparse(base)
    if parts.scheme in ("http", "https") and parts.netloc:
        bring = pooch.HTTPDownloader(progressbar=tally, chunk_size=CHUNK, timeout=PATIENCE)
        return f"{base.rstrip('/')}/{quote(file)}", bring
    if parts.scheme == "file":
        return _local(Path(url2pathname(parts.path)), file, tally)
    # A single letter is a drive of Windows.
    if "://" not in base:
        return _local(Path(base).expanduser(), file, tally)
    raise InputError(
        f"Priors cannot be downloaded from '{shown(base)}'; give a folder, or an address that "
        "begins with https://, http:// or file://."
    )


def _local(folder: Path, file: str, tally: _Tally) -> tuple[str, Any]:
    path = folder / file
    if not path.is_file():
        raise InputError(f"'{file}' is not in the folder '{shown(folder)}'.")

    def bring(url: str, output: str | IO[bytes], pooch: object) -> None:
        with path.open("rb") as source, open(str(output), "wb") as target:
            while block := source.read(CHUNK):
                target.write(block)
                tally.update(len(block))

    return path.as_uri() if path.is_absolute() else path.absolute().as_uri(), bring


def _reason(error: Exception) -> str:
    """Why a server did not give a file, in a few words."""
    import requests

    if isinstance(error, requests.exceptions.HTTPError) and error.response is not None:
        return f"the server says {error.response.status_code} {shown(error.response.reason, 60)}"
    if isinstance(error, requests.exceptions.Timeout):
        return f"no answer for {PATIENCE} seconds"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the connection broke off"
    if isinstance(error, requests.exceptions.ConnectionError):
        return "there is no connection to the server"
    return shown(error, 120).rstrip(".")


class _Tally:
    """Counts bytes over all files; looks like a progress bar to pooch."""

    def __init__(self, size: int, progress: Progress | None) -> None:
        self._size, self._progress = size, progress
        self._before = self._here = self._most = 0
        self.total = 0  # set by pooch, from what the server says

    def begin(self, size: int) -> None:
        """Another file, of this many bytes."""
        self._before += self._most
        self._here, self._most = 0, size
        self._tell()

    def update(self, count: int) -> None:
        """So many bytes more; a file that is too long is not read to its end."""
        self._here += count
        if self._here > self._most + CHUNK:
            raise InputError(
                f"The server sends more than the {byte_count(self._most)} that the list says."
            )
        self._tell()

    def reset(self) -> None:
        """Called by pooch at the end, before the whole length."""
        self._here = 0

    def close(self) -> None:
        """Called by pooch at the end."""

    def _tell(self) -> None:
        if self._progress is not None:
            self._progress(self._before + min(self._here, self._most), self._size)
