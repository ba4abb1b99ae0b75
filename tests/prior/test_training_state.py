"""A damaged or hostile state ends in one sentence, and no code of it runs."""

from __future__ import annotations

import os
import pickle

import pytest
import torch

from napari_padis.errors import InputError
from napari_padis.prior.training_state import read_state, write_state

CPU = torch.device("cpu")
STATE = {
    "config": "{}", "model": {"w": torch.arange(4000.0)}, "average": {}, "optimizer": {},
    "counters": {"step": 3}, "origin": "",
}  # fmt: skip


def test_what_is_written_is_read(tmp_path):
    write_state(tmp_path / "deep" / "state.pt", STATE)
    found = read_state(tmp_path / "deep" / "state.pt", CPU)
    assert torch.equal(found["model"]["w"], STATE["model"]["w"])
    assert found["counters"] == {"step": 3}


@pytest.mark.parametrize("keep", [0, 1, 50, 300, 5000, 16_000])
def test_truncated(tmp_path, keep):
    path = tmp_path / "state.pt"
    write_state(path, STATE)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="is damaged or of another version; delete it"):
        read_state(path, CPU)


@pytest.mark.parametrize("value", [[1, 2], {"model": {}}, "text"])
def test_something_else(tmp_path, value):
    torch.save(value, tmp_path / "state.pt")
    with pytest.raises(InputError, match="is damaged"):
        read_state(tmp_path / "state.pt", CPU)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("save", [torch.save, lambda x, p: p.write_bytes(pickle.dumps(x, 2))])
def test_hostile(tmp_path, save):
    save(STATE | {"model": Hostile(tmp_path / "made")}, tmp_path / "state.pt")
    with pytest.raises(InputError, match="is damaged"):
        read_state(tmp_path / "state.pt", CPU)
    assert not (tmp_path / "made").exists()


def test_a_state_of_other_tensors_is_refused(tmp_path):
    import numpy as np

    from napari_padis.prior.architecture import NetworkConfig
    from napari_padis.prior.data import PatchSampler
    from napari_padis.prior.settings import TrainingConfig
    from napari_padis.prior.slice_store import Preparation
    from napari_padis.prior.training import Trainer
    from napari_padis.scan.volume import Volume

    network = NetworkConfig(width=8, multipliers=(1,), blocks=(1,))
    config = TrainingConfig(
        network=network, patch_sizes=(8,), probabilities=(1,), batches=(2,), steps=3
    )
    sampler = PatchSampler.of([Preparation(0, 1)(Volume(np.ones((1, 8, 8))))], config)
    trainer = Trainer(config, sampler, tmp_path)
    trainer.step(0.0)
    trainer.save()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    for change in (
        {"model": {}},
        {"average": {"x": torch.zeros(1)}},
        {"optimizer": {"state": 1}},
        {"counters": {"steps": 1}},
        {"config": "{"},
    ):
        torch.save(state | change, tmp_path / "state.pt")
        with pytest.raises(InputError, match="is damaged"):
            Trainer(config, sampler, tmp_path)
