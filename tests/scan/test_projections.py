"""Raw projections from DXchange, MATLAB, NumPy and TIFF files."""

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile

from napari_padis.errors import InputError
from napari_padis.scan.lazy import LazyDataset
from napari_padis.scan.projections import PER_VIEW, Projections
from napari_padis.scan.read import read, read_all
from napari_padis.scan.read_projections import read_projections
from napari_padis.scan.volume import Volume

VIEWS, ROWS, BINS = 7, 3, 5
DEGREES = np.linspace(0, 180, VIEWS, endpoint=False)


@pytest.fixture
def counts(rng):
    return rng.uniform(100, 900, (VIEWS, ROWS, BINS)).astype(np.float32)


def write_dxchange(path, counts, theta=DEGREES, units="degrees", **datasets):
    with h5py.File(path, "w") as file:
        group = file.create_group("exchange")
        group["data"] = counts
        if theta is not None:
            group["theta"] = theta
            if units:
                group["theta"].attrs["units"] = units
        for name, value in datasets.items():
            group[name] = value
    return path


def test_dxchange(tmp_path, counts):
    white, dark = np.full((4, ROWS, BINS), 1000.0), np.zeros((2, ROWS, BINS))
    path = write_dxchange(tmp_path / "a.h5", counts, data_white=white, data_dark=dark)
    found = read(path)
    assert isinstance(found, Projections)
    np.testing.assert_array_equal(found.data[2:4, 1], counts[2:4, 1])
    np.testing.assert_allclose(found.angles, np.deg2rad(DEGREES))
    assert (found.beam, found.contents) == ("parallel", "counts")
    assert found.missing == ("detector_pitch",)
    np.testing.assert_array_equal(found.flats[:], white)
    assert found.darks.shape == (2, ROWS, BINS)
    assert read_all([path])[0].name == "a"


def test_dxchange_angles_in_radians_or_none(tmp_path, counts):
    radians = np.linspace(0, 3, VIEWS)
    path = write_dxchange(tmp_path / "a.h5", counts, radians, "rad")
    np.testing.assert_allclose(read(path).angles, radians)
    assert read(write_dxchange(tmp_path / "b.h5", counts, None)).missing[0] == "angles"


def test_dxchange_states_its_pixel_size(tmp_path, counts):
    path = write_dxchange(tmp_path / "a.h5", counts)
    with h5py.File(path, "a") as file:
        file["measurement/instrument/detector/pixel_size_x"] = 1.3
        file["measurement/instrument/detector/pixel_size_x"].attrs["units"] = "um"
    assert read(path).detector_pitch == pytest.approx(0.0013)


def test_four_gigabytes_open_at_once(tmp_path):
    path = tmp_path / "large.h5"
    shape = (1800, 1024, 1024)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("exchange/data", shape, "u2", chunks=(1, 64, 1024))
        data[1799, 1000:1001] = 7
        file["exchange/theta"] = np.linspace(0, 180, 1800)
    assert np.prod(shape) * 2 > 3.7e9
    assert path.stat().st_size < 10e6
    found = read(path)
    assert isinstance(found.data, LazyDataset)
    assert found.data.nbytes == np.prod(shape) * 2
    assert (found.data[1799, 1000] == 7).all()
    assert not found.data[3, :10].any()


def test_lazy_dataset_notices_that_its_file_changed(tmp_path, counts):
    path = write_dxchange(tmp_path / "a.h5", counts)
    data = read(path).data
    assert len(data) == VIEWS
    np.testing.assert_array_equal(np.asarray(data), counts)
    write_dxchange(path, counts[:2], None)
    with pytest.raises(InputError, match="changed"):
        data[0]
    path.unlink()
    with pytest.raises(InputError, match="does not exist"):
        data[0]


def helsinki(sinogram, angles, **parameters):
    values = {"angles": angles, "distanceSourceOrigin": 400.0, "distanceSourceDetector": 550.0,
              "pixelSizePost": 0.2, "projectName": "disc"} | parameters  # fmt: skip
    return {"CtDataFull": {"type": "2D", "sinogram": sinogram, "parameters": values}}


