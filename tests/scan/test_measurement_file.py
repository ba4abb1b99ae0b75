"""The measurement file keeps everything a reconstruction needs."""

import dataclasses
import json

import h5py
import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.hdf5 import FORMAT, VERSION
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.read import read, read_all
from napari_padis.scan.write import write


@pytest.fixture
def measurement(rng):
    geometry = ParallelGeometry.standard(7, (16, 12), (1.5, 1.25), 2.5, detectors=20)
    affine = np.diag([2.0, 3.0, 4.0, 1.0])
    return Measurement(
        data=rng.normal(size=(3, 7, 20)).astype(np.float32),
        geometry=geometry,
        noise=Noise("poisson", sigma=0.01, photons=1e5, electronic=3.0),
        unit="1/mm",
        mu_water=0.02,
        affine=affine,
        name="test",
        provenance={"seed": 3, "slices": [0, 3], "scale": np.float64(2.5)},
        space="scanner",
    )


def test_round_trip_is_exact(tmp_path, measurement):
    path = write(tmp_path / "y.h5", measurement)
    back = read(path)
    assert isinstance(back, Measurement)
    np.testing.assert_array_equal(back.data, measurement.data)
    assert back.data.dtype == np.float32
    np.testing.assert_array_equal(back.geometry.angles, measurement.geometry.angles)
    assert back.geometry.to_dict() == measurement.geometry.to_dict()
    assert (back.noise, back.unit, back.mu_water, back.name) == (
        measurement.noise, "1/mm", 0.02, "test")  # fmt: skip
    np.testing.assert_array_equal(back.affine, measurement.affine)
    assert back.provenance == {"seed": 3, "slices": [0, 3], "scale": 2.5}
    assert back.space == back.take(1, 2).space == "scanner"
    assert len(read_all([path, path])) == 2


def test_files_that_state_no_frame_of_coordinates_do_not_invent_one(tmp_path, measurement):
    path = write(tmp_path / "y.h5", measurement)
    with h5py.File(path, "a") as file:
        del file.attrs["space"]
    assert read(path).space == "unknown"
    with h5py.File(path, "a") as file:
        file.attrs["space"] = "bed"
    with pytest.raises(InputError, match="frame of coordinates"):
        read(path)


def test_files_of_version_1_are_read(tmp_path):
    """Written by hand: attributes and JSON as the first version had them."""
    geometry = {
        "angles": [0.0, 1.0, 2.0], "detectors": 5, "detector_pitch": 1.5, "image_shape": [4, 6],
        "pixel": [1.0, 2.0], "slice_spacing": 3.0, "kind": "parallel",
    }  # fmt: skip
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs.update(format=FORMAT, version=1, name="old", unit="HU", mu_water=0.019)
        file["data"] = np.ones((2, 3, 5), np.float32)
        file["affine"] = np.eye(4)
        for name, value in (("geometry", geometry), ("noise", {"kind": "none", "sigma": 0.0})):
            file.create_dataset(name, data=json.dumps(value), dtype=h5py.string_dtype())
    found = read(tmp_path / "old.h5")
    assert isinstance(found.geometry, ParallelGeometry)
    assert found.volume_shape == (2, 4, 6)
    assert found.spacing == (3.0, 1.0, 2.0)
    assert found.geometry.shift == 0
    assert (found.noise, found.mu_water, found.name) == (Noise("none", 0.0), 0.019, "old")


@pytest.mark.parametrize("wrong", [{"sigma": -1.0}, {"sigma": float("nan")}, {"photons": "many"},
                                   {"photons": float("inf")}, {"electronic": -2}])  # fmt: skip
def test_noise_is_made_of_sensible_numbers(wrong):
    with pytest.raises(InputError, match=f"'{next(iter(wrong))}'"):
        Noise("poisson", **wrong)


@pytest.mark.parametrize("mu", [0.0, -0.02, float("nan"), float("inf")])
def test_water_attenuates(measurement, mu):
    with pytest.raises(InputError, match="attenuation of water"):
        dataclasses.replace(measurement, mu_water=mu)


@pytest.mark.parametrize("wrong", [{"detectors": 0}, {"detectors": 2.5},
                                   {"detectors": float("nan")},
                                   {"detector_pitch": 1e-300}, {"pixel": (1e300, 1.0)},
                                   {"shift": 1e12}])  # fmt: skip
def test_geometry_is_made_of_sensible_numbers(measurement, wrong):
    with pytest.raises(InputError):
        dataclasses.replace(measurement.geometry, **wrong)
    whole = dataclasses.replace(measurement.geometry, detectors=20.0)
    assert isinstance(whole.detectors, int)


def test_file_says_what_it_is_and_is_chunked_by_slice(tmp_path, measurement):
    with h5py.File(write(tmp_path / "y.h5", measurement)) as file:
        assert file.attrs["format"] == FORMAT
        assert file.attrs["version"] == VERSION
        assert file["data"].chunks == (1, 7, 20)
        assert file["data"].compression == "gzip"


def test_many_views_fit(tmp_path):
    geometry = ParallelGeometry.standard(9000, (4, 4), detectors=2)
    whole = Measurement(np.zeros((1, 9000, 2), np.float32), geometry)
    assert read(write(tmp_path / "y.h5", whole)).geometry.data_shape == (9000, 2)


def test_failed_write_leaves_the_old_file(tmp_path, measurement, monkeypatch):
    path = write(tmp_path / "y.h5", measurement)
    before = path.read_bytes()

    def fail(*_args, **_kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(h5py.File, "create_dataset", fail)
    with pytest.raises(InputError, match="No space left"):
        write(path, measurement)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["y.h5"]


def test_wrong_endings_and_places_are_refused(tmp_path, measurement, phantom):
    from napari_padis.scan.volume import Volume

    with pytest.raises(InputError, match=r"written as \.h5"):
        write(tmp_path / "y.nii", measurement)
    with pytest.raises(InputError, match=r"written as \.nii"):
        write(tmp_path / "y.h5", Volume(phantom))
    with pytest.raises(InputError, match="cannot be written"):
        write(tmp_path / "nowhere" / "y.h5", measurement)
