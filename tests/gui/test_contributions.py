"""What napari calls: readers, writers and samples, and how their layers look in napari."""

from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.gui import contributions as c
from napari_padis.gui.layer_data import is_measurement
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.orientation import reorient
from napari_padis.scan.read import read
from napari_padis.scan.volume import Volume, sar_affine
from napari_padis.scan.write import write


@pytest.fixture
def volume():
    array = np.full((4, 6, 9), -1000, dtype=np.int16)
    array[1:, 2:, 1:7] = 40
    array[3, 5, 8] = 1200
    affine = sar_affine((2.5, 1.5, 0.5))
    affine[:3, 3] = 4, -9, 30
    return Volume(array, (2.5, 1.5, 0.5), "HU", affine, "scan", {"orientation": "LPS"}, ("a",))


@pytest.fixture
def measurement():
    geometry = ParallelGeometry.standard(5, (6, 9), (1.5, 0.5), 2.5, detectors=10)
    data = np.arange(200, dtype=np.float32).reshape(4, 5, 10)
    return Measurement(data, geometry, Noise("gaussian", sigma=0.1), provenance={"seed": 1})


def as_layer(layer_data):
    data, meta, _ = layer_data
    return SimpleNamespace(data=data, **meta)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.tif"])
def test_reader_takes_files_and_gives_millimetre_layers(tmp_path, volume, name):
    path = str(write(tmp_path / name, volume))
    for argument in (path, [path]):
        ((data, meta, kind),) = c.get_reader(argument)(argument)
        assert kind == "image"
        np.testing.assert_array_equal(data, volume.array[:, ::-1, ::-1])
        assert meta["scale"] == pytest.approx((2.5, 1.5, 0.5))
        assert meta["units"] == ("mm", "mm", "mm")
        assert meta["axis_labels"] == ("S", "P", "L")
        assert meta["contrast_limits"] == (-1000, 1000)


def test_reader_leaves_other_files_alone(tmp_path, measurement):
    import h5py

    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text("x")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = 1
    (tmp_path / "bad.h5").write_bytes(b"hello")
    for name in ("a.png", "folder", "other.h5", "bad.h5", "missing.h5"):
        assert c.get_reader(str(tmp_path / name)) is None
    assert c.get_reader([]) is None
    assert c.get_reader(str(write(tmp_path / "y.h5", measurement))) is c.read_layers


def test_dicom_folder_and_file_are_taken(tmp_path):
    import shutil

    from pydicom.data import get_testdata_file

    (tmp_path / "ct").mkdir()
    shutil.copy(get_testdata_file("CT_small.dcm", download=False), tmp_path / "ct" / "IM0001")
    for path in (tmp_path / "ct", tmp_path / "ct" / "IM0001"):
        ((data, meta, _),) = c.get_reader(str(path))(str(path))
        assert data.shape == (1, 128, 128)
        assert meta["metadata"]["napari_padis"]["unit"] == "HU"


def test_read_view_write_read_keeps_sides_and_affine(tmp_path, volume):
    array, affine = reorient(volume.array, volume.affine, "LPS")
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "a.nii.gz")
    ((data, meta, _),) = c.read_layers(str(tmp_path / "a.nii.gz"))
    (written,) = c.write_nifti_layer(str(tmp_path / "b.nii.gz"), data, meta)
    image = nib.load(written)
    np.testing.assert_allclose(image.affine, affine, atol=1e-6)
    np.testing.assert_array_equal(image.dataobj, array)
    (written,) = c.write_tiff_layer(str(tmp_path / "b.tif"), data, meta)
    back = read(written)
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.affine, volume.affine)
    assert back.unit == "HU"


def test_measurement_layer_round_trip(tmp_path, measurement):
    data, meta, _ = c.measurement_layer(measurement)
    assert meta["axis_labels"] == ("slice", "view", "detector")
    (written,) = c.write_measurement_layer(str(tmp_path / "y.h5"), data, meta)
    ((data, meta, _),) = c.read_layers(written)
    back = c.measurement_from_layer(as_layer((data, meta, "image")))
    np.testing.assert_array_equal(back.data, measurement.data)
    np.testing.assert_equal(back.geometry.to_dict(), measurement.geometry.to_dict())
    assert back.noise == measurement.noise
    assert back.provenance == {"seed": 1}


def test_writers_refuse_the_wrong_kind(tmp_path, volume, measurement):
    data, meta, _ = c.measurement_layer(measurement)
    with pytest.raises(InputError, match="is a sinogram"):
        c.write_nifti_layer(str(tmp_path / "y.nii"), data, meta)
    data, meta, _ = c.volume_layer(volume)
    with pytest.raises(InputError, match="no acquisition geometry"):
        c.write_measurement_layer(str(tmp_path / "y.h5"), data, meta)
    assert c.measurement_from_layer(as_layer((data, meta, "image"))) is None


def test_volume_from_our_layer_keeps_everything(volume):
    layer = as_layer(c.volume_layer(volume))
    back = c.volume_from_layer(layer)
    np.testing.assert_array_equal(back.array, volume.array)
    np.testing.assert_allclose(back.affine, volume.affine)
    assert (back.unit, back.spacing, back.name) == ("HU", volume.spacing, "scan")
    assert back.notes == ("a",)
    layer.scale = (5.0, 3.0, 1.0)
    scaled = c.volume_from_layer(layer)
    assert scaled.spacing == (5.0, 3.0, 1.0)
    np.testing.assert_allclose(scaled.affine[:3, :3], 2 * volume.affine[:3, :3])


