"""Training: resumable to the bit, honest counts, clear refusals."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.data import PatchSampler, find_volumes
from napari_padis.prior.training import Trainer, TrainingConfig, draw_sigma, learning_rate
from napari_padis.scan.units import Scale
from napari_padis.scan.volume import Volume

NETWORK = NetworkConfig(width=8, multipliers=(1, 2), blocks=(1, 1))


def config(**more):
    values = {
        "network": NETWORK,
        "patch_sizes": (16, 8),
        "probabilities": (0.5, 0.5),
        "batches": (2, 4),
        "pad": 4,
        "steps": 6,
    }
    return TrainingConfig(**{**values, **more})


@pytest.fixture
def sampler():
    rng = np.random.default_rng(0)
    volumes = [Volume(rng.uniform(-1200, 1200, (n, 24, 20)).astype(np.float32)) for n in (2, 8)]
    return PatchSampler(volumes, Scale(-1000, 1000, "HU"), pad=4)


def test_resumed_run_equals_uninterrupted_run_to_the_bit(sampler, tmp_path):
    straight = Trainer(config(), sampler, tmp_path / "a").run()
    first = Trainer(config(), sampler, tmp_path / "b")
    for _ in range(3):
        first._step(first.progress)
    first.save()
    second = Trainer(config(), sampler, tmp_path / "b")
    assert second.counters.step == 3
    resumed = second.run()
    for a, b in zip(straight.state_dict().values(), resumed.state_dict().values(), strict=True):
        assert torch.equal(a, b)


def test_a_kill_while_saving_leaves_the_previous_state(sampler, tmp_path, monkeypatch):
    trainer = Trainer(config(), sampler, tmp_path)
    trainer._step(0)
    trainer.save()

    def killed(state, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    trainer._step(0)
    with pytest.raises(KeyboardInterrupt):
        trainer.save()
    monkeypatch.undo()
    assert Trainer(config(), sampler, tmp_path).counters.step == 1


def test_patches_and_pixels_are_counted_one_by_one(sampler, tmp_path):
    trainer = Trainer(config(probabilities=(1.0, 0.0)), sampler, tmp_path)
    trainer.run()
    c = trainer.counters
    assert (c.step, c.patches, c.pixels) == (6, 12, 12 * 256)


def test_other_settings_are_not_mixed_into_a_run(sampler, tmp_path):
    Trainer(config(), sampler, tmp_path).run()
    with pytest.raises(InputError, match=r"other settings \(learning_rate\)"):
        Trainer(config(learning_rate=1e-3), sampler, tmp_path)
    assert Trainer(config(steps=8), sampler, tmp_path).progress == 0.75


def test_loss_falls(tmp_path):
    flat = [Volume(np.full((4, 24, 24), 200.0, np.float32))]
    sampler = PatchSampler(flat, Scale(-1000, 1000, "HU"), pad=0)
    cfg = config(steps=150, learning_rate=3e-3, warmup_steps=10, probabilities=(1.0, 0.0), pad=0)
    trainer = Trainer(cfg, sampler, tmp_path)
    losses = [float(trainer._step(0.0)[0].mean()) for _ in range(150)]
    assert np.mean(losses[-20:]) < 0.3 * np.mean(losses[:10])


def test_patches_are_cut_where_their_position_says(sampler):
    ramp = np.broadcast_to(np.arange(20.0), (24, 20))[None] * 10
    s = PatchSampler([Volume(ramp.astype(np.float32))], Scale(-1000, 1000, "HU"), pad=6)
    patches, position = s.draw(8, 64, torch.Generator().manual_seed(0))
    inside = position.abs().amax(1) < 1
    column = (position[:, 0] + 1) / 2 * 20 - 0.5
    expected = torch.where(inside, (column * 10 + 1000) / 2000, 0.0)
    assert torch.allclose(patches[:, 0], expected, atol=1e-3)
    assert (~inside).any()


def test_noise_levels_reach_both_ends():
    g = torch.Generator().manual_seed(0)
    sigma = draw_sigma(config(), 20_000, g)
    assert sigma.min() < 0.003
    assert sigma.max() > 10
    assert sigma.log().median() == pytest.approx(-1.9, abs=0.1)


def test_learning_rate_warms_up_and_ends_low():
    cfg = config()
    assert learning_rate(cfg, 0, 0.0) < 0.01 * cfg.learning_rate
    assert learning_rate(cfg, 1000, 0.4) == cfg.learning_rate
    assert learning_rate(cfg, 1000, 0.75) == pytest.approx(0.505 * cfg.learning_rate)
    assert 0 < learning_rate(cfg, 1000, 1.0) < 0.01 * cfg.learning_rate


@pytest.mark.parametrize(
    "change",
    [{"steps": None}, {"hours": 1.0}, {"patch_sizes": (16, 9)}, {"batches": (2,)}],
)
def test_contradictory_settings_are_refused(change):
    with pytest.raises(ValidationError):
        config(**change)


def test_empty_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="No volumes"):
        find_volumes(tmp_path)
    with pytest.raises(InputError, match="does not exist"):
        find_volumes(tmp_path / "nowhere")


def test_phase_keeps_the_magnitude_and_is_smooth():
    rng = np.random.default_rng(1)
    volume = Volume(rng.uniform(10, 900, (3, 24, 20)).astype(np.float32))
    pair = PatchSampler([volume], Scale(0, 1, "arbitrary"), pad=4, normalise=True, phase=True)
    (image,) = pair.middles()
    expected = volume.array[1] * 0.5 / np.percentile(volume.array, 99)
    assert np.allclose(image.norm(dim=0).numpy(), expected, atol=1e-3)
    turn = torch.complex(*image)
    step = torch.angle(turn[:, 1:] * turn[:, :-1].conj())
    assert step.abs().max() < 1
    assert torch.angle(turn).std() > 0.05
    patches, _ = pair.draw(16, 5, torch.Generator().manual_seed(0))
    assert patches.shape == (5, 2, 16, 16)


def test_channels_must_fit_the_phase():
    with pytest.raises(ValidationError, match="two with 'phase'"):
        config(phase=True)
    with pytest.raises(InputError, match="dark"):
        PatchSampler([Volume(np.zeros((1, 8, 8)))], Scale(0, 1, "arbitrary"), 4, normalise=True)
