"""Files with random damage are read or refused in one sentence; nothing else happens."""

from __future__ import annotations

import contextlib
import resource

import h5py
import nibabel as nib
import nrrd
import numpy as np
import pytest
import scipy.io
import tifffile

from napari_padis.errors import InputError
from napari_padis.scan.geometry import ConeGeometry, MaskGeometry, ParallelGeometry
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.preparation import Preparation, prepare
from napari_padis.scan.preparation.prepare import auto_centre
from napari_padis.scan.projections import Projections
from napari_padis.scan.read import read
from napari_padis.scan.write import write

RNG = np.random.default_rng(0)
COUNTS = RNG.uniform(400, 900, (12, 2, 14)).astype(np.float32)
DEGREES = np.linspace(0, 180, 12, endpoint=False)
KSPACE = (RNG.normal(size=(2, 3, 12, 10)) + 1j * RNG.normal(size=(2, 3, 12, 10))).astype("c8")
XML = (
    "<h><encoding><trajectory>cartesian</trajectory>"
    + "".join(
        f"<{space}><matrixSize><x>12</x><y>10</y><z>1</z></matrixSize>"
        f"<fieldOfView_mm><x>24</x><y>20</y><z>5</z></fieldOfView_mm></{space}>"
        for space in ("encodedSpace", "reconSpace")
    )
    + "</encoding></h>"
)
#: Damaged copies of each file.
COPIES = 60


def hdf5(folder, datasets, **options):
    with h5py.File(folder / "a.h5", "w", **options) as file:
        for name, value in datasets.items():
            file[name] = value
    return folder / "a.h5"


def dxchange(folder):
    path = hdf5(folder, {"exchange/data": COUNTS, "exchange/theta": DEGREES,
                         "exchange/data_white": np.full((3, 2, 14), 1000.0)})  # fmt: skip
    with h5py.File(path, "a") as file:
        file["exchange/theta"].attrs["units"] = "degrees"
    return path


def matlab(folder, **options):
    scan = {"sino": COUNTS[:, 0].T, "theta": DEGREES, "beam": "parallel", "s": {"a": 1, "b": "x"}}
    scipy.io.savemat(folder / "a.mat", scan, **options)
    return folder / "a.mat"


def helsinki(folder):
    parameters = {"angles": DEGREES, "distanceSourceOrigin": 400.0, "pixelSizePost": 0.2,
                  "distanceSourceDetector": 550.0}  # fmt: skip
    scan = {"CtDataFull": {"sinogram": COUNTS[:, 0] / 900, "parameters": parameters}}
    scipy.io.savemat(folder / "a.mat", scan)
    return folder / "a.mat"


def matlab_73(folder):
    path = hdf5(folder, {"sino": COUNTS[:, 0], "theta": DEGREES}, userblock_size=512)
    path = path.rename(path.with_suffix(".mat"))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    return path


def npz(folder, save=np.savez, **arrays):
    save(folder / "a.npz", **arrays)
    return folder / "a.npz"


def tiff(folder):
    tifffile.imwrite(folder / "a.tif", COUNTS)
    (folder / "a.ang").write_text("\n".join(map(str, DEGREES)))
    return folder / "a.tif"


def nifti(folder, name, kind=nib.Nifti1Image):
    nib.save(kind(COUNTS, np.diag([1.0, 2.0, 3.0, 1.0])), folder / name)
    return folder / name


def nrrd_file(folder, encoding):
    header = {"space": "LPS", "space directions": np.eye(3), "space origin": np.zeros(3),
              "space units": ["um"] * 3, "encoding": encoding}  # fmt: skip
    nrrd.write(str(folder / "a.nrrd"), COUNTS, header)
    return folder / "a.nrrd"


def metaimage(folder):
    head = ("ObjectType = Image\nNDims = 3\nTransformMatrix = 1 0 0 0 1 0 0 0 1\nOffset = 1 2 3\n"
            "AnatomicalOrientation = RAI\nDistanceUnits = um\nElementSpacing = 1 2 3\n"
            "DimSize = 14 2 12\nElementType = MET_FLOAT\nElementDataFile = LOCAL\n")  # fmt: skip
    (folder / "a.mha").write_bytes(head.encode() + COUNTS.tobytes())
    return folder / "a.mha"


def imagej(folder):
    metadata = {"axes": "ZYX", "unit": "um", "cf": 0, "c0": -5.0, "c1": 1.0}
    pages = COUNTS[:3].astype(np.uint16)  # few, so that the damage is in the header
    tifffile.imwrite(folder / "a.tif", pages, imagej=True, resolution=(2, 2), metadata=metadata)
    return folder / "a.tif"


