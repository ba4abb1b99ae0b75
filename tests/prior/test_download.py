"""Downloads of registered priors: whole and right, or not at all."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.catalogue import find_prior
from napari_padis.prior.checkpoint import load_network
from napari_padis.prior.download import get_prior
from napari_padis.prior.registry import LIST_VARIABLE, base_address, registered, registry

#: Where the files of a release are kept.
WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; ``cut`` sends half of the weights, ``long`` more than there is."""

    mode = ""

    def log_message(self, *_args):
        pass

    def do_GET(self):
        if not (self.mode and self.path.endswith(".safetensors")):
            return super().do_GET()
        with open(self.translate_path(self.path), "rb") as file:
            data = file.read()
        if self.mode == "long":
            data = data + bytes(1 << 20)
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data[: len(data) // 2] if self.mode == "cut" else data)
        return None


@pytest.fixture
def offered(tiny_prior, tmp_path, monkeypatch):
    """A list with the prior 'tiny' of an address where nobody is; returns its folder."""
    entry = registered(tiny_prior).model_dump()
    values = {
        "format": "napari-padis registry",
        "format_version": 1,
        "base": "http://127.0.0.1:9/none",
        "priors": [entry],
    }
    (tmp_path / "list.json").write_text(json.dumps(values))
    monkeypatch.setenv(LIST_VARIABLE, str(tmp_path / "list.json"))
    monkeypatch.setenv("NO_PROXY", "*")
    return tiny_prior.parent


@pytest.fixture
def server(offered):
    """Address of a server of the folder."""
    handler = type("Other", (Handler,), {})
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=offered)) as http:
        thread = threading.Thread(target=partial(http.serve_forever, 0.01), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{http.server_port}/", handler
        http.shutdown()
        thread.join()


def nothing_in(folder):
    return not folder.exists() or list(folder.iterdir()) == []


def test_the_list_of_the_package_holds():
    found = registry()
    assert found.base.startswith("https://")
    assert base_address() == found.base


@pytest.mark.skipif(not WEIGHTS.is_dir(), reason="only the repository holds the weights")
@pytest.mark.parametrize("name", ["ct-simple", "ct-slices", "ct-whole"])
def test_what_the_list_offers_lies_in_the_repository_and_denoises(name, own_priors):
    path = get_prior(name, str(WEIGHTS))
    network, card = load_network(path)
    assert path.parent == own_priors
    clean = torch.zeros(1, card.network.image_channels, 64, 64)
    clean[..., 16:48, 16:48] = 0.5
    noise = 0.1 * torch.randn(clean.shape, generator=torch.Generator().manual_seed(0))
    position = torch.zeros(1, 2, 64, 64)
    condition = torch.full((1, card.network.conditions), 0.2)
    with torch.no_grad():
        denoised = network(clean + noise, torch.tensor([0.1]), position, condition)
    assert (denoised - clean).square().mean() < 0.2 * noise.square().mean()


def test_by_http(server, own_priors, monkeypatch):
    monkeypatch.setenv("NAPARI_PADIS_PRIORS_URL", server[0])
    seen = []
    path = get_prior("tiny", progress=lambda done, total: seen.append((done, total)))
    assert path == own_priors / "tiny.json" == find_prior("tiny")
    assert load_network(path)[1].name == "tiny"
    assert sorted(p.name for p in own_priors.iterdir()) == ["tiny.json", "tiny.safetensors"]
    size = sum(p.stat().st_size for p in own_priors.iterdir())
    assert seen[0] == (0, size)
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


@pytest.mark.parametrize("form", ["folder", "file://"])
def test_by_folder(offered, own_priors, form):
    path = get_prior("tiny", str(offered) if form == "folder" else offered.as_uri())
    assert load_network(path)[1].name == "tiny"
    assert path.parent == own_priors


@pytest.mark.parametrize(
    ("mode", "message"),
    [("cut", "broke off|damaged"), ("long", "sends more than|damaged")],
)
def test_a_broken_download_leaves_nothing(server, own_priors, mode, message):
    address, handler = server
    handler.mode = mode
    with pytest.raises(InputError, match=message):
        get_prior("tiny", address)
    assert nothing_in(own_priors)
    handler.mode = ""
    assert get_prior("tiny", address).is_file()


def test_another_file_of_that_name(offered, own_priors, tmp_path):
    for name in ("tiny.json", "tiny.safetensors"):
        data = bytearray((offered / name).read_bytes())
        data[-10] ^= 1
        (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match="sha256 differs"):
        get_prior("tiny", str(tmp_path))
    assert nothing_in(own_priors)


def test_what_is_not_there(server, offered, own_priors, tmp_path):
    for address, message in (
        (f"{server[0]}elsewhere", "the server says 404"),
        (None, r"no connection to the server"),
        (str(tmp_path / "empty"), "is not in the folder"),
        ("ftp://example.org/priors", "cannot be downloaded from 'ftp://"),
        ("javascript://x", "begins with https://"),
        ("http://", "cannot be downloaded from 'http:"),
        ("http://127.0.0.1:99999999", "cannot be downloaded"),
    ):
        with pytest.raises(InputError, match=message) as caught:
            get_prior("tiny", address)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match=r"no prior 'big' to download. Priors to download: tiny"):
        get_prior("big")
    assert nothing_in(own_priors)


def test_giving_up_leaves_nothing(server, own_priors):
    class Enough(Exception):
        pass

    def progress(done, total):
        if done > 0:
            raise Enough

    with pytest.raises(Enough):
        get_prior("tiny", server[0], progress)
    assert nothing_in(own_priors)


def test_what_is_here_is_not_overwritten(offered, own_priors):
    get_prior("tiny", str(offered))
    with pytest.raises(InputError, match="in your folder already"):
        get_prior("tiny", str(offered))
    card = json.loads((own_priors / "tiny.json").read_text())
    (own_priors / "tiny.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(InputError, match="another prior 'tiny'"):
        get_prior("tiny", str(offered))


def test_a_prior_to_download_is_told_of(offered):
    with pytest.raises(InputError, match="download it by 'napari-padis priors get tiny'"):
        find_prior("tiny")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "does not hold"),
        ('{"format": "x"}', "does not hold"),
        (
            '{"format": "napari-padis registry", "format_version": 1, "base": "x", "priors": '
            '[{"name": "../x", "card": {"sha256": "0", "size": 1}, "weights": {}}]}',
            "does not hold",
        ),
    ],
)
def test_damaged_lists(tmp_path, monkeypatch, text, message):
    (tmp_path / "list.json").write_text(text)
    monkeypatch.setenv(LIST_VARIABLE, str(tmp_path / "list.json"))
    with pytest.raises(InputError, match=message):
        registry()
