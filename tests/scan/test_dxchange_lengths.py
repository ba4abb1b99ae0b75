"""Pixel sizes of DXchange files in every unit, and those that cannot be used."""

import h5py
import numpy as np
import pytest

from napari_padis.scan.read import read

PLACE = "measurement/instrument/detector/pixel_size_x"


def scan(folder, value, **attributes):
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        file["exchange/data"] = np.ones((3, 2, 4), np.float32)
        file[PLACE] = value
        file[PLACE].attrs.update(attributes)
    return path


@pytest.mark.parametrize(
    ("attributes", "factor"),
    [({"units": "um"}, 1e-3), ({"units": b"micrometers"}, 1e-3), ({"units": "µm"}, 1e-3),
     ({"units": "m"}, 1e3), ({"units": "millimetre"}, 1), ({"unit": "inch"}, 25.4),
     ({"units": "Microns"}, 1e-3)],
)  # fmt: skip
def test_every_spelling_of_a_length(tmp_path, attributes, factor):
    assert read(scan(tmp_path, 1.3, **attributes)).detector_pitch == pytest.approx(1.3 * factor)


@pytest.mark.parametrize(
    ("attributes", "said"),
    [({"units": "ell"}, "in the unknown unit 'ell'"), ({}, "without a unit")],
)
def test_lengths_that_cannot_be_used_are_said(tmp_path, attributes, said):
    found = read(scan(tmp_path, 1.3, **attributes))
    assert found.detector_pitch is None
    assert any(f"is 1.3 {said} and not used" in note for note in found.notes)
