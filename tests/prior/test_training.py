"""Training: resumable to the bit, honest counts, clear refusals."""

from __future__ import annotations

import copy
import json

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from napari_padis.errors import InputError
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.data import PatchSampler
from napari_padis.prior.network import EDMDenoiser
from napari_padis.prior.score_matching import draw_sigma
from napari_padis.prior.settings import TrainingConfig, learning_rate
from napari_padis.prior.slice_store import Preparation
from napari_padis.prior.training import Trainer
from napari_padis.prior.training_log import Table
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


def same(one, other):
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.fixture
def stacks():
    rng = np.random.default_rng(0)
    volumes = [Volume(rng.uniform(-1200, 1200, (n, 24, 20)).astype(np.float32)) for n in (2, 8)]
    return [Preparation(-1000, 1000)(volume) for volume in volumes]


@pytest.fixture
def sampler(stacks):
    return PatchSampler.of(stacks, config())


def test_resumed_run_equals_uninterrupted_run_to_the_bit(sampler, tmp_path):
    straight = Trainer(config(), sampler, tmp_path / "a").run()
    first = Trainer(config(), sampler, tmp_path / "b")
    for _ in range(3):
        first.step(first.progress)
    first.save()
    second = Trainer(config(), sampler, tmp_path / "b")
    assert second.counters.step == 3
    resumed = second.run()
    assert same(straight, resumed)


def test_a_kill_while_saving_leaves_the_previous_state(sampler, tmp_path, monkeypatch):
    trainer = Trainer(config(), sampler, tmp_path)
    trainer.step(0)
    trainer.save()

    def killed(state, path):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(torch, "save", killed)
    trainer.step(0)
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


VARIED = {"flip": 0.5, "gain": (0.8, 1.2), "offset": (-0.1, 0.1), "validate_every": 0.25}
SLICES = {
    "network": NETWORK.model_copy(update={"image_channels": 3, "conditions": 1, "dropout": 0.2}),
    "slices": 3,
    "stride": 2,
}


@pytest.mark.parametrize("more", [VARIED, VARIED | SLICES, {"whole": True}, {"fixed_grid": True}])
def test_every_way_of_drawing_resumes_to_the_bit(more, stacks, tmp_path):
    if "slices" not in more and "flip" not in more:
        more = more | {"patch_sizes": (16,), "probabilities": (1.0,), "batches": (2,)}
    cfg = config(**more)
    sampler = PatchSampler.of(stacks, cfg)
    checked = PatchSampler.of(stacks, cfg.model_copy(update=cfg.plain))
    # Without validation and without a thread: neither may touch the random numbers.
    straight = Trainer(cfg.model_copy(update={"prefetch": False}), sampler, tmp_path / "a").run()
    first = Trainer(cfg, sampler, tmp_path / "b", validation=checked)
    for _ in range(3):
        first._validate(first.progress)
        first.step(first.progress)
    first.save()
    first._validate(first.progress)
    first.step(first.progress)  # lost
    resumed = Trainer(cfg, sampler, tmp_path / "b", validation=checked).run()
    assert same(straight, resumed)


def test_validation_is_measured_at_even_shares_once(sampler, tmp_path):
    cfg = config(steps=8, validate_every=0.25)
    first = Trainer(cfg, sampler, tmp_path, validation=sampler)
    for _ in range(3):
        first._validate(first.progress)
        first.step(first.progress)
    first.save()
    Trainer(cfg, sampler, tmp_path, validation=sampler).run()
    rows = Table(tmp_path / "validation.csv").rows()
    assert [int(row["step"]) for row in rows] == [0, 2, 4, 6, 8]
    log = Table(tmp_path / "log.csv").rows()
    assert [int(row["step"]) for row in log] == [8]
    assert any(row["loss_below_0.3"] for row in log)


def test_log_forgets_the_steps_that_a_kill_lost(sampler, tmp_path):
    first = Trainer(config(), sampler, tmp_path)
    first.step(0.0)
    first.save()
    for _ in range(2):
        first.losses.add(*reversed(first.step(0.0)))
        first._log(None)
    second = Trainer(config(), sampler, tmp_path)
    assert not Table(tmp_path / "log.csv").rows()
    second.run(log_every=0)
    assert [int(r["step"]) for r in Table(tmp_path / "log.csv").rows()] == [2, 3, 4, 5, 6]


def test_starts_from_the_weights_of_a_prior(sampler, tmp_path):
    torch.manual_seed(5)
    parent = EDMDenoiser(NETWORK)
    trainer = Trainer(config(), sampler, tmp_path / "a", start=parent, origin="parent, sha256 1")
    assert same(trainer.model, parent)
    assert same(trainer.averaged(), parent)
    trainer.step(0.0)
    trainer.save()
    assert not same(trainer.model, parent)
    again = Trainer(config(), sampler, tmp_path / "a")
    assert (again.origin, again.counters.step) == ("parent, sha256 1", 1)
    with pytest.raises(InputError, match="did not start from that prior"):
        Trainer(config(), sampler, tmp_path / "a", start=parent, origin="other, sha256 2")
    wider = EDMDenoiser(NetworkConfig(width=16, multipliers=(1, 2), blocks=(1, 1)))
    with pytest.raises(InputError, match="another network"):
        Trainer(config(), sampler, tmp_path / "b", start=wider)


