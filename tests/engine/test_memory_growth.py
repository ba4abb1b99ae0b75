"""Memory by the number of samples, counted allocation by allocation."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from napari_padis.engine import memory
from napari_padis.engine.recipe import Recipe
from napari_padis.engine.run import run
from napari_padis.likelihood import simulate
from napari_padis.posterior import problem
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Noise
from napari_padis.scan.volume import Volume

SIDE = 64
IMAGE = 4 * SIDE**2


class Live(TorchDispatchMode):
    """Bytes of all dense tensors that are alive, and their peak."""

    def __init__(self):
        super().__init__()
        self.known, self.total, self.peak = {}, 0, 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for item in tree_flatten((args, out))[0]:
            if isinstance(item, torch.Tensor) and item.layout == torch.strided:
                storage = item.untyped_storage()
                if storage._cdata not in self.known:
                    self.known[storage._cdata] = StorageWeakRef(storage), storage.nbytes()
                    self.total += storage.nbytes()
        if self.total > self.peak:  # at most: some of them may be gone
            self.known = {k: v for k, v in self.known.items() if not v[0].expired()}
            self.total = sum(size for _, size in self.known.values())
            self.peak = max(self.peak, self.total)
        return out


def scan(side):
    image = np.full((1, side, side), -1000.0, np.float32)
    image[:, side // 4 : side // 2, side // 4 : side // 2] = 40
    geometry = ParallelGeometry.standard(8, (side, side), detectors=side)
    return simulate(Volume(image, unit="HU"), geometry, Noise("gaussian", 0.005), seed=1)


@pytest.fixture(scope="module")
def measurement():
    return scan(SIDE)


@pytest.fixture
def recipe(tiny_prior):
    return Recipe(
        method="padis-calibrated",
        prior=str(tiny_prior),
        steps=4,
        device="cpu",
        patch_batch=9,
        quantiles=False,
        null_space=False,
    )


def tensors(recipe, measurement):
    """Peak of the tensors in images."""
    with Live() as live:
        for _ in run(recipe, measurement):
            pass
    return live.peak / (4 * np.prod(measurement.volume_shape))


def arrays(recipe, measurement, store=None):
    """What of NumPy and Python is there at the end of a run, in images."""
    tracemalloc.start()
    try:
        for event in run(recipe, measurement, None, store):
            last = event
        assert len(last.result.samples) == recipe.samples
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return size / IMAGE


@pytest.mark.parametrize("method", ["padis-fast", "padis-calibrated"])
def test_each_chain_takes_as_many_images_as_foreseen(recipe, monkeypatch, method):
    """Linear: state, both halves, what pulls them, what is denoised, before and after."""
    monkeypatch.setattr(problem, "PART", 1)
    small = scan(32)
    # All stages in five evaluations, on so few patches at once that the network takes little.
    chosen = {"method": method, "steps": 5, "patch_batch": 2}
    few = recipe.model_copy(update=chosen)
    peaks = [tensors(few.model_copy(update={"samples": n}), small) for n in (16, 20, 24)]
    slopes = np.diff(peaks) / 4
    assert slopes[1] == pytest.approx(slopes[0], rel=0.05)
    assert 5 <= slopes.max() <= 7.1
    assert slopes.max() <= memory.COPIES


def test_more_samples_than_chains_take_no_more_tensors(recipe, measurement):
    few, many = (
        tensors(recipe.model_copy(update={"samples": n, "chains": 2}), measurement) for n in (4, 8)
    )
    assert many - few < 1


def test_finished_samples_take_one_image_each_or_none(recipe, measurement, tmp_path):
    few, many = (recipe.model_copy(update={"samples": n, "chains": 2}) for n in (2, 18))
    arrays(few, measurement, tmp_path / "warm")  # modules and caches
    stored = arrays(many, measurement, tmp_path / "b") - arrays(few, measurement, tmp_path / "a")
    in_memory = arrays(many, measurement) - arrays(few, measurement)
    assert in_memory / 16 == pytest.approx(1, abs=0.2)
    assert stored / 16 < 0.5  # 8 KB, of an image of 16: names, numbers, Zarr's own
