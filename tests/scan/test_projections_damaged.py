"""Every damaged, wrong or unfit file of projections ends in one clear sentence."""

import contextlib

import h5py
import numpy as np
import pytest
import scipy.io
import tifffile

from napari_padis.errors import InputError
from napari_padis.scan.preparation import Preparation, prepare
from napari_padis.scan.preparation.prepare import auto_centre
from napari_padis.scan.read import read
from napari_padis.scan.read_projections import read_projections

CASES = {}
COUNTS = np.random.default_rng(0).uniform(400, 900, (8, 2, 12)).astype(np.float32)
DEGREES = np.linspace(0, 180, 8, endpoint=False)
SINOGRAM = COUNTS[:, 0]


def case(name):
    def register(function):
        CASES[name] = function
        return function

    return register


def dxchange(folder, group="exchange", **datasets):
    """A sound file, but for the datasets that are given (None: left out)."""
    sound = {
        "data": COUNTS,
        "data_white": np.full((3, 2, 12), 1000.0),
        "data_dark": np.zeros((3, 2, 12)),
        "theta": DEGREES,
    } | datasets
    path = folder / "a.h5"
    with h5py.File(path, "w") as file:
        for name, value in sound.items():
            if value is not None:
                file[f"{group}/{name}"] = value
    return path


def matlab(folder, **variables):
    scipy.io.savemat(folder / "a.mat", variables)
    return folder / "a.mat"


def helsinki(folder, sinogram=SINOGRAM, drop=None, **parameters):
    values = {"angles": DEGREES, "distanceSourceOrigin": 400.0, "distanceSourceDetector": 550.0,
              "pixelSizePost": 0.2} | parameters  # fmt: skip
    values.pop(drop, None)
    return matlab(folder, CtDataFull={"sinogram": sinogram, "parameters": values})


def matlab_73(folder, mark=True, **variables):
    path = folder / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in variables.items():
            file[name] = value
    if mark:
        with path.open("r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file")
    return path


def npz(folder, **arrays):
    np.savez(folder / "a.npz", **arrays)
    return folder / "a.npz"


def tiff(folder, angles, pages=COUNTS, name="a.ang"):
    tifffile.imwrite(folder / "a.tif", pages)
    (folder / name).write_text(angles)
    return folder / "a.tif"


def written(path, content):
    path.write_bytes(content)
    return path


def cut(path, share=0.6):
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


def with_nan(array, share=1.0):
    spoilt = np.array(array, dtype=np.float64)
    spoilt.ravel()[: int(share * spoilt.size)] = np.nan
    return spoilt