def test_helsinki_scan_is_a_complete_fan(tmp_path, counts):
    path = tmp_path / "ta.mat"
    scipy.io.savemat(path, helsinki(counts[:, 0] / 1000, DEGREES))
    found = read(path)
    assert found.missing == ()
    assert (found.beam, found.contents) == ("fan", "line integrals")
    assert (found.source_origin, found.source_detector) == (400.0, 550.0)
    assert found.detector_pitch == 0.2
    np.testing.assert_allclose(found.angles, np.deg2rad(DEGREES))
    np.testing.assert_allclose(found.data[:, 0], counts[:, 0] / 1000)


def write_v73(path, **variables):
    """As MATLAB does: axes reversed, and a text header before the HDF5 part."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            file[name] = np.asarray(value).T
            file[name].attrs["MATLAB_class"] = b"double"
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    return path


@pytest.mark.parametrize("version", ["5", "7.3"])
def test_matlab_sinogram_is_turned_by_its_angles(tmp_path, counts, version):
    path = tmp_path / "s.mat"
    sinogram = counts[:, 0].T  # (bins, views), as radon() returns it
    variables = {"sinoRD": sinogram, "anglesRad": np.deg2rad(DEGREES)[:, None], "n": [[5.0]]}
    if version == "5":
        scipy.io.savemat(path, variables)
    else:
        write_v73(path, **variables)
    for found in (read(path), read_projections(path)):
        np.testing.assert_array_equal(found.data[:, 0], sinogram.T)
        np.testing.assert_allclose(found.angles, np.deg2rad(DEGREES))
        assert found.missing == ("beam", "detector_pitch")


def test_matlab_file_of_version_7_3_is_known_without_its_name(tmp_path, counts):
    path = write_v73(tmp_path / "s.h5", sino=counts[:, 0].T, theta=DEGREES)
    np.testing.assert_array_equal(read(path).data[:, 0], counts[:, 0])


def test_matlab_structures_stacks_and_fields(tmp_path, counts):
    path = tmp_path / "s.mat"
    scan = {"proj": counts.transpose(2, 0, 1), "theta": DEGREES, "flat": np.full((5, 2, 3), 1e3)}
    scipy.io.savemat(path, {"scan": scan, "detector_pitch": 0.3, "beam": "parallel"})
    found = read(path)
    np.testing.assert_array_equal(found.data, counts)
    assert found.flats.shape == (2, ROWS, BINS)
    assert found.missing == ()


def test_axis_of_the_views_without_angles(tmp_path, counts):
    path = tmp_path / "s.mat"
    scipy.io.savemat(path, {"a": counts[:, 0]})
    assert read(path).shape == (BINS, 1, VIEWS)
    assert read_projections(path, views_axis=0).shape == (VIEWS, 1, BINS)
    assert read_projections(path, angles=np.deg2rad(DEGREES)).shape == (VIEWS, 1, BINS)


def test_npz_with_angles_beside_a_sinogram(tmp_path, counts):
    path = tmp_path / "a.npz"
    np.savez(path, sinogram=counts[:, 0], theta=DEGREES, source_origin=400, detector_pitch=1)
    found = read(path)
    assert found.shape == (VIEWS, 1, BINS)
    assert found.source_origin == 400
    np.savez(path, projections=counts.transpose(1, 0, 2), angles=DEGREES)
    np.testing.assert_array_equal(read(path).data, counts)


def test_npz_npy_and_tiff_volumes_stay_volumes(tmp_path, counts):
    np.savez(tmp_path / "a.npz", array=counts, spacing=(1, 1, 1))
    np.savez(tmp_path / "b.npz", volume=counts, angles=DEGREES)
    np.savez(tmp_path / "c.npz", data=counts)
    np.save(tmp_path / "a.npy", counts)
    tifffile.imwrite(tmp_path / "a.tif", counts)
    (tmp_path / "angles.txt").write_text("0\n90\n")  # of something else: two lines, seven pages
    for name in ("a.npz", "c.npz", "a.npy", "a.tif"):
        assert isinstance(read(tmp_path / name), Volume), name
    # All of them open as projections when they are asked to.
    for name in ("c.npz", "a.npy", "a.tif"):
        found = read_projections(tmp_path / name, angles=np.deg2rad(DEGREES))
        np.testing.assert_array_equal(found.data, counts)


@pytest.mark.parametrize("name", ["angles.txt", "theta.txt", "scan.ang", "scan_angles.txt"])
def test_tiff_with_a_list_of_angles(tmp_path, counts, name):
    tifffile.imwrite(tmp_path / "scan.tif", counts)
    (tmp_path / name).write_text("# degrees\n" + "\n".join(f"{d:.4f}" for d in DEGREES))
    found = read(tmp_path / "scan.tif")
    assert isinstance(found, Projections)
    np.testing.assert_array_equal(found.data, counts)
    np.testing.assert_allclose(found.angles, np.deg2rad(DEGREES), atol=1e-5)


def test_folder_of_tiff_pages_with_angles(tmp_path, counts):
    for k, page in enumerate(counts):
        tifffile.imwrite(tmp_path / f"p{k}.tif", page)
    assert isinstance(read(tmp_path), Volume)
    (tmp_path / "angles.txt").write_text("\n".join(f"{d}" for d in np.deg2rad(DEGREES)))
    found = read(tmp_path)
    np.testing.assert_array_equal(found.data, counts)
    np.testing.assert_allclose(found.angles, np.deg2rad(DEGREES))


def test_flat_and_dark_fields_of_other_files(tmp_path, counts):
    scipy.io.savemat(tmp_path / "scan.mat", {"a": counts[:, 0].T})
    scipy.io.savemat(tmp_path / "blank.mat", {"a": counts[:, 0].T + 1})
    np.save(tmp_path / "dark.npy", np.zeros((2, BINS)))
    found = read_projections(
        tmp_path / "scan.mat", flats=tmp_path / "blank.mat", darks=tmp_path / "dark.npy"
    )
    assert found.metadata["flats"] == PER_VIEW
    np.testing.assert_array_equal(found.flats, found.data + 1)
    assert found.darks.shape == (2, 1, BINS)


@pytest.mark.parametrize(
    ("array", "contents"),
    [
        (lambda disc: 1e4 * np.exp(-disc), "counts"),
        (lambda disc: np.exp(-disc), "transmission"),
        (lambda disc: disc, "line integrals"),
        (lambda disc: 1000 * disc, "line integrals"),
    ],
)
def test_contents_are_told_by_the_air(tmp_path, array, contents):
    s = np.linspace(-1, 1, 41)
    disc = np.tile(2 * np.sqrt(np.maximum(0, 0.6**2 - s**2)), (VIEWS, 1))
    np.savez(tmp_path / "a.npz", sinogram=array(disc), angles=DEGREES)
    assert read(tmp_path / "a.npz").contents == contents
    np.savez(tmp_path / "a.npz", sinogram=array(disc), angles=DEGREES, contents="counts")
    assert read(tmp_path / "a.npz").contents == "counts"


def test_real_files(data_folder):
    folder = data_folder / "sinograms"
    if not folder.is_dir():
        pytest.skip("no real sinograms")
    tooth = read(folder / "tomopy-tooth.h5")
    assert tooth.shape == (181, 2, 640)
    assert tooth.flats.shape == tooth.darks.shape == (10, 2, 640)
    scan = read(folder / "htc2022_01a_full.mat")
    assert (scan.shape, scan.missing) == ((721, 1, 560), ())
    metal = read(folder / "tomobar-RealDataDend.mat")
    assert metal.shape == (360, 1, 1260)
    # It is dark outside the sample and bright within, so it has its logarithm already.
    assert metal.contents == "line integrals"
    assert np.ptp(metal.angles) == pytest.approx(np.deg2rad(179.5), rel=1e-3)
    blank = folder / "mirt-pet-phan_blank.mat"
    pet = read_projections(folder / "mirt-pet-phan_trans.mat", flats=blank)
    assert (pet.shape, pet.contents) == ((192, 1, 160), "counts")
