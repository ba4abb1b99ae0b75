"""Shared fixtures: an untrained prior, a small measurement, the real data."""

from __future__ import annotations

import functools
import os
import sys
from pathlib import Path

import numpy as np
import pytest

#: Milliseconds until a condition that should come true counts as missed. Nothing is measured by it.
PATIENCE = 120_000


@pytest.fixture(autouse=True)
def own_priors(tmp_path_factory, monkeypatch) -> Path:
    """The user's folder of priors, which does not exist yet: tests never see the real one."""
    folder = tmp_path_factory.getbasetemp() / f"own-priors-{os.urandom(6).hex()}"
    monkeypatch.setenv("NAPARI_PADIS_PRIORS", str(folder))
    monkeypatch.delenv("NAPARI_PADIS_PRIORS_URL", raising=False)
    monkeypatch.delenv("NAPARI_PADIS_PRIORS_REGISTRY", raising=False)
    return folder


@pytest.fixture(autouse=True)
def seeded() -> None:
    """The same random images at every run, where a test makes some without a generator."""
    if (torch := sys.modules.get("torch")) is not None:
        torch.manual_seed(0)


@pytest.fixture
def qtbot(qtbot, monkeypatch):
    """As pytest-qt's, but patient: what is awaited takes longer beside other programs."""
    for name in ("waitUntil", "waitSignal", "waitSignals", "waitCallback"):
        monkeypatch.setattr(qtbot, name, functools.partial(getattr(qtbot, name), timeout=PATIENCE))
    return qtbot


@pytest.fixture
def float32(monkeypatch) -> None:
    """Networks compute in float32 on every processor.

    What a batch of another size changes then is rounding of the seventh digit; in bfloat16, which
    only some processors are fast in, it is that of the third.
    """
    monkeypatch.setenv("NAPARI_PADIS_BFLOAT16", "0")


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Folder of the real data; the test is skipped where it is missing."""
    root = Path(os.environ.get("PADIS_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not (root / "ct").is_dir():
        pytest.skip(f"real data not found in '{root}' (set PADIS_DATA)")
    return root


@pytest.fixture(scope="session")
def tiny_prior(tmp_path_factory) -> Path:
    """Card of an untrained prior: D(x, sigma) = c_skip(sigma) x, in 16-pixel patches."""
    import torch

    from napari_padis.prior.architecture import NetworkConfig
    from napari_padis.prior.card import PriorCard
    from napari_padis.prior.checkpoint import save_prior
    from napari_padis.prior.network import EDMDenoiser

    torch.manual_seed(0)
    network = EDMDenoiser(NetworkConfig(width=8, multipliers=(1, 2), blocks=(1, 1)))
    # The last layer starts at zero; a little of it makes shift and position matter.
    torch.nn.init.normal_(network.unet.head[-1].weight, std=0.02)
    folder = tmp_path_factory.mktemp("prior")
    save_prior(network, PriorCard(name="tiny", patch=16, patch_sizes=(16,)), folder)
    return folder / "tiny.json"


@pytest.fixture(scope="session")
def small_volume():
    """Three slices of a left/right asymmetric body in HU, 40 x 36 pixels of 2 mm."""
    from napari_padis.scan.volume import Volume

    rows, cols = np.mgrid[:40, :36]
    body = ((rows - 19.5) / 16) ** 2 + ((cols - 17.5) / 14) ** 2 < 1
    bone = (rows - 12) ** 2 + (cols - 24) ** 2 < 9
    image = np.where(body, 40.0, -1000.0) + np.where(bone, 600.0, 0.0)
    array = np.stack([image, image + 20 * body, image]).astype(np.float32)
    return Volume(array, spacing=(5.0, 2.0, 2.0), unit="HU", name="small")


@pytest.fixture(scope="session")
def small_measurement(small_volume):
    """12 views of the small volume with known noise."""
    from napari_padis.likelihood import simulate
    from napari_padis.scan.geometry import ParallelGeometry
    from napari_padis.scan.measurement import Noise

    geometry = ParallelGeometry.standard(12, (40, 36), (2.0, 2.0), 5.0, detectors=64)
    return simulate(small_volume, geometry, Noise("gaussian", 0.005), seed=1)