def test_volume_from_a_foreign_layer():
    layer = SimpleNamespace(data=np.zeros((2, 3, 4)), name="x", scale=[1, 0.5, 200],
                            units=("meter", "centimeter", "micrometer"), metadata={})  # fmt: skip
    assert c.volume_from_layer(layer).spacing == pytest.approx((1000, 5, 0.2))
    layer = SimpleNamespace(data=np.zeros((3, 4), np.int16), name="x", scale=[2, 3],
                            units=("pixel", "pixel"), metadata={"unit": "HU"})  # fmt: skip
    flat = c.volume_from_layer(layer)
    assert (flat.shape, flat.spacing, flat.unit) == ((1, 3, 4), (1, 2, 3), "HU")
    assert "no length unit" in flat.notes[0]


@pytest.mark.parametrize(
    "layer",
    [
        SimpleNamespace(data=np.zeros((2, 2, 2, 2)), scale=[1] * 4, units=None, metadata={}),
        SimpleNamespace(data=np.zeros((9, 9, 3)), scale=[1] * 2, rgb=True, metadata={}),
        SimpleNamespace(data=np.zeros((2, 2, 2), complex), scale=[1] * 3, metadata={}),
        SimpleNamespace(data=np.zeros((0, 2, 2)), scale=[1] * 3, metadata={}),
    ],
)
def test_layers_that_are_no_volume(layer):
    with pytest.raises(InputError):
        c.volume_from_layer(layer)


@pytest.mark.parametrize("name", ["shepp_logan", "torso", "ct_small"])
def test_samples_and_their_sinograms(name):
    volume = c.volume_from_layer(as_layer(getattr(c, f"sample_{name}")()[0]))
    assert volume.unit == "HU"
    layer = as_layer(getattr(c, f"sample_{name}_sinogram")()[0])
    assert is_measurement(layer)
    measurement = c.measurement_from_layer(layer)
    assert measurement.data.shape == (len(volume.array), 20, 512)
    assert measurement.volume_shape == volume.shape
    np.testing.assert_allclose(measurement.affine, volume.affine)
    assert (measurement.unit, measurement.noise.kind) == ("HU", "none")
    # Every view sees the same mass: sum of attenuation times voxel area.
    mu = np.maximum(volume.array, -1000) / 1000.0 + 1
    mass = mu.sum((1, 2)) * volume.spacing[1] * volume.spacing[2] * measurement.mu_water
    seen = measurement.data.sum(2) * measurement.geometry.detector_pitch
    worth = mass > 0.01 * mass.max()
    np.testing.assert_allclose(seen[worth], np.repeat(mass[worth, None], 20, 1), rtol=0.02)


def test_napari_accepts_both_layers_together(volume, measurement, recwarn):
    from napari.components import ViewerModel
    from napari.layers import Layer

    viewer = ViewerModel()
    for data in (c.volume_layer(volume), c.measurement_layer(measurement)):
        viewer.add_layer(Layer.create(*data))
    assert [str(u) for u in viewer.layers.extent.units] == ["millimeter"] * 3
    assert not [w for w in recwarn if "unit" in str(w.message).lower()]
    first, second = viewer.layers
    back = c.volume_from_layer(first)
    assert (back.spacing, back.unit, back.notes) == (volume.spacing, "HU", ("a",))
    np.testing.assert_allclose(back.affine, volume.affine)
    back = c.measurement_from_layer(second)
    np.testing.assert_equal(back.geometry.to_dict(), measurement.geometry.to_dict())


def test_oblique_and_unusual_files_tell_the_user(tmp_path, volume, monkeypatch):
    import napari.utils.notifications as notifications

    said = []
    monkeypatch.setattr(notifications, "show_info", said.append)
    array, affine = reorient(volume.array, volume.affine, "LPS")
    nib.save(nib.Nifti1Image(array, affine), tmp_path / "a.nii.gz")
    c.read_layers(str(tmp_path / "a.nii.gz"))
    assert any("taken as Hounsfield units" in text for text in said)


def test_formats_of_measured_data_are_told_from_other_hdf5(tmp_path):
    import h5py

    with h5py.File(tmp_path / "scan.h5", "w") as file:
        file["exchange/data"] = np.ones((3, 2, 4), np.float32)
    with h5py.File(tmp_path / "mri.hdf5", "w") as file:
        file["kspace"] = np.ones((1, 2, 8, 8), np.complex64)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["cells/data"] = np.ones((3, 2, 4))
    (tmp_path / "photo.hdr").write_text("#?RADIANCE")
    for name, ours in (("scan.h5", 1), ("mri.hdf5", 1), ("other.h5", 0), ("photo.hdr", 0)):
        assert (c.get_reader(str(tmp_path / name)) is not None) == bool(ours), name


def test_projections_are_opened_with_a_way_to_go_on(tmp_path, monkeypatch):
    from napari.utils.notifications import notification_manager

    from napari_padis.gui.projection_layer import projections_from_layer

    rng = np.random.default_rng(0)
    np.savez(tmp_path / "scan.npz", sinogram=rng.random((12, 30)), angles=np.arange(12) * 15.0)
    said, opened = [], []
    monkeypatch.setattr(notification_manager, "dispatch", said.append)
    monkeypatch.setattr(c, "open_preparation", lambda: opened.append(True))
    path = str(tmp_path / "scan.npz")
    layer = as_layer(c.get_reader(path)(path)[0])
    assert projections_from_layer(layer).shape == (12, 1, 30)
    assert layer.data.shape == (1, 12, 30)
    last = said[-1]
    assert c.PREPARE in last.message
    ((text, action),) = last.actions
    assert text == "Prepare …"
    action(None)
    assert opened == [True]


def test_the_button_of_the_notification_opens_the_dock(make_napari_viewer):
    viewer = make_napari_viewer()
    c.open_preparation()
    c.open_preparation()
    docks = [name for name in viewer.window.dock_widgets if c.PREPARE in name]
    assert len(docks) == 1
