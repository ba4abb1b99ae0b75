"""Method 'cg': least squares by conjugate gradients for CT and MRI."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.likelihood.cartesian import CartesianMRI
from napari_padis.likelihood.coils import with_maps
from napari_padis.likelihood.fourier import as_channels, as_complex
from napari_padis.posterior.evaluator import Level
from napari_padis.posterior.methods import METHODS
from napari_padis.posterior.problem import Problem
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement

CG = METHODS["cg"]


class Dense:
    """A matrix as a forward model of images (..., 1, 4, 3)."""

    def __init__(self, matrix):
        self.matrix = matrix
        self.norm = float(torch.linalg.matrix_norm(matrix, 2))

    def A(self, x):
        return x.flatten(-3) @ self.matrix.T

    def AT(self, y):
        return (y @ self.matrix).unflatten(-1, (1, 4, 3))

    def pinv(self, y):
        return self.AT(y) / self.norm**2


def run(problem, samples=1, **options):
    """Levels and the result of a run."""
    generator = CG.run(problem, None, samples, None, options)
    levels = []
    while True:
        try:
            levels.append(next(generator))
        except StopIteration as done:
            return levels, done.value


@pytest.fixture
def dense():
    torch.manual_seed(0)
    operator = Dense(torch.randn(20, 12, dtype=torch.float64))
    data = torch.randn(2, 20, dtype=torch.float64)
    return Problem(operator, data, 0.1, 2.0, 0.0, (2, 1, 4, 3))


@pytest.mark.parametrize("ridge", [0.0, 1e-3, 0.1])
def test_solution_is_that_of_the_normal_equations(dense, ridge):
    _, x = run(dense, iterations=60, ridge=ridge)
    a = dense.operator.matrix / dense.operator.norm
    left = a.T @ a + ridge * torch.eye(12, dtype=a.dtype)
    centre = dense.direct().flatten(1)
    exact = torch.linalg.solve(left, (dense.y @ a + ridge * centre).T).T
    assert torch.allclose(x[0].flatten(1), exact, atol=1e-10)


def test_levels_are_iterations(dense):
    levels, x = run(dense, samples=3, iterations=7)
    assert CG.plan(None, {"iterations": 7}) == (7, 0)
    assert CG.plan(None, {}) == (30, 0)
    assert all(isinstance(level, Level) for level in levels)
    assert [(s.level, s.levels, s.evaluations) for s in levels] == [(i, 7, 0) for i in range(7)]
    assert x.shape == (3, 2, 1, 4, 3)
    assert torch.equal(x[0], levels[-1].estimate[0])
    residuals = [dense.residual(s.estimate) for s in levels]
    assert residuals == sorted(residuals, reverse=True)


def test_options_are_checked():
    for wrong in ({"iterations": 0}, {"ridge": -1}, {"ridge": "nan"}, {"iterations": 1e9}):
        with pytest.raises(InputError, match=f"'{next(iter(wrong))}' of 'cg' must be from"):
            CG.settings(wrong)


def test_steps_are_iterations(dense):
    assert CG.plan(5, {}) == (5, 0)
    assert CG.plan(5, {"iterations": 7, "ridge": 0.1}) == (5, 0)
    levels = list(CG.run(dense, None, 1, 4, {"iterations": 7}))
    assert [(s.level, s.levels) for s in levels] == [(i, 4) for i in range(4)]
    assert METHODS["fbp"].plan(5, {}) == (0, 0)


def test_fully_sampled_image_of_one_coil_is_recovered_with_its_phase():
    linear_map = CartesianMRI(CartesianGeometry(np.ones((6, 5))), dtype=torch.float64)
    truth = torch.randn(2, 2, 6, 5, dtype=torch.float64)
    problem = Problem(linear_map, linear_map.A(truth), 0.0, 1.0, 0.0, truth.shape)
    _, x = run(problem, iterations=1, ridge=0.0)
    assert torch.allclose(x[0], truth, atol=1e-12)


def test_complex_images_start_from_zero():
    """Two-fold undersampling of one coil: the minimum-norm solution is the zero-filled one."""
    mask = np.zeros((6, 8), dtype=bool)
    mask[:, ::2] = True
    linear_map = CartesianMRI(CartesianGeometry(mask), dtype=torch.float64)
    truth = torch.randn(1, 2, 6, 8, dtype=torch.float64)
    problem = Problem(linear_map, linear_map.A(truth), 0.0, 1.0, 0.0, truth.shape)
    _, x = run(problem, iterations=5, ridge=0.0)
    assert torch.allclose(x[0], linear_map.pinv(linear_map.A(truth)), atol=1e-12)


def test_sense_unfolds_what_one_coil_cannot():
    torch.manual_seed(1)
    coils = torch.randn(1, 4, 8, 6, dtype=torch.complex64)
    mask = np.zeros((8, 6), dtype=bool)
    mask[:, ::2] = True
    linear_map = CartesianMRI(CartesianGeometry(mask, 4, coils.numpy()))
    truth = torch.randn(3, 2, 8, 6)
    problem = Problem(linear_map, linear_map.A(truth), 0.0, 1.0, 0.0, truth.shape)
    _, x = run(problem, iterations=60, ridge=0.0)
    assert (x[0] - truth).norm() < 1e-2 * truth.norm()
    assert (linear_map.pinv(linear_map.A(truth)) - truth).norm() > 0.3 * truth.norm()


def test_phase_of_the_object_turns_the_image_alone():
    torch.manual_seed(2)
    geometry = CartesianGeometry(
        np.random.default_rng(0).random((8, 6)) < 0.6, 2, torch.randn(1, 2, 8, 6) + 0j
    )
    linear_map = CartesianMRI(geometry, dtype=torch.float64)
    truth = torch.randn(1, 2, 8, 6, dtype=torch.float64)
    turned = as_channels(as_complex(truth) * np.exp(0.7j))
    problems = [Problem(linear_map, linear_map.A(x), 0, 1.0, 0.0, x.shape) for x in (truth, turned)]
    images = [as_complex(run(problem, iterations=8)[1][0]) for problem in problems]
    assert torch.allclose(images[0] * np.exp(0.7j), images[1], atol=1e-10)


def test_ct_comes_closer_than_back_projection(small_measurement, small_volume):
    from napari_padis.engine.recipe import Recipe
    from napari_padis.engine.run import run as reconstruct

    def error(method):
        *_, last = reconstruct(Recipe(method=method, device="cpu"), small_measurement)
        return np.linalg.norm(last.result.mean - small_volume.array)

    assert error("cg") < 0.9 * error("fbp")


def test_real_brain_agrees_with_sigpy(data_folder):
    app = pytest.importorskip("sigpy.mri.app")
    with np.load(data_folder / "kspace" / "brain8ch-sigpy-tutorial.npz") as file:
        kspace = file["ksp"]
    geometry = CartesianGeometry((kspace != 0).any(0), 8)
    ours = with_maps(Measurement(kspace[None], geometry, unit="arbitrary"))
    linear_map = CartesianMRI(ours.geometry)
    data = as_channels(torch.from_numpy(ours.data))
    problem = Problem(linear_map, data, 0.0, 1.0, 0.0, (1, 2, *geometry.image_shape))
    ridge, iterations = 1e-3, 30
    _, x = run(problem, iterations=iterations, ridge=ridge)
    found = as_complex(x[0, 0]).abs().numpy()
    maps = app.EspiritCalib(kspace, show_pbar=False).run()
    weight = ridge * linear_map.norm**2
    theirs = app.SenseRecon(kspace, maps, lamda=weight, max_iter=iterations, show_pbar=False).run()
    support = np.abs(maps).sum(0) > 0
    difference = (found - np.abs(theirs))[support]
    assert np.linalg.norm(difference) < 0.005 * np.linalg.norm(np.abs(theirs)[support])
