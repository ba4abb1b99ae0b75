"""Filtered back-projection of measured sinograms; skipped where the data are missing."""

import h5py
import numpy as np
import pytest
import scipy.io
import torch

from napari_padis.likelihood import ParallelBeam
from napari_padis.likelihood.fan import FanBeam
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry

SIDE = 128


@pytest.fixture(scope="module", params=["01a", "03b"])
def htc(request, data_folder):
    """Sinogram and angles of the Helsinki challenge 2022, and the published segmentation."""
    folder = data_folder / "sinograms"
    scan = scipy.io.loadmat(folder / f"htc2022_{request.param}_full.mat", simplify_cells=True)
    published = scipy.io.loadmat(folder / f"htc2022_{request.param}_recon_fbp_seg.mat")
    scan, solid = scan["CtDataFull"], published["reconFullFbpSeg"].astype(float)
    # Their first row is at the top, ours at the bottom.
    solid = solid.reshape(SIDE, 4, SIDE, 4).mean(axis=(1, 3))[::-1]
    return scan["sinogram"][::2], np.deg2rad(scan["parameters"]["angles"])[::2], solid


@pytest.mark.parametrize(("views", "likeness"), [(361, 0.97), (210, 0.97), (181, 0.96)])
def test_fan_beam_scan_shows_the_published_object(htc, views, likeness):
    """A full turn, a short scan of 210 degrees, and 180 degrees."""
    sinogram, angles, solid = htc
    pixel = 0.2 * 410.66 / 553.74 * 512 / SIDE
    geometry = FanGeometry(angles[:views], 560, 0.2, 410.66, 553.74, (SIDE, SIDE), (pixel, pixel))
    data = torch.from_numpy(np.ascontiguousarray(sinogram[:views])).float()
    image = FanBeam(geometry, backend="rays").pinv(data).numpy()
    assert np.corrcoef(image.ravel(), solid.ravel())[0, 1] > likeness
    # PMMA at 45 kV; every arc must give the same amplitude.
    assert np.median(image[solid > 0.9]) == pytest.approx(0.0328, rel=0.05)
    assert abs(np.median(image[solid < 0.1])) < 0.005


def test_parallel_scan_is_sharpest_at_its_rotation_axis(data_folder):
    with h5py.File(data_folder / "sinograms" / "tomopy-tooth.h5") as file:
        counts, angles = file["exchange/data"][:, 0], np.deg2rad(file["exchange/theta"][:])
        white, dark = (
            file[f"exchange/data_{name}"][:, 0].mean(axis=0) for name in ("white", "dark")
        )
    data = -np.log(np.clip((counts - dark) / (white - dark), 1e-3, None))
    negative = {}
    for centre in (290, 293, 296, 299, 302):
        geometry = ParallelGeometry(
            angles, 640, 1.0, (SIDE, SIDE), (5.0, 5.0), shift=319.5 - centre
        )
        image = ParallelBeam(geometry, backend="rays").pinv(torch.from_numpy(data).float())
        negative[centre] = -float(image.clamp(max=0).sum())
    assert min(negative, key=negative.get) == 296
