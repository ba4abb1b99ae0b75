"""Training in two processes, as ``torchrun`` starts them, on the CPU."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import torch

#: Runs in each process: six steps at once, and three, a new start and the rest.
SCRIPT = """
import json, sys
from pathlib import Path
import numpy as np, torch
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.processes import Processes
from napari_padis.prior.settings import TrainingConfig
from napari_padis.prior.slice_store import Preparation, stored_stacks
from napari_padis.prior.training import Trainer
from napari_padis.prior.training_files import find_volumes
from napari_padis.scan.volume import Volume

folder = Path(sys.argv[1])
config = TrainingConfig(
    network=dict(width=8, multipliers=(1, 2), blocks=(1, 1)), patch_sizes=(16, 8),
    probabilities=(0.5, 0.5), batches=(2, 4), pad=4, steps=6, flip=0.5,
)
rank = Processes(torch.device("cpu")).rank
stacks = stored_stacks(
    find_volumes(folder / "volumes"), Preparation(-1000, 1000), folder / "store", rank == 0
)
sampler = PatchSampler.of(stacks, config)
straight = Trainer(config, sampler, folder / "a")
straight.run()
first = Trainer(config, sampler, folder / "b")
for _ in range(3):
    first.step(first.progress)
if rank == 0:
    first.save()
first.processes.agree(0.0)  # wait for the state
second = Trainer(config, sampler, folder / "b")
assert second.counters.step == 3, second.counters
second.run()
by_clock = Trainer(config.model_copy(update={"steps": None, "hours": 1e-5}), sampler, folder / "c")
by_clock.run()
torch.save(
    {name: t.model.state_dict() for name, t in
     (("straight", straight), ("resumed", second), ("by clock", by_clock))},
    folder / f"{rank}.pt",
)
said = {"patches": straight.counters.patches, "steps": by_clock.counters.step}
(folder / f"{rank}.json").write_text(json.dumps(said))
straight.processes.close()
"""


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without processes")
def test_two_processes_train_one_network_and_resume_to_the_bit(tmp_path):
    import numpy as np

    from napari_padis.scan.volume import Volume
    from napari_padis.scan.write import write

    (tmp_path / "volumes").mkdir()
    array = np.random.default_rng(0).integers(-1000, 1000, (5, 24, 20)).astype(np.int16)
    write(tmp_path / "volumes" / "one.nii.gz", Volume(array, unit="HU"))
    (tmp_path / "script.py").write_text(SCRIPT)
    words = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [sys.executable, *words, str(tmp_path / "script.py"), str(tmp_path)],
        env=os.environ | {"OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    weights = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1)]
    for name in ("straight", "by clock"):
        for a, b in zip(weights[0][name].values(), weights[1][name].values(), strict=True):
            assert torch.equal(a, b)
    for rank in (0, 1):
        pairs = zip(*(weights[rank][k].values() for k in ("straight", "resumed")), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    said = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    assert said[0] == said[1]
    steps = torch.load(tmp_path / "a" / "state.pt", weights_only=True)["counters"]
    assert said[0]["patches"] == steps["patches"]
    assert steps["step"] == 6
    assert steps["patches"] % 4 == 0  # both processes' patches count


def test_alone_nothing_is_shared():
    from napari_padis.prior.processes import Processes

    processes = Processes(torch.device("cpu"))
    model = torch.nn.Linear(1, 1)
    assert (processes.rank, processes.world, processes.agree(0.3)) == (0, 1, 0.3)
    assert processes.parallel(model) is model
    processes.close()
