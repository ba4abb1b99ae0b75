import dataclasses

import numpy as np
import pytest
import torch

from napari_padis.errors import ReconstructionError
from napari_padis.likelihood import ParallelBeam
from napari_padis.likelihood.matrix import build_pair, check_budget, pair_bytes
from napari_padis.scan.geometry import FanGeometry, ParallelGeometry


def test_point_source_pins_the_orientation():
    """x grows with the column, y with the row, and a ray is x cos + y sin = s."""
    angles = np.array([0.0, np.pi / 6, np.pi / 2, 2.0, np.pi, 5.0])
    geometry = ParallelGeometry(angles, 201, 0.5, (41, 61), (1.0, 1.0))
    row, column = 30, 12
    image = torch.zeros(41, 61)
    image[row, column] = 1
    sinogram = ParallelBeam(geometry).A(image).double().numpy()
    s = (np.arange(201) - 100) * 0.5
    centre = (sinogram * s).sum(axis=1) / sinogram.sum(axis=1)
    x, y = column - 30, row - 20
    np.testing.assert_allclose(centre, x * np.cos(angles) + y * np.sin(angles), atol=0.05)


def test_axis_parallel_rays_are_row_and_column_sums():
    geometry = ParallelGeometry([0.0, np.pi / 2], 6, 1.0, (6, 6), (1.0, 1.0))
    image = torch.rand(6, 6, dtype=torch.float64)
    sinogram = ParallelBeam(geometry, dtype=torch.float64).A(image)
    torch.testing.assert_close(sinogram[0], image.sum(dim=0))
    torch.testing.assert_close(sinogram[1], image.sum(dim=1))


@pytest.mark.parametrize(
    ("shape", "pixel"),
    [((96, 96), (1.0, 1.0)), ((97, 63), (1.0, 1.0)), ((60, 111), (1.6, 0.8)), ((96, 97), (0.5, 2))],
)
def test_line_integrals_of_a_gaussian(shape, pixel, blob):
    size = [n * p for n, p in zip(shape, pixel, strict=True)]
    angles = np.linspace(-1, 5, 23)
    geometry = ParallelGeometry(angles, 301, 0.8, shape, pixel)
    widths = (size[0] / 10, size[1] / 12)
    image, expected = blob(geometry, (size[0] / 14, -size[1] / 11), widths)
    sinogram = ParallelBeam(geometry, dtype=torch.float64).A(torch.from_numpy(image)).numpy()
    # Linear interpolation flattens a Gaussian by (pixel / width)^2 / 12 on average.
    flattening = max((p / w) ** 2 for p, w in zip(pixel, widths, strict=True)) / 12
    error = np.linalg.norm(sinogram - expected) / np.linalg.norm(expected)
    assert error < flattening


def test_a_full_turn_repeats_mirrored(geometry):
    image = torch.rand(geometry.image_shape)
    opposite = ParallelGeometry(
        geometry.angles + np.pi,
        geometry.detectors,
        geometry.detector_pitch,
        geometry.image_shape,
        geometry.pixel,
    )
    here, there = ParallelBeam(geometry).A(image), ParallelBeam(opposite).A(image)
    torch.testing.assert_close(here, there.flip(-1), rtol=1e-4, atol=1e-4)


def test_mass_is_the_same_in_every_view(blob):
    geometry = ParallelGeometry.standard(31, (65, 49), (0.9, 1.4), detectors=256)
    image, _ = blob(geometry, (3, -4), (6, 5))
    sinogram = ParallelBeam(geometry).A(torch.from_numpy(image)).double()
    mass = sinogram.sum(dim=-1) * geometry.detector_pitch
    np.testing.assert_allclose(mass, image.sum() * 0.9 * 1.4, rtol=1e-3)


def test_rays_beside_the_image_are_empty():
    geometry = ParallelGeometry([0.2], 101, 1.0, (20, 20), (1.0, 1.0))
    sinogram = ParallelBeam(geometry).A(torch.ones(20, 20))
    assert sinogram[0, :30].abs().max() == 0
    assert sinogram[0, -30:].abs().max() == 0
    assert sinogram[0, 50] > 20


def test_shifted_detector_sees_the_same_lines_elsewhere():
    """A shift by three bins moves the sinogram by three bins."""
    image = torch.rand(20, 24)
    centred = ParallelGeometry([0.3, 1.2, 4.0], 60, 0.8, (20, 24), (1.0, 1.1))
    shifted = dataclasses.replace(centred, shift=3 * 0.8)
    here, there = ParallelBeam(centred).A(image), ParallelBeam(shifted).A(image)
    torch.testing.assert_close(there[:, :-3], here[:, 3:])


def test_memory_is_foreseen(planar):
    pair = build_pair(planar)
    assert pair_bytes(planar) == pair.nbytes
    assert pair.forward.indices.dtype == np.int32
    assert pair.transpose.indices.dtype == np.int32


def test_memory_of_many_views_is_foreseen():
    geometry = FanGeometry.standard(150, (32, 48), (1.0, 0.7), detectors=30)
    assert pair_bytes(geometry) == pytest.approx(build_pair(geometry).nbytes, rel=0.02)


def test_transpose_is_stored_exactly(planar):
    pair = build_pair(planar, np.float64)
    assert abs(pair.forward.T - pair.transpose).max() == 0
    assert pair.forward.data.min() >= 0


def test_too_large_a_pair_is_refused_before_it_is_built():
    geometry = ParallelGeometry.standard(720, (1024, 1024), detectors=2048)
    with pytest.raises(ReconstructionError, match="use the back end 'rays'"):
        ParallelBeam(geometry, backend="matrix", budget=2**30)
    with pytest.raises(ReconstructionError, match="GiB"):
        check_budget(geometry, budget=1000)
