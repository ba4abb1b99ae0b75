"""The wheel holds what it must and works in an environment of its own."""

import json
import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MEGABYTE = 2**20


def run(*words, **options):
    done = subprocess.run(
        [str(word) for word in words], capture_output=True, text=True, check=False, **options
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built from the source archive, which therefore is complete as well."""
    folder = tmp_path_factory.mktemp("wheel")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel, tmp_path_factory) -> Path:
    """Python of a fresh environment with the wheel and, borrowed, its dependencies.

    The test environment's packages are put at the end of the path, where its own
    editable installation (a .pth file) is not followed: nothing has to be downloaded.
    """
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", "--without-pip", folder)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    install = ["-m", "pip", "--python", python, "install", "--no-deps", "--no-index", wheel]
    run(sys.executable, *install)
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return python


@pytest.fixture(scope="module")
def inside(environment, tmp_path_factory):
    """Run a program in the fresh environment, away from the checkout."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    keep = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}

    def call(program):
        return run(environment, "-c", program, cwd=elsewhere, env=keep)

    return call


def test_contents(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        assert len(names) == len(set(names))
        manifest = archive.read("napari_padis/napari.yaml")
        entry_points = archive.read(
            next(name for name in names if name.endswith("entry_points.txt"))
        ).decode()
        metadata = archive.read(next(name for name in names if name.endswith("METADATA"))).decode()
    assert manifest == (ROOT / "napari.yaml").read_bytes()
    assert "napari_padis/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert "napari-padis = napari_padis:napari.yaml" in entry_points
    assert "napari-padis = napari_padis.cli.main:main" in entry_points
    assert "License-Expression: BSD-3-Clause" in metadata
    assert "Classifier: Framework :: napari" in metadata
    assert not any(name.startswith("tests") for name in names)


def test_qt_is_only_in_an_extra(wheel):
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith("METADATA"))
        lines = archive.read(name).decode().splitlines()
    needed = [line for line in lines if line.startswith("Requires-Dist") and "extra ==" not in line]
    assert needed
    assert not any(word in line.lower() for line in needed for word in ("pyqt", "pyside", "[all]"))
    assert not any("<" in line or "==" in line for line in needed)


def test_weights_are_inside(wheel):
    source = ROOT / "src" / "napari_padis" / "prior" / "weights"
    files = sorted(p.name for p in source.iterdir() if p.suffix in (".json", ".safetensors"))
    assert "ct-small.safetensors" in files
    with zipfile.ZipFile(wheel) as archive:
        for name in files:
            data = archive.read(f"napari_padis/prior/weights/{name}")
            assert data == (source / name).read_bytes()
    sizes = {name: (source / name).stat().st_size for name in files}
    assert sizes["ct-small.safetensors"] <= 10 * MEGABYTE
    assert sum(sizes.values()) <= 30 * MEGABYTE


def test_the_installed_package_is_the_wheel(inside, wheel):
    found = json.loads(
        inside(
            "import json, napari_padis, importlib.metadata as m\n"
            "print(json.dumps([napari_padis.__file__, m.version('napari-padis')]))"
        )
    )
    assert not Path(found[0]).is_relative_to(ROOT)
    assert f"-{found[1]}-" in wheel.name


def test_npe2_discovers_it(inside):
    found = json.loads(
        inside(
            "import json\n"
            "from npe2 import PluginManager\n"
            "pm = PluginManager()\n"
            "pm.discover()\n"
            "manifest = pm.get_manifest('napari-padis')\n"
            "commands = [c.id for c in manifest.contributions.commands]\n"
            "print(json.dumps([manifest.package_version, commands]))"
        ).splitlines()[-1]
    )
    assert found[0] == "0.1.0"
    assert "napari-padis.reconstruct" in found[1]


def test_priors_are_found(inside):
    text = inside(
        "from napari_padis.prior.catalogue import catalogue\n"
        "print([card.name for card in catalogue()])"
    )
    assert "ct-small" in text


def test_command_line_is_installed(environment):
    program = environment.parent / ("napari-padis.exe" if os.name == "nt" else "napari-padis")
    assert run(program, "--version").startswith("napari-padis 0.1.0")
