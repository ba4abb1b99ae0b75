"""Importing the package costs nothing, and what it says about itself agrees."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import napari_padis

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "odl", "astra", "qtpy", "PyQt5", "PyQt6", "PySide6", "vispy", "magicgui")


def loaded(statement):
    program = (
        f"import json, sys\n{statement}\n"
        f"print(json.dumps([m for m in {HEAVY!r} if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "statement",
    [
        "import napari_padis",
        "import napari_padis.cli.main",
        "import napari_padis.scan.read, napari_padis.scan.write",
        "import napari_padis.scan.samples",
        "import napari_padis.gui.contributions",
        "import napari_padis.engine.recipe, napari_padis.engine.events",
        "import napari_padis.posterior.methods, napari_padis.likelihood, napari_padis.prior.card",
    ],
)
def test_nothing_heavy_is_loaded_by(statement):
    assert loaded(statement) == []


def test_importing_the_package_loads_no_array_library():
    program = "import sys, napari_padis; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "False"


def test_one_version_everywhere():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    citation = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text(), re.M)
    assert project["version"] == napari_padis.__version__ == citation[1]
    assert f"[{napari_padis.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_torch_is_constrained_but_not_pinned():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert "torch==2.13.0" in (ROOT / "constraints.txt").read_text().splitlines()
    assert not any(
        re.search(r"[<=]=|<", text.replace(">=", "")) for text in project["dependencies"]
    )


def test_pytest_keeps_odl_out():
    options = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]
    assert options["addopts"].split()[:2] == ["-p", "no:odl_plugins"]
