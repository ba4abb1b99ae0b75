"""Which priors there are, by name, by file and by folder; the user's own come and go."""

import json
import os
import shutil
import socket
import subprocess
import sys

import pytest

from napari_padis.errors import InputError
from napari_padis.prior import library
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import catalogue, entries, find_prior, user_folder

BUNDLED = ["ct-small", "ellipses", "mr"]


def names():
    return [card.name for card in catalogue()]


@pytest.fixture
def files(tiny_prior, tmp_path):
    """A prior 'tiny' in a folder of its own."""
    return shutil.copytree(tiny_prior.parent, tmp_path / "made") / "tiny.json"


def test_the_bundled_priors_are_there_without_a_folder_of_the_users(own_priors):
    assert not own_priors.exists()
    assert set(BUNDLED) <= set(names())
    assert not own_priors.exists(), "listing wrote something"


def test_the_platform_has_a_place_for_the_users_priors(monkeypatch):
    monkeypatch.delenv("NAPARI_PADIS_PRIORS")
    assert user_folder().is_absolute()
    assert user_folder().parts[-2:] == ("napari-padis", "priors")


def test_add_and_remove(files, own_priors):
    card = library.add(files)
    assert names()[-1] == "tiny"
    assert find_prior("tiny") == own_priors / "tiny.json"
    assert sorted(p.name for p in own_priors.iterdir()) == ["tiny.json", "tiny.safetensors"]
    assert card == PriorCard.load(files)
    library.remove("tiny")
    assert list(own_priors.iterdir()) == []
    assert "tiny" not in names()


def test_a_missing_digest_is_filled_in(files):
    values = json.loads(files.read_text())
    digest = values.pop("sha256")
    files.write_text(json.dumps(values))
    assert library.add(files).sha256 == digest


def test_another_name(files):
    assert library.add(files, "mine").name == "mine"
    assert PriorCard.load(find_prior("mine")).name == "mine"


@pytest.mark.parametrize("name", ["../tiny", "a/b", "", ".x", "a b", "ü", "x" * 65, "x\n"])
def test_names_that_are_no_file_names_are_refused(files, own_priors, name):
    with pytest.raises(InputError, match="cannot name a prior"):
        library.free_name(name)
    values = json.loads(files.read_text()) | {"name": name or " "}
    files.write_text(json.dumps(values))
    with pytest.raises(InputError, match="cannot name a prior"):
        library.add(files)
    assert not own_priors.exists() or list(own_priors.iterdir()) == []


def test_names_that_are_taken(files, tiny_prior):
    with pytest.raises(InputError, match="The package has a prior 'mr'"):
        library.add(files, "mr")
    library.add(files)
    with pytest.raises(InputError, match="in your folder already"):
        library.add(files)
    with pytest.raises(InputError, match=r"another prior 'tiny'.*priors remove tiny"):
        library.free_name("tiny", ("0" * 64,))


def test_a_bad_prior_is_not_added(files, own_priors):
    weights = files.with_suffix(".safetensors")
    weights.write_bytes(weights.read_bytes()[:-7])
    with pytest.raises(InputError, match="cut off"):
        library.add(files)
    assert not own_priors.exists() or list(own_priors.iterdir()) == []


