"""The reader of MATLAB files against what SciPy wrote and reads."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import scipy.io

from napari_padis.scan.matlab5 import read_version_5

TYPES = ("f8", "f4", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8")


def written(folder, values, **options):
    scipy.io.savemat(folder / "a.mat", values, **options)
    return (folder / "a.mat").read_bytes()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 5), (1, 1), (0, 4)])
def test_numbers_of_every_type_and_shape(tmp_path, kind, shape, compressed):
    array = (100 * np.random.default_rng(0).random(shape)).astype(kind)
    data = written(tmp_path, {"x": array}, do_compression=compressed)
    found = read_version_5(data, 4)["x"]
    assert found.dtype == array.dtype
    np.testing.assert_array_equal(found, array)


def test_text_structures_and_what_is_left_out(tmp_path):
    inner = {"beam": "fan", "angles": np.arange(5.0), "deep": {"n": 2}}
    cell = np.empty((1, 2), dtype=object)
    cell[0, 0], cell[0, 1] = "a", 1
    one = np.empty((1, 1), dtype=object)
    one[0, 0] = np.eye(2)
    values = {"s": inner, "cell": cell, "one": one, "c": np.eye(2) * 1j, "text": "Füße", "e": ""}
    found = read_version_5(written(tmp_path, values, long_field_names=True), 4)
    assert found["text"] == "Füße"
    assert found["e"] == ""
    assert found["s"]["beam"] == "fan"
    np.testing.assert_array_equal(found["s"]["angles"], [np.arange(5.0)])
    assert found["s"]["deep"]["n"] == 2
    np.testing.assert_array_equal(found["one"], np.eye(2))
    assert found["cell"].size == found["c"].size == 0


def test_structures_are_followed_only_so_far(tmp_path):
    data = written(tmp_path, {"a": {"b": {"c": {"d": 1}}}})
    assert read_version_5(data, 2)["a"]["b"]["c"].size == 0


def test_big_endian_files():
    """A 1 x 2 array of doubles written by hand after the format's description."""
    tags = struct.pack(">IIIIIIii", 6, 8, 6, 0, 5, 8, 1, 2) + struct.pack(">HHI", 1, 1, 0x78 << 24)
    matrix = tags + struct.pack(">IIdd", 9, 16, 3.5, -2.0)
    header = b"MATLAB 5.0".ljust(124) + b"\x01\x00MI"
    found = read_version_5(header + struct.pack(">II", 14, len(matrix)) + matrix, 4)
    np.testing.assert_array_equal(found["x"], [[3.5, -2.0]])


def test_real_files_agree_with_scipy(data_folder):
    for path in sorted((data_folder / "sinograms").glob("*.mat")):
        reference = scipy.io.loadmat(path)
        found = read_version_5(path.read_bytes(), 4)
        assert found.keys() == {name for name in reference if not name.startswith("__")}
        for name, value in found.items():
            if not isinstance(value, dict):
                np.testing.assert_array_equal(value, reference[name])
                continue
            sinogram = reference[name]["sinogram"][0, 0]
            np.testing.assert_array_equal(value["sinogram"], sinogram)