CASES |= {
    "dxchange cut": lambda f: cut(dxchange(f)),
    "dxchange cut in the header": lambda f: cut(dxchange(f), 0.02),
    "dxchange without data": lambda f: dxchange(f, data=None),
    "dxchange with empty data": lambda f: dxchange(f, data=np.zeros((0, 2, 12))),
    "dxchange of one sinogram": lambda f: dxchange(f, data=SINOGRAM),
    "dxchange of four axes": lambda f: dxchange(f, data=COUNTS[None]),
    "dxchange of text": lambda f: dxchange(f, data="projections"),
    "dxchange of texts": lambda f: dxchange(f, data=np.array([b"a", b"b"])),
    "dxchange with too few angles": lambda f: dxchange(f, theta=DEGREES[:-1]),
    "dxchange with angles of text": lambda f: dxchange(f, theta=np.array([b"0"] * 8)),
    "dxchange with NaN angles": lambda f: dxchange(f, theta=with_nan(DEGREES)),
    "dxchange with wrong flat fields": lambda f: dxchange(f, data_white=np.ones((3, 2, 11))),
    "dxchange with wrong dark fields": lambda f: dxchange(f, data_dark=np.ones((3, 3, 12))),
    "dxchange with flat fields of text": lambda f: dxchange(f, data_white="white"),
    "dxchange with flat fields of zero": lambda f: dxchange(f, data_white=np.zeros((3, 2, 12))),
    "dxchange with flat as dark": lambda f: dxchange(f, data_dark=np.full((3, 2, 12), 2000.0)),
    "dxchange of NaN": lambda f: dxchange(f, data=with_nan(COUNTS)),
    "dxchange with many NaN": lambda f: dxchange(f, data=with_nan(COUNTS, 0.5)),
    "dxchange without light": lambda f: dxchange(f, data=np.zeros_like(COUNTS)),
    "some other hdf5": lambda f: dxchange(f, group="entry"),
    "text as h5": lambda f: written(f / "a.h5", b"no HDF5 " * 100),
    "text as mat": lambda f: written(f / "a.mat", b"no MATLAB " * 100),
    "empty mat": lambda f: written(f / "a.mat", b""),
    "mat cut": lambda f: cut(matlab(f, sino=SINOGRAM, theta=DEGREES)),
    "mat cut in the header": lambda f: cut(matlab(f, sino=SINOGRAM), 0.1),
    "mat without variables": lambda f: matlab(f),
    "mat of text": lambda f: matlab(f, sino="projections", theta=DEGREES),
    "mat of cells": lambda f: matlab(f, sino=np.array([[1, "a"], [2, "b"]], dtype=object)),
    "mat of complex numbers": lambda f: matlab(f, sino=SINOGRAM * 1j),
    "mat with empty sinogram": lambda f: matlab(f, sino=np.zeros((0, 5)), theta=DEGREES),
    "mat of a line": lambda f: matlab(f, sino=np.arange(9.0), theta=DEGREES),
    "mat with too many angles": lambda f: matlab(f, sino=SINOGRAM, theta=np.arange(99.0)),
    "mat with NaN angles": lambda f: matlab(f, sino=SINOGRAM, theta=with_nan(DEGREES)),
    "mat with a table of angles": lambda f: matlab(f, sino=SINOGRAM, theta=np.ones((2, 4))),
    "mat of NaN": lambda f: matlab(f, sino=with_nan(SINOGRAM), theta=DEGREES),
    "mat with unknown beam": lambda f: matlab(f, sino=SINOGRAM, theta=DEGREES, beam="spiral"),
    "mat with a negative pitch": lambda f: matlab(f, sino=SINOGRAM, detector_pitch=-1.0),
    "mat with unfit flat": lambda f: matlab(
        f, sino=SINOGRAM, theta=DEGREES, flat=np.ones((3, 5))),
    "helsinki without sinogram": lambda f: matlab(
        f, CtDataFull={"parameters": {"angles": DEGREES}}),
    "helsinki with too few angles": lambda f: helsinki(f, angles=DEGREES[:3]),
    "helsinki without angles": lambda f: helsinki(f, drop="angles"),
    "helsinki without a distance": lambda f: helsinki(f, drop="distanceSourceOrigin"),
    "helsinki with a distance of text": lambda f: helsinki(f, pixelSizePost="small"),
    "helsinki with a distance of NaN": lambda f: helsinki(f, pixelSizePost=np.nan),
    "helsinki of text": lambda f: helsinki(f, sinogram="none"),
    "helsinki of three axes": lambda f: helsinki(f, sinogram=COUNTS),
    "helsinki with a negative distance": lambda f: helsinki(f, distanceSourceOrigin=-400.0),
    "helsinki with the detector in front": lambda f: helsinki(f, distanceSourceDetector=100.0),
    "mat 7.3 cut": lambda f: cut(matlab_73(f, sino=SINOGRAM.T, theta=DEGREES)),
    "mat 7.3 of text": lambda f: matlab_73(f, sino="text"),
    "mat 7.3 of references": lambda f: matlab_73(f, sino=np.array([b"a"])),
    "mat 7.3 with wrong angles": lambda f: matlab_73(f, sino=SINOGRAM, theta=np.arange(5.0)),
    "npz cut": lambda f: cut(npz(f, sinogram=SINOGRAM, theta=DEGREES)),
    "npz with wrong angles": lambda f: npz(f, sinogram=SINOGRAM, theta=DEGREES[:5]),
    "npz with angles of text": lambda f: npz(f, sinogram=SINOGRAM, theta=["a"] * 8),
    "npz of objects": lambda f: npz(f, sinogram=np.array([{}, None]), theta=DEGREES),
    "npz of text": lambda f: npz(f, sinogram=np.array(["a", "b"]), theta=DEGREES),
    "npz of NaN": lambda f: npz(f, sinogram=with_nan(SINOGRAM), theta=DEGREES),
    "npz of four axes": lambda f: npz(f, sinogram=COUNTS[None], theta=DEGREES),
    "npz with unknown contents": lambda f: npz(
        f, sinogram=SINOGRAM, theta=DEGREES, contents="apples"),
    "tiff with too few angles": lambda f: tiff(f, "0\n90\n"),
    "tiff with words for angles": lambda f: tiff(f, "zero\none\n"),
    "tiff with an empty list": lambda f: tiff(f, "# nothing\n"),
    "tiff with binary angles": lambda f: tiff(f, "\0\1\2\n"),
    "tiff of NaN": lambda f: tiff(f, "\n".join(map(str, DEGREES)), with_nan(COUNTS)),
    "tiff cut": lambda f: cut(tiff(f, "\n".join(map(str, DEGREES))), 0.3),
    "text as tiff": lambda f: written(
        tiff(f, "\n".join(map(str, DEGREES))).with_suffix(".tif"), b"no TIFF " * 20),
}  # fmt: skip


