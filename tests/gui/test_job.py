"""The worker's side: no error may get lost, and nothing may be kept alive."""

import gc
import threading
import weakref

import numpy as np
import pytest

from napari_padis.engine.control import Control
from napari_padis.engine.events import Finished, Iterate, Notice
from napari_padis.engine.recipe import Recipe
from napari_padis.errors import InputError, ReconstructionError
from napari_padis.gui import job as jobs
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.thread import Job
from napari_padis.scan.geometry import CartesianGeometry, DenoiseGeometry, ParallelGeometry


def run(request, engine, control=None, simulator=jobs.simulate):
    box = Mailbox(queued=(Notice,))
    jobs.work(request, control or Control(), box, engine, simulator)
    return {type(event): event for event in box.take()}


@pytest.fixture
def request_(measurement):
    return jobs.Request(Recipe(method="fbp"), measurement=measurement)


@pytest.fixture
def measurement(volume):
    geometry = ParallelGeometry.standard(4, volume.shape[1:], volume.spacing[1:], detectors=32)
    from napari_padis.scan.measurement import Measurement

    return Measurement(np.ones((6, 4, 32), np.float32), geometry)


def test_a_whole_run_ends_with_ended(request_, engine):
    events = run(request_, engine)
    assert list(events)[-1] is jobs.Ended
    assert events[Finished].result.complete
    assert jobs.Failed not in events


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (RuntimeError("CUDA out of memory. Tried to allocate 20 GiB"), "Memory ran out"),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), "mat1 and mat2"),
        (MemoryError(), "Memory ran out"),
        (ImportError("No module named 'odl'"), "could not be loaded"),
        (ZeroDivisionError("division by zero"), "ZeroDivisionError"),
        (InputError("The unit is wrong."), "The unit is wrong."),
    ],
)
def test_no_error_of_the_engine_is_swallowed(request_, engine, error, sentence):
    """superqt's generator workers drop every RuntimeError; ours report and end."""
    engine.error = error
    events = run(request_, engine)
    failed = events[jobs.Failed]
    assert sentence in str(failed.error)
    assert not isinstance(failed.error, RuntimeError)
    assert "\n" not in str(failed.error)
    assert list(events)[-1] is jobs.Ended
    assert engine.closed.is_set()


def test_the_cause_is_kept_for_the_log(request_, engine):
    engine.error = RuntimeError("boom")
    failed = run(request_, engine)[jobs.Failed]
    assert isinstance(failed.error, ReconstructionError)
    assert failed.error.__cause__ is engine.error
    assert "Traceback" in failed.details


def test_stop_makes_the_generator_return_and_keeps_what_there_is(request_, engine):
    engine.levels = 10_000
    engine.delay = 0.01
    control, box = Control(), Mailbox()
    thread = threading.Thread(target=jobs.work, args=(request_, control, box, engine))
    thread.start()
    while not any(isinstance(event, Iterate) for event in box.take()):
        pass
    control.stop()
    thread.join(60)
    assert not thread.is_alive()
    events = {type(event): event for event in box.take()}
    assert engine.closed.is_set(), "the generator's finally must have run"
    assert not events[Finished].result.complete
    assert jobs.Ended in events


def test_stop_before_the_start_runs_nothing(request_, engine):
    control = Control()
    control.stop()
    assert list(run(request_, engine, control)) == [jobs.Ended]
    assert engine.runs == 0


def test_a_finished_job_keeps_nothing_alive(engine, measurement):
    """napari's task manager would keep the arguments of every worker for ever."""

    class Ballast:
        pass

    ballast = Ballast()
    alive = weakref.ref(ballast)
    job = Job(lambda ballast=ballast: None, Control())
    job.start()
    assert job.join(60)
    del ballast
    gc.collect()
    assert alive() is None


def test_simulation_happens_in_the_job(engine, volume):
    geometry = ParallelGeometry.standard(4, volume.shape[1:], volume.spacing[1:], detectors=32)
    simulation = jobs.Simulation(geometry, slices=(1, 3))
    where = []

    def simulator(volume, simulation, seed):
        where.append((threading.current_thread().name, seed))
        from napari_padis.scan.measurement import Measurement

        return Measurement(np.ones((2, 4, 32), np.float32), simulation.geometry)

    request = jobs.Request(Recipe(method="fbp", seed=7), volume=volume, simulation=simulation)
    box = Mailbox()
    job = Job(lambda: jobs.work(request, Control(), box, engine, simulator), Control())
    job.start()
    assert job.join(60)
    assert where == [("napari-padis", 7)]
    assert any(isinstance(event, jobs.Simulated) for event in box.take())


