"""Whatever is wrong: exit status 2, one sentence on stderr, no traceback."""

import gzip
import subprocess
import sys

import pytest
import typer

from napari_padis.cli.errors import FAILED, INTERRUPTED, WRONG_INPUT, sentence, status
from napari_padis.errors import InputError, ReconstructionError


def assert_one_sentence(result, *fragments):
    assert result.exit_code == WRONG_INPUT, result.output
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("napari-padis: ")
    assert lines[0].endswith((".", ")", "?"))
    for fragment in fragments:
        assert fragment in lines[0]


def test_unknown_command(cli):
    assert_one_sentence(cli("reconstrct"), "No such command", "reconstruct")


def test_missing_argument_and_unknown_option(cli):
    assert_one_sentence(cli("read"), "Missing argument")
    assert_one_sentence(cli("read", "x", "--fast"), "--fast")
    assert_one_sentence(cli("simulate", "x", "--out", "y.h5", "--views", "many"), "--views")


@pytest.mark.parametrize("command", ["read", "simulate", "reconstruct"])
def test_missing_file(cli, tmp_path, command):
    words = [command, tmp_path / "nothing.nii"]
    if command != "read":
        words += ["--out", tmp_path / "y.h5"]
    assert_one_sentence(cli(*words), "nothing.nii", "does not exist")


def test_missing_training_folder(cli, tmp_path):
    words = ("train", tmp_path / "nowhere", "--out", tmp_path, "--steps", 1)
    assert_one_sentence(cli(*words), "does not exist")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("broken.nii", b"not an image at all"),
        ("broken.nii.gz", gzip.compress(b"short", mtime=0)),
        ("cut.nii.gz", b"\x1f\x8b\x08"),
        ("broken.h5", b"\x89HDF\r\n\x1a\n and then nothing"),
        ("broken.nrrd", b"NRRD0004\n"),
        ("broken.mha", b"ObjectType = Image\n"),
        ("broken.tif", b"II*\x00"),
        ("broken.npy", b"\x93NUMPY"),
        ("broken.dcm", b"no dicom"),
        ("broken.xyz", b"what is this"),
    ],
)
def test_corrupt_files(cli, tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert_one_sentence(cli("read", tmp_path / name), name)


def test_truncated_volume(cli, volume_file):
    volume_file.write_bytes(volume_file.read_bytes()[:-200])
    assert_one_sentence(cli("read", volume_file), volume_file.name)


def test_unknown_names(cli, volume_file, measurement_file, tmp_path):
    out = tmp_path / "out"
    assert_one_sentence(
        cli("simulate", volume_file, "--forward", "spiral", "--out", tmp_path / "z.h5"),
        "'spiral'",
        "parallel",
    )
    assert_one_sentence(
        cli("reconstruct", measurement_file, "--method", "magic", "--out", out), "'magic'", "padis"
    )
    assert_one_sentence(
        cli("reconstruct", measurement_file, "--prior", "none-such", "--out", out), "'none-such'"
    )
    fbp = ("reconstruct", measurement_file, "--method", "fbp", "--out", out)
    assert_one_sentence(cli(*fbp, "--device", "abacus"), "abacus")
    assert_one_sentence(cli(*fbp, "--option", "eta=1"), "eta")
    assert_one_sentence(cli(*fbp, "--option", "eta"), "key=value")
    assert_one_sentence(cli(*fbp, "--slices", "3:99"), "3:99")
    assert_one_sentence(cli(*fbp, "--samples", "0"), "samples")
    assert not out.exists() or not any(out.iterdir())


def test_volume_and_measurement_are_not_confused(cli, volume_file, measurement_file, tmp_path):
    assert_one_sentence(cli("reconstruct", volume_file, "--out", tmp_path / "r"), "simulate")
    assert_one_sentence(
        cli("simulate", measurement_file, "--out", tmp_path / "z.h5"), "measurement already"
    )


def test_noise_given_twice(cli, volume_file, tmp_path):
    words = ("simulate", volume_file, "--out", tmp_path / "z.h5", "--sigma", 1, "--photons", 1e4)
    assert_one_sentence(cli(*words), "only one")


def test_debug_shows_the_error_itself(cli, tmp_path):
    for words in (
        ("--debug", "read", tmp_path / "no.nii"),
        ("read", tmp_path / "no.nii", "--debug"),
    ):
        result = cli(*words)
        assert isinstance(result.exception, InputError)


def test_exit_status_of_the_program(tmp_path):
    program = [sys.executable, "-c", "from napari_padis.cli.main import main; main()"]
    wrong = subprocess.run(
        [*program, "read", "no.nii"], capture_output=True, text=True, cwd=tmp_path
    )
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr
    assert len(wrong.stderr.strip().splitlines()) == 1
    debug = subprocess.run(
        [*program, "read", "no.nii", "--debug"], capture_output=True, text=True, cwd=tmp_path
    )
    assert debug.returncode != 0
    assert "Traceback" in debug.stderr
    fine = subprocess.run([*program, "--version"], capture_output=True, text=True)
    assert fine.returncode == 0


def test_sentences_and_statuses():
    assert status(InputError("x")) == WRONG_INPUT
    assert status(ReconstructionError("x")) == FAILED
    assert status(typer.Abort()) == INTERRUPTED
    assert status(ValueError("x")) == FAILED
    assert sentence(ReconstructionError("Two\nlines.")) == "Two lines."
    assert "--debug" in sentence(ValueError("x"))
    assert "fewer slices" in sentence(MemoryError())
    assert sentence(PermissionError(13, "Permission denied", "f")) == "'f': Permission denied."
    assert sentence(typer.Abort()) == "Interrupted."
