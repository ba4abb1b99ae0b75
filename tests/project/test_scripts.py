"""The shell scripts behind the Makefile, with stand-ins for the system's commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="scripts for Debian's family")


@pytest.fixture
def system(tmp_path):
    """A machine whose commands are what a test says; real ones are there for the rest."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("sh", "cat", "tr"):
        (folder / name).symlink_to(shutil.which(name))

    def command(name, text):
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)

    def run(script, *words, **variables):
        return subprocess.run(
            ["/bin/sh", SCRIPTS / script, *words],
            env={"PATH": str(folder), **variables},
            capture_output=True,
            text=True,
        )

    command("uname", "echo Linux")
    command("ldconfig", "exit 0")
    run.command = command
    run.folder = folder
    return run


def test_user_is_told_the_exact_command(system):
    system.command("id", "echo 1000")
    system.command("apt-get", "echo 'must not be called' >&2; exit 9")
    done = system("system_packages.sh")
    assert done.returncode == 0, done.stderr
    assert "sudo apt-get install --no-install-recommends libgl1 " in done.stdout
    assert "libxcb-cursor0" in done.stdout
    assert "xvfb" in done.stdout


def test_root_installs_only_what_is_missing(system):
    system.command("id", "echo 0")
    system.command("apt-get", f'echo "$@" >> {system.folder}/called')
    system.command("Xvfb", "")
    system.command("ldconfig", r'printf "\tlibGL.so.1 (libc6,x86-64) => /usr/lib/libGL.so.1\n"')
    done = system("system_packages.sh")
    assert done.returncode == 0, done.stderr
    update, install = (system.folder / "called").read_text().splitlines()
    assert update.startswith("update")
    assert install.startswith("install")
    words = install.split()
    assert "libegl1" in words
    assert "libgl1" not in words
    assert "xvfb" not in words


def test_other_systems_get_a_note(system):
    done = system("system_packages.sh")
    assert done.returncode == 0
    assert "libegl1" in done.stdout
    system.command("uname", "echo Darwin")
    assert system("system_packages.sh").stdout == ""


def test_a_display_at_hand_is_used(system):
    system.command("xvfb-run", "exit 9")
    assert system("with_display.sh", "cat", "/dev/null", DISPLAY=":1").returncode == 0


def test_without_display_a_virtual_one_is_started(system):
    system.command("xvfb-run", 'echo "$@"')
    done = system("with_display.sh", "program", "argument")
    assert done.stdout.split()[-2:] == ["program", "argument"]


def test_without_display_and_without_xvfb_it_is_said(system):
    done = system("with_display.sh", "program")
    assert done.returncode == 1
    assert "system_packages.sh" in done.stderr


def test_scripts_can_be_executed():
    for path in SCRIPTS.glob("*.sh"):
        assert os.access(path, os.X_OK)