def test_simulated_noise_is_a_share_of_the_rms(volume):
    pytest.importorskip("torch")
    geometry = ParallelGeometry.standard(6, volume.shape[1:], volume.spacing[1:], detectors=64)
    clean = jobs.simulate(volume, jobs.Simulation(geometry, slices=(0, 6)), 0)
    noisy = jobs.simulate(volume, jobs.Simulation(geometry, "gaussian", 0.05, slices=(0, 6)), 0)
    expected = 0.05 * np.sqrt(np.mean(clean.data.astype(float) ** 2))
    assert noisy.noise.sigma == pytest.approx(expected, rel=1e-4)
    assert np.std(noisy.data - clean.data) == pytest.approx(expected, rel=0.1)
    counted = jobs.simulate(volume, jobs.Simulation(geometry, "poisson", slices=(0, 2)), 0)
    assert counted.noise.kind == "poisson"


def test_noise_is_added_to_one_projection(volume, monkeypatch):
    from napari_padis.likelihood import simulation

    calls, plain = [], simulation.simulate
    monkeypatch.setattr(simulation, "simulate", lambda *a, **k: calls.append(1) or plain(*a, **k))
    geometry = ParallelGeometry.standard(2, volume.shape[1:], volume.spacing[1:], detectors=16)
    noisy = jobs.simulate(volume, jobs.Simulation(geometry, "gaussian", slices=(4, 6)), 3)
    assert noisy.provenance["seed"] == 3
    assert noisy.noise.sigma > 0
    assert calls == [1]


def test_nothing_to_reconstruct_is_said(engine):
    events = run(jobs.Request(Recipe(method="fbp")), engine)
    assert "choose a volume" in str(events[jobs.Failed].error)


def test_saving_reports_what_went_wrong(tmp_path, request_, engine):
    result = run(request_, engine)[Finished].result
    box = Mailbox(queued=(Notice,))
    (tmp_path / "file").write_text("in the way")
    jobs.save(result, tmp_path / "file" / "out", box)
    events = {type(event): event for event in box.take()}
    assert "cannot be written" in str(events[jobs.Failed].error)
    assert jobs.Ended in events


def test_saving_writes_the_files(tmp_path, request_, engine):
    result = run(request_, engine)[Finished].result
    box = Mailbox(queued=(Notice,))
    jobs.save(result, tmp_path / "out", box)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        "mean.nii.gz",
        "std.nii.gz",
        "variance.nii.gz",
        "samples.nii.gz",
        "recipe.json",
        "report.json",
    } <= names
    assert any(isinstance(event, Notice) for event in box.take())


def test_noise_of_images_is_given_in_their_unit(volume):
    pytest.importorskip("torch")
    geometry = DenoiseGeometry(volume.shape[1:], volume.spacing[1:], volume.spacing[0])
    noisy = jobs.simulate(
        volume, jobs.Simulation(geometry, "gaussian", sigma=25.0, slices=(0, 6)), 0
    )
    assert noisy.noise.sigma == 25
    assert noisy.unit == "HU"
    assert np.std(noisy.data - volume.array) == pytest.approx(25, rel=0.05)


def test_kspace_noise_is_a_share_of_its_measured_samples(volume):
    pytest.importorskip("torch")
    mask = np.zeros(volume.shape[1:], bool)
    mask[:, ::3] = True
    geometry = CartesianGeometry(mask, pixel=volume.spacing[1:], slice_spacing=volume.spacing[0])
    clean = jobs.simulate(volume, jobs.Simulation(geometry, slices=(0, 6)), 0)
    noisy = jobs.simulate(volume, jobs.Simulation(geometry, "gaussian", 0.1, slices=(0, 6)), 0)
    samples = clean.data[..., mask]
    expected = 0.1 * np.sqrt((np.abs(samples) ** 2).mean() / 2)
    assert noisy.noise.sigma == pytest.approx(expected, rel=1e-4)
    added = (noisy.data - clean.data)[..., mask]
    assert np.std([added.real, added.imag]) == pytest.approx(expected, rel=0.05)