@case("dxchange link to a file that is gone")
def _link(folder):
    path = dxchange(folder, data=None)
    with h5py.File(path, "a") as file:
        file["exchange/data"] = h5py.ExternalLink("gone.h5", "data")
    return path


@case("dxchange with a group for data")
def _group(folder):
    path = dxchange(folder, data=None)
    with h5py.File(path, "a") as file:
        file.create_group("exchange/data")
    return path


@case("dxchange with unknown unit of angles")
def _unit(folder):
    path = dxchange(folder)
    with h5py.File(path, "a") as file:
        file["exchange/theta"].attrs["units"] = "furlongs"
    return path


@case("mat 7.3 claims terabytes")
def _claim(folder):
    path = folder / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("sino", (10**7, 10**6), "f4", chunks=(100, 100))
    return path


@case("folder of tiff pages with a wrong list")
def _pages(folder):
    for k in range(4):
        tifffile.imwrite(folder / f"p{k}.tif", COUNTS[k])
    (folder / "angles.txt").write_text("0\n90\n")
    return folder


def use(path, **settings):
    """Read and prepare, as the command line does."""
    projections = read_projections(path)
    given = {"beam": projections.beam or "parallel"}
    if projections.angles is None:
        given["angles_range"] = (0.0, 180.0)
    made = prepare(projections, Preparation.create(**given, **{"centre": None} | settings))
    # Rows of noise have no axis: looking for it must end well, too.
    with contextlib.suppress(InputError):
        auto_centre(projections, Preparation.create(**given), 0)
    return made


def test_there_are_enough_cases():
    assert len(CASES) >= 28


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_one_sentence(name, tmp_path):
    with pytest.raises(InputError) as caught:
        use(CASES[name](tmp_path))
    message = str(caught.value)
    assert "\n" not in message
    assert 20 < len(message) < 450
    assert message.endswith(".")


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore")
def test_reading_alone_raises_nothing_else(name, tmp_path):
    """Contents are looked at only when they are prepared; then the reader lets them pass."""
    path = CASES[name](tmp_path)
    with contextlib.suppress(InputError):
        assert read(path) is not None


@pytest.mark.parametrize("build", [
    lambda f: dxchange(f),
    lambda f: matlab(f, sino=SINOGRAM.T, theta=DEGREES),
    lambda f: helsinki(f),
    lambda f: matlab_73(f, sino=SINOGRAM, theta=DEGREES),
    lambda f: npz(f, sinogram=SINOGRAM, theta=DEGREES),
    lambda f: tiff(f, "\n".join(map(str, DEGREES))),
])  # fmt: skip
def test_the_sound_files_are_sound(build, tmp_path):
    assert np.isfinite(use(build(tmp_path)).data).all()
