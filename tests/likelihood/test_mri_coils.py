"""Coil maps: calibration region, ESPIRiT against known maps and against sigpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood.coils import calibration_region, calibration_shape, with_maps
from napari_padis.likelihood.espirit import espirit
from napari_padis.likelihood.fourier import to_kspace
from napari_padis.scan.geometry import CartesianGeometry, DenoiseGeometry
from napari_padis.scan.kspace import read_kspace
from napari_padis.scan.measurement import Measurement

SHAPE = (40, 36)


def smooth_maps(shape=SHAPE, coils=4):
    """Sensitivities of coils around the object, with a phase of their own."""
    rows, columns = shape
    y, x = np.mgrid[:rows, :columns]
    y, x = (y - rows // 2) / rows, (x - columns // 2) / columns
    angles = 2 * np.pi * np.arange(coils) / coils
    maps = [
        np.exp(-1.5 * ((y - np.sin(a)) ** 2 + (x - np.cos(a)) ** 2) + 1j * (a + x * np.sin(2 * a)))
        for a in angles
    ]
    return np.stack(maps).astype(np.complex64)


def body(shape=SHAPE):
    """Ellipse with a hole of lower signal and a smooth phase."""
    rows, columns = shape
    y, x = np.mgrid[:rows, :columns]
    y, x = (y - rows / 2) / rows, (x - columns / 2) / columns
    inside = (y / 0.38) ** 2 + (x / 0.3) ** 2 < 1
    dark = (y - 0.1) ** 2 + x**2 < 0.01
    return (inside * (1 - 0.6 * dark) * np.exp(0.5j * (x + y))).astype(np.complex64), inside


@pytest.fixture(scope="module")
def scan():
    image, inside = body()
    kspace = to_kspace(torch.from_numpy(smooth_maps() * image)).numpy()
    return kspace, inside


def centre(sides, shape=SHAPE):
    mask = np.zeros(shape, dtype=bool)
    rows, columns = (n // 2 - s // 2 for n, s in zip(shape, sides, strict=True))
    mask[rows : rows + sides[0], columns : columns + sides[1]] = True
    return mask


def misfit(found, true, inside):
    """Angle between unit vectors over the coils, largest in the object."""
    true = true / np.linalg.norm(true, axis=0)
    overlap = np.abs((found.conj() * true).sum(0))[inside]
    return np.sqrt(np.maximum(1 - overlap**2, 0))


@pytest.mark.parametrize("sides", [(9, 12), (12, 9), (24, 8), (8, 8), (15, 15)])
def test_calibration_region_is_the_full_centre(sides):
    mask = centre(sides)
    mask |= np.random.default_rng(0).random(SHAPE) < 0.02
    rows, columns = calibration_region(mask)
    assert mask[rows, columns].all()
    area = (rows.stop - rows.start) * (columns.stop - columns.start)
    assert area >= sides[0] * sides[1]
    for part, n in ((rows, SHAPE[0]), (columns, SHAPE[1])):
        length = part.stop - part.start
        assert part.start + length // 2 - n // 2 in (0, 1 - length % 2)


def test_calibration_region_of_a_round_centre_lies_inside():
    y, x = np.mgrid[:64, :64]
    mask = (y - 32) ** 2 + (x - 32) ** 2 <= 100
    rows, columns = calibration_region(mask)
    assert mask[rows, columns].all()
    assert (rows.stop - rows.start) * (columns.stop - columns.start) >= 14 * 14


def test_calibration_region_is_limited_and_may_be_empty():
    rows, columns = calibration_region(np.ones((64, 50), dtype=bool))
    assert (rows, columns) == (slice(20, 44), slice(13, 37))
    mask = np.ones((64, 50), dtype=bool)
    mask[32, 25] = False
    rows, columns = calibration_region(mask)
    assert rows.stop == rows.start


def test_maps_of_a_known_object(scan):
    kspace, inside = scan
    region = calibration_region(centre((24, 24)))
    maps = espirit(kspace[:, *region], SHAPE)
    assert maps.dtype == np.complex64
    assert np.median(misfit(maps, smooth_maps(), inside)) < 0.01
    assert np.percentile(misfit(maps, smooth_maps(), inside), 95) < 0.05
    energy = np.square(np.abs(maps)).sum(0)
    assert np.all((energy == 0) | (np.abs(energy - 1) < 1e-5))
    assert energy[inside].mean() > 0.98
    assert energy[0].mean() < 0.5


def test_maps_have_a_smooth_phase(scan):
    kspace, inside = scan
    maps = espirit(kspace[:, *calibration_region(centre((24, 24)))], SHAPE)
    steps = np.abs(np.diff(maps, axis=1)).max(0)
    both = inside[1:] & inside[:-1]
    assert steps[both].max() < 0.2


def test_scale_of_the_data_does_not_matter(scan):
    kspace, _ = scan
    calibration = kspace[:, *calibration_region(centre((16, 16)))]
    first, second = espirit(calibration, SHAPE), espirit(1e-6 * calibration, SHAPE)
    assert np.abs(first - second).max() < 1e-3


def measurement(kspace, mask, **geometry):
    data = (kspace * mask)[None] if kspace.ndim == 3 else kspace * mask
    shape = CartesianGeometry(mask, data.shape[1], **geometry)
    return Measurement(data.astype(np.complex64), shape, unit="arbitrary", name="scan")


def test_each_slice_gets_its_maps(scan):
    kspace, inside = scan
    turned = kspace[::-1]  # the coils change places
    given = measurement(np.stack([kspace, turned]), np.ones(SHAPE, dtype=bool))
    found = with_maps(given)
    assert found.geometry.maps.shape == (2, 4, *SHAPE)
    assert np.array_equal(found.data, given.data)
    assert calibration_shape(given) == (24, 24)
    assert np.median(misfit(found.geometry.maps[1], smooth_maps()[::-1], inside)) < 0.01
    # Alone, a slice gives the same maps.
    alone = with_maps(given.take(1, 2)).geometry.maps
    assert np.array_equal(alone[0], found.geometry.maps[1])


def test_small_centres_suffice_with_smaller_kernels(scan):
    kspace, inside = scan
    found = with_maps(measurement(kspace, centre((10, 9))))
    assert np.median(misfit(found.geometry.maps[0], smooth_maps(), inside)) < 0.1


def test_what_needs_no_maps_is_left_alone(scan):
    kspace, _ = scan
    one = measurement(kspace[:1], centre((4, 4)))
    assert with_maps(one) is one
    known = measurement(kspace, centre((4, 4)), maps=smooth_maps()[None])
    assert with_maps(known) is known
    image = Measurement(np.ones((1, 4, 4), np.float32), DenoiseGeometry((4, 4)), unit="arbitrary")
    assert with_maps(image) is image


def test_a_missing_centre_is_explained(scan):
    kspace, _ = scan
    with pytest.raises(InputError, match=r"has 6 x 24 samples and at least 8 x 8 are needed"):
        with_maps(measurement(kspace, centre((6, 30))))
    with pytest.raises(InputError, match=r"has 0 x 0 samples"):
        with_maps(measurement(kspace, ~centre((3, 3))))
    with pytest.raises(InputError, match="Slice 1 of 'scan' has no signal"):
        with_maps(measurement(np.stack([kspace, 0 * kspace]), centre((24, 24))))


def test_turning_the_picture_turns_the_maps(data_folder):
    path = data_folder / "kspace" / "brain8ch-sigpy-tutorial.npz"
    turned = with_maps(read_kspace(path))
    assert calibration_shape(turned) == (24, 24)
    with np.load(path) as file:
        kspace = file["ksp"]
    maps = with_maps(measurement(kspace, (kspace != 0).any(0))).geometry.maps[0]
    overlap = np.abs((maps[:, ::-1, ::-1].conj() * turned.geometry.maps[0]).sum(0))
    assert (overlap > 0.999).mean() > 0.7
    # Maps are smooth: half a pixel along k-space's own grid does not show.
    assert np.median(overlap[overlap > 0]) > 0.9999


def test_real_maps_agree_with_sigpy(data_folder):
    app = pytest.importorskip("sigpy.mri.app")
    with np.load(data_folder / "kspace" / "brain8ch-sigpy-tutorial.npz") as file:
        kspace = file["ksp"]
    ours = with_maps(measurement(kspace, (kspace != 0).any(0)))
    theirs = app.EspiritCalib(kspace, calib_width=24, show_pbar=False).run()
    support, other = (np.abs(maps).sum(0) > 0 for maps in (ours.geometry.maps[0], theirs))
    assert (support != other).mean() < 1e-3
    overlap = np.abs((ours.geometry.maps[0].conj() * theirs).sum(0))[support & other]
    assert overlap.min() > 0.999
