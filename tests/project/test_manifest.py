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


@pytest.fixture(scope="module")
def offered(manifest):
    """Names of the plugins that napari offers for a file name."""
    import napari_builtins
    from npe2 import PluginManager

    manager = PluginManager()
    manager.register(manifest)
    builtins = Path(napari_builtins.__file__).parent / "builtins.yaml"
    manager.register(PluginManifest.from_file(builtins))

    def names(file):
        return {reader.plugin_name for reader in manager.iter_compatible_readers([f"/data/{file}"])}

    return names


@pytest.mark.parametrize(
    "file",
    ["IM0001", "1", "00000012", "1.2.840.113619.2.55.3", "1.3.12.2.1107.5.1", "CT.1.2.840.7.1",
     "scan.mat", "raw.cfl"],
)  # fmt: skip
def test_files_that_only_this_plugin_reads_are_not_asked_about(offered, file):
    assert offered(file) == {"napari-padis"}


@pytest.mark.parametrize("file", ["photo.png", "photo.hdr", "table.csv", "1.5.png", "a.b.jpg"])
def test_ordinary_files_stay_with_napari(offered, file):
    assert offered(file) == {"napari"}


def test_the_dock_for_raw_projections_is_named_as_its_notification_says(manifest):
    from napari_padis.gui.contributions import PREPARE

    assert PREPARE in {widget.display_name for widget in manifest.contributions.widgets}
    assert PREPARE in {command.title for command in manifest.contributions.commands}
