"""``napari-padis priors``: list, show, get, add, remove."""

import json
import shutil

import pytest

from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import catalogue, find_prior
from napari_padis.prior.registry import LIST_VARIABLE, registered


@pytest.fixture
def offered(tiny_prior, tmp_path, monkeypatch):
    """A list with the prior 'tiny'; returns the folder of its files."""
    values = {
        "format": "napari-padis registry",
        "format_version": 1,
        "base": str(tiny_prior.parent),
        "priors": [registered(tiny_prior).model_dump() | {"title": "Tiny \x1b[31m one"}],
    }
    (tmp_path / "list.json").write_text(json.dumps(values))
    monkeypatch.setenv(LIST_VARIABLE, str(tmp_path / "list.json"))
    return tiny_prior.parent


def test_both_ways_to_list_agree(cli):
    for words in ((), ("--json",)):
        assert cli("priors", *words).stdout == cli("priors", "list", *words).stdout
    assert [entry["name"] for entry in json.loads(cli("priors", "--json").stdout)] == [
        card.name for card in catalogue()
    ]


def test_the_whole_card(cli):
    card = PriorCard.load(find_prior("ct-small"))
    text = cli("priors", "show", "ct-small").stdout
    for part in (
        card.title,
        card.sha256,
        "-1000 to 1000 HU",
        "1.58 mm",
        "88, 56, 32 pixels",
        "3.46 M",
        *card.trained_on[:3],
    ):
        assert part in text
    for sigma, psnr in card.denoising_psnr:
        assert any(
            line.split()[0] == f"{sigma:.4g}" and f"{psnr:.1f}" in line
            for line in text.splitlines()
            if "█" in line
        )
    assert json.loads(cli("priors", "show", "ct-small", "--json").stdout) == card.model_dump(
        mode="json"
    )


def test_a_card_cannot_speak_to_the_terminal(cli, tiny_prior):
    values = json.loads(tiny_prior.read_text())
    evil = "one\x1b]0;gone\x07\ntwo"
    values |= {"title": evil, "description": evil, "licence": evil, "trained_on": [evil]}
    tiny_prior.write_text(json.dumps(values))
    assert cli("priors", "add", tiny_prior).exit_code == 0
    for words in (("show", "tiny"), ("list",)):
        text = cli("priors", *words).stdout
        assert "gone" in text
        assert all(c.isprintable() or c == "\n" for c in text)


def test_add_show_remove(cli, tiny_prior, own_priors):
    result = cli("priors", "add", tiny_prior, "--name", "mine")
    assert "--prior mine" in result.stdout
    assert "(yours)" in cli("priors").stdout
    assert str(own_priors / "mine.json") in cli("priors", "show", "mine").stdout
    assert cli("priors", "remove", "mine").exit_code == 0
    assert "mine" not in cli("priors").stdout


def test_a_folder_of_priors(cli, tiny_prior, tmp_path):
    folder = tmp_path / "two"
    folder.mkdir()
    for name in ("a", "b"):
        values = json.loads(tiny_prior.read_text()) | {"name": name}
        (folder / f"{name}.json").write_text(json.dumps(values))
        shutil.copy(tiny_prior.with_suffix(".safetensors"), folder / f"{name}.safetensors")
    assert "given to all" in cli("priors", "add", folder, "--name", "x").stderr
    assert cli("priors", "add", folder).exit_code == 0
    assert [card.name for card in catalogue()][-2:] == ["a", "b"]


def test_get(cli, offered, own_priors):
    text = cli("priors").stdout
    assert "napari-padis priors get tiny" in text
    assert "\x1b" not in text
    result = cli("priors", "get", "tiny")
    assert result.exit_code == 0, result.output
    assert str(own_priors / "tiny.json") in result.stdout
    assert "priors get" not in cli("priors").stdout
    assert "is here" in cli("priors", "get", "tiny").stdout
    assert "comes with the package" in cli("priors", "get", "mr").stdout


def test_get_from_elsewhere(cli, offered, tmp_path):
    result = cli("priors", "get", "tiny", "--from", tmp_path / "nothing")
    assert "is not in the folder" in result.stderr
    assert cli("priors", "get", "tiny", "--from", offered.as_uri()).exit_code == 0


def test_wrong_names_end_in_one_sentence(cli):
    for words, message in (
        (("show", "nope"), "Choose one of: ct-small, ct, ellipses, mr"),
        (("get", "nope"), "Priors to download: "),
        (("remove", "nope"), "Your priors: none."),
        (("nope",), "there are list, show, get, add, import, remove"),
    ):
        result = cli("priors", *words)
        assert result.exit_code == 2
        assert result.stdout == ""
        assert result.stderr.startswith("napari-padis: ")
        assert message in result.stderr
        assert result.stderr.count("\n") == 1


def test_a_damaged_prior_is_told_of_beside_the_others(cli, own_priors):
    own_priors.mkdir()
    (own_priors / "broken.json").write_text("{")
    result = cli("priors")
    assert result.exit_code == 0
    assert "ct-small" in result.stdout
    assert "'broken.json' is not a prior" in result.stderr
    assert json.loads(cli("priors", "--json").stdout)
