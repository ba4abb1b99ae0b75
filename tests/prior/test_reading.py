"""What is no ordinary file, or may not be read."""

import os
import shutil
import socket
import sys
from pathlib import Path

import pytest

from napari_padis.errors import InputError
from napari_padis.prior.checkpoint import load_network
from napari_padis.prior.reading import byte_count, shown, shown_path, strict_json


@pytest.fixture
def prior(tiny_prior, tmp_path):
    for file in tiny_prior.parent.iterdir():
        shutil.copy(file, tmp_path)
    return tmp_path / "tiny.json"


def _instead(path, make):
    path.unlink()
    make(path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither")
@pytest.mark.parametrize("ending", [".json", ".safetensors"])
def test_what_is_no_file(prior, ending):
    path = prior.with_suffix(ending)
    _instead(path, os.mkfifo)
    with pytest.raises(InputError, match="it is not a regular file"):
        load_network(prior)
    _instead(path, lambda p: os.symlink(p, p))
    with pytest.raises(InputError, match="cannot be read: Too many levels of symbolic links"):
        load_network(prior)


@pytest.mark.skipif(sys.platform == "win32", reason="no such socket")
def test_a_socket(prior, monkeypatch):
    monkeypatch.chdir(prior.parent)  # the address of a socket must be short
    prior.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(prior.name)
        with pytest.raises(InputError, match="it is not a regular file"):
            load_network(prior)


@pytest.mark.parametrize("ending", [".json", ".safetensors"])
def test_a_file_that_may_not_be_read(prior, ending, monkeypatch):
    real = type(prior).open

    def guarded(path, *args, **more):
        if path.suffix == ending:
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **more)

    monkeypatch.setattr(type(prior), "open", guarded)
    with pytest.raises(InputError, match=rf"tiny{ending}' cannot be read: Permission denied\.$"):
        load_network(prior)


def test_values_in_messages_are_short_and_printable():
    assert shown("a\nb\x1b[31m c") == "a b [31m c"
    assert shown("x" * 500) == "x" * 78 + " …"
    assert shown(None) == "None"


def test_the_end_of_a_long_path_is_told():
    assert shown_path(Path("a" * 90, "ct.json")) == "a" * 90 + "/ct.json"
    told = shown_path(Path(*["folder"] * 200, "ct\n.json"))
    assert told.startswith("… ")
    assert told.endswith("folder/ct .json")
    assert len(told) == 400


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 bytes"), (999, "999 bytes"), (1500, "1.5 kB"), (2**40, "1.1 TB"), (10**18, "1e+06 TB")],
)
def test_numbers_of_bytes(count, text):
    assert byte_count(count) == text


def test_json_as_others_write_it():
    assert strict_json('{"a": [1, 2.5, -3e-4, "ü", true, null]}'.encode()) == {
        "a": [1, 2.5, -3e-4, "ü", True, None]
    }
    assert strict_json(b"-" + b"9" * 17) == -(10**17 - 1)
