from pathlib import Path

import pytest
import yaml
from npe2 import PluginManifest

import napari_padis

ROOT = Path(__file__).resolve().parents[2]
MANIFEST = ROOT / "napari.yaml"


@pytest.fixture(scope="module")
def manifest():
    return PluginManifest.from_file(MANIFEST)


def test_package_uses_the_one_manifest():
    inside = Path(napari_padis.__file__).parent / "napari.yaml"
    assert inside.read_bytes() == MANIFEST.read_bytes()


def test_every_command_can_be_imported(manifest):
    manifest.validate_imports()
    names = [command.python_name for command in manifest.contributions.commands]
    assert len(names) == len(set(names))


def test_every_contribution_names_a_declared_command(manifest):
    found = manifest.contributions
    declared = {command.id for command in found.commands}
    used = {
        item.command
        for items in (found.readers, found.writers, found.widgets, found.sample_data)
        for item in items or ()
    }
    used |= {
        item["command"]
        for items in yaml.safe_load(MANIFEST.read_text())["contributions"]["menus"].values()
        for item in items
    }
    assert used == declared


def test_menus_are_open_to_plugins():
    from napari._app_model.constants import MenuId

    menus = yaml.safe_load(MANIFEST.read_text())["contributions"]["menus"]
    assert set(menus) <= {menu.value for menu in MenuId.contributables()}


def test_readers_ask_for_no_more_than_they_can_read(manifest):
    patterns = [p for reader in manifest.contributions.readers for p in reader.filename_patterns]
    assert not {"*", "*.*", "*.gz"} & set(patterns)
