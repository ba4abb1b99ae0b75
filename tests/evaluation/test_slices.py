"""Which slices are compared, and on which scale."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.evaluation.slices import ChosenSlices, choose_slices, count_of, quality, spread
from napari_padis.scan.units import MU_WATER
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write


def volume(slices=5, unit="HU"):
    levels = np.array([-3000.0, -1000.0, 0.0, 1000.0, 2500.0], np.float32)[:slices]
    return Volume(np.broadcast_to(levels[:, None, None], (slices, 8, 10)).copy(), unit=unit)


def test_spread_keeps_away_from_the_ends_and_is_even():
    assert spread(133, 8) == [15, 29, 44, 59, 73, 88, 103, 117]
    assert spread(11, 1) == [5]
    assert spread(3, 8) == [0, 1, 2]


def test_truth_is_clipped_and_scaled():
    chosen = ChosenSlices("v", volume(), (0, 1, 2, 3, 4))
    assert chosen.truth[:, 0, 0] == pytest.approx([0, 0, 0.5, 1, 1])
    mu = Volume(np.full((1, 4, 4), 1.5 * MU_WATER, np.float32), unit="1/mm")
    assert ChosenSlices("v", mu, (0,)).truth == pytest.approx(0.75, abs=1e-5)


def test_same_slices_of_all_volumes_below_a_folder(tmp_path):
    (tmp_path / "sub").mkdir()
    write(tmp_path / "b.nii.gz", volume())
    write(tmp_path / "sub" / "b.nii.gz", volume())
    chosen = choose_slices(tmp_path, 2)
    assert [(c.name, c.indices) for c in chosen] == [("b", (1, 3)), ("sub/b", (1, 3))]
    assert count_of(chosen) == 4


def test_folders_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match="There is no folder"):
        choose_slices(tmp_path / "none", 2)
    with pytest.raises(InputError, match="No volumes"):
        choose_slices(tmp_path, 2)
    write(tmp_path / "mr.nii.gz", volume(unit="arbitrary"))
    with pytest.raises(InputError, match=r"'mr.nii.gz' has no physical unit"):
        choose_slices(tmp_path, 2)


def test_quality_of_a_known_error():
    truth = np.random.default_rng(0).uniform(0.2, 0.8, (2, 16, 16))
    images = np.stack([truth[0] + 0.1, truth[1]])
    (psnr, ssim), (same, one) = quality(images, truth)
    assert psnr == pytest.approx(20)
    assert 0 < ssim < 1
    assert same == float("inf")
    assert one == pytest.approx(1)
    # What lies beyond the scale is no error.
    assert quality(np.full((1, 8, 8), 7.0), np.ones((1, 8, 8)))[0][0] == float("inf")


def test_real_validation_volumes(data_folder):
    chosen = choose_slices(data_folder / "ct" / "validation", 8)
    found = {c.name: c for c in chosen}
    assert found["ct-lidc-0001"].indices == (15, 29, 44, 59, 73, 88, 103, 117)
    assert all(c.truth.min() >= 0 and c.truth.max() <= 1 and c.truth.std() > 0.1 for c in chosen)
