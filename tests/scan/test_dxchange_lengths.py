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


@pytest.mark.parametrize("place", ["detection_system/objective", "detector"])
def test_optics_make_the_pixels_of_the_detector_smaller(tmp_path, place):
    """A beamline's 6.5 micrometre camera behind a tenfold objective sees 0.65 micrometres."""
    path = scan(tmp_path, 6.5, units="um")
    with h5py.File(path, "a") as file:
        file[f"measurement/instrument/{place}/magnification"] = 10.0
    found = read(path)
    assert found.detector_pitch == pytest.approx(6.5e-4)
    assert any("magnified 10 times" in note for note in found.notes)


def test_pixels_of_a_detector_of_unknown_optics_are_said_to_be_so(tmp_path):
    found = read(scan(tmp_path, 6.5, units="um"))
    assert found.detector_pitch == pytest.approx(6.5e-3)
    assert any("states no magnification" in note for note in found.notes)


def test_pixels_at_the_sample_are_not_magnified_again(tmp_path):
    path = scan(tmp_path, 6.5, units="um")
    with h5py.File(path, "a") as file:
        optics = file.create_group("measurement/instrument/detection_system/objective")
        optics["magnification"] = 10.0
        optics["resolution"] = 0.65
        optics["resolution"].attrs["units"] = "um"
    assert read(path).detector_pitch == pytest.approx(6.5e-4)
