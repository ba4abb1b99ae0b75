"""Memory over many runs, in a process that has done nothing else.

After a thousand other tests the size of the process says more about them: heaps, windows and OpenGL
contexts that they left behind.
"""

import subprocess
import sys
from pathlib import Path


def test_twenty_runs_do_not_grow(pytestconfig):
    check = Path(__file__).with_name("growth_check.py")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(check)],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        timeout=800,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "1 passed" in done.stdout