def test_a_full_disk_leaves_nothing(files, own_priors, monkeypatch):
    def full(*_args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(library.shutil, "copyfile", full)
    with pytest.raises(InputError, match=r"cannot be stored in .*No space left"):
        library.add(files)
    assert list(own_priors.iterdir()) == []


def test_a_folder_that_cannot_be_made(files, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NAPARI_PADIS_PRIORS", str(tmp_path / "file" / "priors"))
    with pytest.raises(InputError, match="cannot be written"):
        library.add(files)
    assert set(BUNDLED) <= set(names())


def test_what_a_killed_program_left_is_swept_away(files, own_priors):
    for name, age in (("old", 2 * library.FORGOTTEN), ("new", 0)):
        rest = own_priors / f"{library.STAGING}{name}"
        rest.mkdir(parents=True)
        (rest / "weights").write_bytes(b"half")
        then = rest.stat().st_mtime - age
        os.utime(rest, (then, then))
    library.add(files)
    left = sorted(p.name for p in own_priors.iterdir())
    assert left == [f"{library.STAGING}new", "tiny.json", "tiny.safetensors"]
    assert names()[-1] == "tiny"


def test_only_ones_own_can_be_removed():
    with pytest.raises(InputError, match="comes with the package"):
        library.remove("ct-small")
    for name in ("nope", "../made/tiny", "", "."):
        with pytest.raises(InputError, match=r"no prior .* of your own. Your priors: none"):
            library.remove(name)


def test_a_damaged_card_hides_no_other(files, own_priors):
    library.add(files)
    (own_priors / "broken.json").write_text("{")
    shutil.copy(own_priors / "tiny.json", own_priors / "other.json")
    shutil.copy(own_priors / "tiny.json", own_priors / "mr.json")
    (own_priors / "folder.json").mkdir()
    found, problems = entries()
    assert [entry.name for entry in found if not entry.bundled] == ["tiny"]
    assert len(problems) == 4
    text = "\n".join(problems)
    for part in ("'broken.json' is not a prior", "'other.json' holds the prior 'tiny'", "a folder"):
        assert part in text


def test_a_bundled_prior_cannot_be_replaced(files, own_priors):
    library.add(files, "x")
    for ending in (".json", ".safetensors"):
        shutil.copy(own_priors / f"x{ending}", own_priors / f"mr{ending}")
    values = json.loads((own_priors / "mr.json").read_text()) | {"name": "mr"}
    (own_priors / "mr.json").write_text(json.dumps(values))
    assert names().count("mr") == 1
    assert find_prior("mr").parent != own_priors
    assert any("hidden by the bundled" in problem for problem in entries()[1])


def test_files_and_folders_are_found(files):
    assert find_prior(files) == files
    assert find_prior(files.with_suffix(".safetensors")) == files
    assert find_prior(files.parent) == files
    shutil.copy(files, files.with_name("second.json"))
    shutil.copy(files.with_suffix(".safetensors"), files.with_name("second.safetensors"))
    with pytest.raises(InputError, match="holds 2 priors; give one"):
        find_prior(files.parent)
    assert [path.stem for path in library.cards_of(files.parent)] == ["second", "tiny"]


@pytest.mark.parametrize("name", ["nope", "", "a/b", "no\0pe", "..", "/", "x" * 5000])
def test_unknown_names_list_what_there_is(name):
    with pytest.raises(InputError, match=r"ct-small|holds no prior|the package"):
        find_prior(name)


def test_offline_use_opens_no_socket(files, monkeypatch):
    import torch

    from napari_padis.prior.denoiser import finish, load_prior
    from napari_padis.prior.registry import registry

    library.add(files)

    def refuse(*_args, **_more):
        raise AssertionError("the network was used")

    for function in ("connect", "connect_ex", "sendto", "bind"):
        monkeypatch.setattr(socket.socket, function, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(AssertionError, match="the network was used"):
        socket.create_connection(("localhost", 1))
    names()
    registry()
    with pytest.raises(InputError):
        find_prior("nope")
    denoiser = load_prior("tiny", (20, 20))
    x = torch.rand(1, 1, 20, 20)
    noisy = finish(denoiser.denoise(x, 0.1, denoiser.draw(x, 0.1, torch.Generator())))
    assert noisy.shape == x.shape


def test_names_are_found_without_torch_and_without_what_downloads():
    program = (
        "import sys\n"
        "from napari_padis.prior.catalogue import catalogue, find_prior\n"
        "from napari_padis.prior.registry import registry\n"
        "import napari_padis.prior.library, napari_padis.prior.facts\n"
        "catalogue(); find_prior('mr'); registry()\n"
        "print([m for m in ('torch', 'pooch', 'requests') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