def test_a_step_without_a_finite_gradient_is_left_out(sampler, tmp_path):
    trainer = Trainer(config(prefetch=False), sampler, tmp_path)
    trainer.step(0.0)
    before = copy.deepcopy(trainer.model)
    drawn = trainer.batches.take(1)
    bad = drawn._replace(noise=torch.full_like(drawn.noise, torch.nan))
    trainer.batches.take = lambda step: bad
    trainer.step(0.0)
    assert same(trainer.model, before)
    assert all(torch.isfinite(p).all() for p in trainer.averaged().parameters())
    del trainer.batches.take
    trainer.step(0.0)
    assert not same(trainer.model, before)


def test_settings_that_are_newer_than_a_run_have_their_defaults(sampler, tmp_path):
    trainer = Trainer(config(), sampler, tmp_path)
    trainer.step(0.0)
    trainer.save()
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    old = {k: v for k, v in json.loads(state["config"]).items() if k not in ("flip", "stride")}
    torch.save(state | {"config": json.dumps(old)}, tmp_path / "state.pt")
    assert Trainer(config(), sampler, tmp_path).counters.step == 1
    with pytest.raises(InputError, match=r"other settings \(flip\)"):
        Trainer(config(flip=0.5), sampler, tmp_path)


def test_training_goes_on_uncompiled_where_there_is_no_compiler(sampler, tmp_path, monkeypatch):
    class Broken(torch.nn.Module):
        def forward(self, *given):
            raise RuntimeError("No working C++ compiler found.\nlong traceback")

    monkeypatch.setattr(torch, "compile", lambda model, dynamic: Broken())
    trainer = Trainer(config(compile=True), sampler, tmp_path / "a")
    assert trainer.note == (
        "The network is not compiled, training is slower: No working C++ compiler found."
    )
    assert same(trainer.run(), Trainer(config(), sampler, tmp_path / "b").run())


def test_loss_falls(tmp_path):
    flat = [Volume(np.full((4, 24, 24), 200.0, np.float32))]
    sampler = PatchSampler(flat, Scale(-1000, 1000, "HU"), pad=0)
    cfg = config(steps=150, learning_rate=3e-3, warmup_steps=10, probabilities=(1.0, 0.0), pad=0)
    trainer = Trainer(cfg, sampler, tmp_path)
    losses = [float(trainer.step(0.0)[0].mean()) for _ in range(150)]
    assert np.mean(losses[-20:]) < 0.3 * np.mean(losses[:10])


def test_patches_are_cut_where_their_position_says(sampler):
    ramp = np.broadcast_to(np.arange(20.0), (24, 20))[None] * 10
    s = PatchSampler([Volume(ramp.astype(np.float32))], Scale(-1000, 1000, "HU"), pad=6)
    patches, position, _ = s.draw(8, 64, torch.Generator().manual_seed(0))
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
    patches = pair.draw(16, 5, torch.Generator().manual_seed(0)).patches
    assert patches.shape == (5, 2, 16, 16)


def test_channels_must_fit_the_phase():
    with pytest.raises(ValidationError, match="two with 'phase'"):
        config(phase=True)
    with pytest.raises(InputError, match="dark"):
        PatchSampler([Volume(np.zeros((1, 8, 8)))], Scale(0, 1, "arbitrary"), 4, normalise=True)


def foretelling(**more):
    network = NETWORK.model_copy(update={"error_width": 4})
    return config(network=network, objective="error", **more)


def test_errors_are_learnt_and_denoising_stays_as_it_is(stacks, tmp_path):
    """White images of a known denoiser: the constant error is found, on all levels."""
    parent = EDMDenoiser(NETWORK).eval()
    settings = foretelling(
        steps=150, learning_rate=0.01, warmup_steps=1, ema=0.9, sigma_min=0.3, sigma_max=0.31,
        log_uniform_fraction=1.0, bfloat16=False, pad=0,
    )  # fmt: skip
    sampler = PatchSampler.of(stacks, settings)
    trained = Trainer(settings, sampler, tmp_path, start=parent).run()
    before = parent.state_dict()
    assert all(torch.equal(v, before[k]) for k, v in trained.state_dict().items() if k in before)
    g = torch.Generator().manual_seed(9)
    clean, position, _ = sampler.draw(16, 64, g)
    sigma = torch.tensor([0.305])
    noisy = clean + 0.305 * torch.randn(clean.shape, generator=g)
    with torch.no_grad():
        denoised, log_error = trained(noisy, sigma, position, with_error=True)
    ratio = (denoised - clean).square() / log_error.exp()
    assert float(ratio.mean()) == pytest.approx(1, abs=0.1)


def test_training_of_errors_resumes_to_the_bit(stacks, tmp_path):
    parent = EDMDenoiser(NETWORK).eval()
    sampler = PatchSampler.of(stacks, foretelling())
    straight = Trainer(foretelling(), sampler, tmp_path / "a", start=parent).run()
    first = Trainer(foretelling(), sampler, tmp_path / "b", start=parent)
    for _ in range(3):
        first.step(first.progress)
    first.save()
    again = Trainer(foretelling(), sampler, tmp_path / "b", start=parent).run()
    assert same(straight, again)


@pytest.mark.parametrize("more", [{"objective": "error"}, {"network": {"error_width": 4}}])
def test_the_objective_and_the_output_go_together(more):
    with pytest.raises(ValidationError, match="error_width"):
        TrainingConfig(steps=1, **more)