def ome(folder):
    metadata = {"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(folder / "a.ome.tif", COUNTS, photometric="minisblack", metadata=metadata)
    return folder / "a.ome.tif"


def bart(folder, ending):
    (folder / "a.hdr").write_text("# Dimensions\n12 10 1 3\n")
    (folder / "a.cfl").write_bytes(KSPACE[0].transpose(1, 2, 0).tobytes(order="F"))
    return folder / f"a.{ending}"


def ismrmrd(folder):
    counters = ("kspace_encode_step_1", "kspace_encode_step_2", "slice", "contrast", "phase",
                "repetition", "set")  # fmt: skip
    head = np.dtype([("flags", "<u8"), ("number_of_samples", "<u2"), ("active_channels", "<u2"),
                     ("discard_pre", "<u2"), ("discard_post", "<u2"), ("center_sample", "<u2"),
                     ("encoding_space_ref", "<u2"), ("position", "<f4", 3), ("read_dir", "<f4", 3),
                     ("phase_dir", "<f4", 3), ("slice_dir", "<f4", 3),
                     ("idx", [(n, "<u2") for n in counters])])  # fmt: skip
    lines = np.zeros(10, [("head", head), ("data", h5py.vlen_dtype(np.float32))])
    for k, line in enumerate(lines):
        line["head"]["number_of_samples"], line["head"]["active_channels"] = 12, 3
        line["head"]["center_sample"], line["head"]["slice_dir"] = 6, (0, 0, 1)
        line["head"]["read_dir"], line["head"]["phase_dir"] = (1, 0, 0), (0, 1, 0)
        line["head"]["idx"]["kspace_encode_step_1"] = k
        line["data"] = np.ascontiguousarray(KSPACE[0, :, :, k]).view(np.float32).ravel()
    return hdf5(folder, {"dataset/xml": XML, "dataset/data": lines})


def ours(folder, geometry, shape):
    data = RNG.uniform(0, 2, shape).astype(np.float32)
    return write(folder / "a.h5", Measurement(data, geometry, Noise("gaussian", 0.1)))


CONE = ConeGeometry.standard(5, (3, 8, 8))
SOUND = {
    "dxchange": dxchange,
    "matlab": matlab,
    "matlab compressed": lambda f: matlab(f, do_compression=True),
    "helsinki": helsinki,
    "matlab 7.3": matlab_73,
    "nifti": lambda f: nifti(f, "a.nii"),
    "nifti gz": lambda f: nifti(f, "a.nii.gz", nib.Nifti2Image),
    "nrrd": lambda f: nrrd_file(f, "raw"),
    "nrrd bzip2": lambda f: nrrd_file(f, "bzip2"),
    "metaimage": metaimage,
    "imagej": imagej,
    "ome": ome,
    "npz": lambda f: npz(f, sinogram=COUNTS[:, 0], theta=DEGREES),
    "npz compressed": lambda f: npz(f, np.savez_compressed, sino=COUNTS, theta=DEGREES),
    "tiff": tiff,
    "fastmri": lambda f: hdf5(f, {"kspace": KSPACE, "ismrmrd_header": XML}),
    "ismrmrd": ismrmrd,
    "cfl": lambda f: bart(f, "cfl"),
    "hdr": lambda f: bart(f, "hdr"),
    "k-space npz": lambda f: npz(f, np.savez_compressed, ksp=KSPACE),
    "parallel": lambda f: ours(f, ParallelGeometry.standard(6, (8, 9), detectors=12), (2, 6, 12)),
    "cone": lambda f: ours(f, CONE, CONE.data_shape),
    "mask": lambda f: ours(f, MaskGeometry(RNG.random((8, 8)) > 0.3), (2, 8, 8)),
}


def damaged(content, rng):
    """A truncated copy, or one with flipped bits or a block of other bytes."""
    changed = bytearray(content)
    place, length = int(rng.integers(len(content))), int(rng.integers(1, 64))
    match rng.integers(4):
        case 0:
            return content[: max(place, 1)]
        case 1:  # mostly in the headers
            for at in rng.integers(min(len(content), 2048), size=length % 8 + 1):
                changed[at] ^= 1 << int(rng.integers(8))
        case 2:
            changed[place : place + length] = bytes(len(changed[place : place + length]))
        case 3:
            changed[place : place + length] = rng.bytes(len(changed[place : place + length]))
    return bytes(changed)


def use(path):
    """Read, and prepare what is raw, as the command line does."""
    found = read(path)
    if isinstance(found, Projections):
        given = {"beam": found.beam or "parallel", "detector_pitch": found.detector_pitch or 1.0}
        if found.angles is None:
            given["angles_range"] = (0.0, 180.0)
        made = prepare(found, Preparation.create(**given, centre=None))
        # Rows of noise have no axis: looking for it must end well, too.
        with contextlib.suppress(InputError):
            auto_centre(found, Preparation.create(**given), 0)
        found = made
    return found


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SOUND)
def test_damage_is_read_or_refused(name, tmp_path):
    path = SOUND[name](tmp_path)
    assert use(path) is not None
    content, rng = path.read_bytes(), np.random.default_rng(1)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    messages = []
    for _ in range(COPIES):
        path.unlink()  # HDF5 knows files by their inode
        path.write_bytes(damaged(content, rng))
        try:
            use(path)
        except InputError as error:
            messages.append(str(error))
    assert len(messages) > COPIES // 10
    assert all("\n" not in message and message.endswith(".") for message in messages)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 300_000  # KiB


@pytest.mark.parametrize("name", ["parallel", "dxchange", "ismrmrd"])
def test_texts_without_end_do_not_hang_hdf5(name, tmp_path):
    """The unused rest of a collection of texts says that it has no length."""
    path = SOUND[name](tmp_path)
    content = bytearray(path.read_bytes())
    place = content.find(b"GCOL") + 16
    while int.from_bytes(content[place : place + 2], "little"):
        length = int.from_bytes(content[place + 8 : place + 16], "little")
        place += 16 + length + -length % 8
    content[place + 8 : place + 16] = bytes(8)
    path.unlink()
    path.write_bytes(content)
    with pytest.raises(InputError, match="its texts are damaged"):
        read(path)
