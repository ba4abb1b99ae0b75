import json

import pytest

from napari_padis import __version__
from napari_padis.likelihood import FORWARDS
from napari_padis.posterior.methods import METHODS
from napari_padis.prior.catalogue import catalogue


def test_version_and_help(cli):
    assert cli("--version").stdout.strip() == f"napari-padis {__version__}"
    text = cli("--help").stdout
    for command in ("demo", "simulate", "reconstruct", "train", "methods", "forwards", "priors"):
        assert command in text
        assert cli(command, "--help").exit_code == 0


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("methods", lambda: list(METHODS)),
        ("forwards", lambda: list(FORWARDS)),
        ("priors", lambda: [card.name for card in catalogue()]),
    ],
)
def test_listings(cli, command, expected):
    names = expected()
    found = json.loads(cli(command, "--json").stdout)
    assert [entry["name"] for entry in found] == names
    text = cli(command).stdout
    assert all(name in text for name in names)


def test_methods_tell_their_defaults(cli):
    found = {entry["name"]: entry for entry in json.loads(cli("methods", "--json").stdout)}
    method = METHODS["padis-fast"]
    assert found["padis-fast"]["steps"] == method.default_steps
    assert found["padis-fast"]["options"] == dict(method.options)
    assert found["fbp"]["needs_prior"] is False


def test_read_volume(cli, volume_file):
    facts = json.loads(cli("read", volume_file, "--json").stdout)
    assert facts["kind"] == "volume"
    assert facts["shape"] == [5, 32, 32]
    assert facts["spacing"] == pytest.approx([3, 2, 2])
    assert facts["unit"] == "HU"
    assert facts["orientation"] == "SAR"
    assert facts["range"] == [-1000, 840]
    assert "notes" in facts
    text = cli("read", volume_file).stdout
    assert "5, 32, 32" in text
    assert "HU" in text


def test_read_measurement(cli, measurement_file):
    facts = json.loads(cli("read", measurement_file, "--json").stdout)
    assert facts["kind"] == "measurement"
    assert facts["shape"] == [5, 30, 64]
    assert facts["volume_shape"] == [5, 32, 32]
    assert facts["noise"] == "none"
    assert facts["unit"] == "HU"
