"""The command line answers at once: nothing heavy is loaded before it is needed."""

import json
import subprocess
import sys

import pytest

HEAVY = ("torch", "odl", "astra", "napari", "qtpy", "PyQt6", "PySide6", "vispy", "skimage")


@pytest.mark.parametrize(
    "words", [["--help"], ["reconstruct", "--help"], ["methods"], ["forwards"]]
)
def test_nothing_heavy_for(words):
    heavy = HEAVY if words[-1] == "--help" else HEAVY[:-1]
    program = (
        "import json, sys\n"
        "from napari_padis.cli.main import app\n"
        f"try:\n    app({words!r})\n"
        "except SystemExit as end:\n    assert not end.code\n"
        f"print(json.dumps([m for m in {heavy!r} if m in sys.modules]), file=sys.stderr)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stderr.strip().splitlines()[-1]) == []
