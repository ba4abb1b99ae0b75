"""A small engine that emits the real events, and viewers with a volume in them."""

from __future__ import annotations

import gc
import threading
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from napari_padis.engine.events import (
    Finished,
    Iterate,
    Notice,
    PatchLayout,
    Progress,
    Result,
    Started,
    Statistics,
)
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.measurement import Measurement, Noise
from napari_padis.scan.volume import Volume

SHAPE = (6, 40, 48)
SPACING = (5.0, 2.0, 2.5)


def layout_of(shape: tuple[int, ...], patch: int = 16) -> PatchLayout:
    tiles = tuple(1 + n // patch for n in shape[-2:])
    pad = tuple(k * patch - n for k, n in zip(tiles, shape[-2:], strict=True))
    return PatchLayout((patch, patch), tiles, pad)


@dataclass
class FakeEngine:
    """Emits the events of a run over random volumes; counts what happened to it."""

    shape: tuple[int, int, int] = SHAPE
    levels: int = 5
    delay: float = 0.0
    error: Exception | None = None
    closed: threading.Event = field(default_factory=threading.Event)
    gate: threading.Event | None = None
    runs: int = 0

    def started(self, measurement: Measurement) -> Started:
        initial = np.full(self.shape, 40, np.float32)
        return Started(
            self.shape,
            measurement.spacing,
            measurement.unit,
            initial,
            (-900.0, 900.0),
            self.levels,
            self.levels,
            123_456_789,
            layout_of(self.shape),
            "cpu",
            0.01,
            method="PaDIS",
        )

    def __call__(self, recipe, measurement, control):
        self.runs += 1
        rng = np.random.default_rng(recipe.seed)
        mean = np.zeros(self.shape, np.float32)
        try:
            yield self.started(measurement)
            yield Notice("A notice.")
            for level in range(self.levels):
                control.wait()
                if control.stopped:
                    break
                if self.error is not None:
                    raise self.error
                mean = rng.standard_normal(self.shape).astype(np.float32) * 100 + level
                yield Iterate(mean, 1.0 / (level + 1), level, (level % 3, level % 5))
                yield Statistics(mean, np.abs(mean), mean**2, 2)
                yield Progress(
                    (level + 1) / self.levels, level, 1.0, level, self.levels, level, 0.5, 1.5
                )
                if self.gate is not None:
                    while not (self.gate.is_set() or control.stopped):
                        time.sleep(0.005)
                time.sleep(self.delay)
            yield Finished(
                Result(
                    mean,
                    np.abs(mean),
                    mean**2,
                    np.stack([mean, mean]),
                    measurement.spacing,
                    measurement.affine,
                    measurement.unit,
                    recipe.model_dump(mode="json"),
                    {},
                    not control.stopped,
                    title="posterior mean",
                )
            )
        finally:
            self.closed.set()


def make_measurement(shape=SHAPE, spacing=SPACING) -> Measurement:
    geometry = ParallelGeometry.standard(4, shape[1:], spacing[1:], spacing[0], detectors=32)
    data = np.ones((shape[0], 4, 32), np.float32)
    return Measurement(data, geometry, Noise("none", sigma=0.0), name="torso sinogram")


def fake_simulator(volume, simulation, seed) -> Measurement:
    first, end = simulation.slices
    return make_measurement((end - first, *volume.shape[1:]), volume.spacing)


def phantom(shape=SHAPE) -> np.ndarray:
    """Dark, with a bright block at the patient's right, front and top."""
    array = np.full(shape, -1000, np.float32)
    s, a, r = (3 * n // 4 for n in shape)
    array[s:, a:, r:] = 1000
    return array


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
def a_measurement() -> Measurement:
    return make_measurement()


@pytest.fixture
def volume() -> Volume:
    return Volume(phantom(), SPACING, "HU", name="torso")


@pytest.fixture
def add_volume(volume):
    """Add the volume to a viewer the way the reader does."""
    from napari_padis.gui.layer_data import volume_layer

    def add(viewer, **overrides):
        data, options, _ = volume_layer(volume, **overrides)
        return viewer.add_image(data, **options)

    return add


@pytest.fixture
def viewer(add_volume):
    """A viewer without a window, with the volume in it."""
    from napari.components import ViewerModel

    viewer = ViewerModel()
    add_volume(viewer)
    return viewer


@pytest.fixture
def make_dock(request, add_volume, engine, qtbot, monkeypatch):
    """A viewer with a volume and a dock whose engine and simulator are small ones.

    Without ``window`` the viewer is a bare model, which takes a hundredth of the time.
    """
    from napari.components import ViewerModel

    from napari_padis.gui import dock as module
    from napari_padis.gui import warmup

    monkeypatch.setattr(warmup, "start", lambda: None)
    monkeypatch.setattr(warmup, "devices", lambda: ["auto", "cpu", "cuda:0"])
    monkeypatch.setattr(module, "WARM_UP_DELAY", 10)
    controllers = []

    def make(window: bool = False, show: bool = False, volume: bool = True):
        if window:
            viewer = request.getfixturevalue("make_napari_viewer")(show=show)
        else:
            viewer = ViewerModel()
        if volume:
            add_volume(viewer)
        dock = module.ReconstructionDock(viewer)
        if window:
            viewer.window.add_dock_widget(dock, name="Reconstruction")
        else:
            qtbot.addWidget(dock)
        dock.method.method_box.setCurrentIndex(dock.method.method_box.findData("fbp"))
        dock.controller.runner = engine
        dock.controller.simulator = fake_simulator
        dock.controller.rate = 10
        controllers.append(dock.controller)
        return viewer, dock

    yield make
    for controller in controllers:
        controller.close()
        assert controller.join(60), "a worker thread was left behind"
    controllers.clear()
    gc.collect()


@pytest.fixture
def laid_out(qtbot):
    """Wait until nothing in a window moves any more."""
    from qtpy.QtWidgets import QWidget

    def wait(window):
        seen = []

        def at_rest():
            shown = [w for w in window.findChildren(QWidget) if w.isVisible()]
            # Sections have a 'geometry' of their own.
            seen.append([QWidget.geometry(widget) for widget in shown])
            return len(seen) > 2 and seen[-1] == seen[-2] == seen[-3]

        qtbot.waitUntil(at_rest)

    return wait


@pytest.fixture
def finish(qtbot):
    """Wait until a controller is idle."""

    def wait(controller):
        qtbot.waitUntil(lambda: not controller.busy)

    return wait


@pytest.fixture
def disk_scan():
    """Maker of parallel-beam scans of a disk, whose line integrals are known exactly.

    Attenuation 0.03 per mm, radius 14 mm, at (x, y) = (6, 3) mm; bins of 1 mm, half a turn.
    """
    from napari_padis.scan.projections import Projections

    def make(views=60, rows=3, bins=72, centre=33.0, contents="line integrals", **changes):
        angles = np.arange(views) * np.pi / views
        middle = 6 * np.cos(angles) + 3 * np.sin(angles)
        along = np.arange(bins)[None] - centre - middle[:, None]
        chord = 2 * np.sqrt(np.maximum(14.0**2 - along**2, 0))
        data = np.repeat((0.03 * chord)[:, None], rows, axis=1).astype(np.float32)
        if contents == "counts":
            gain = np.linspace(900, 1100, bins, dtype=np.float32)
            data = 50 + gain * np.exp(-data)
            changes.setdefault("flats", np.broadcast_to(50 + gain, (4, rows, bins)).copy())
            changes.setdefault("darks", np.full((4, rows, bins), 50, np.float32))
        stated = {"angles": angles, "beam": "parallel", "detector_pitch": 1.0, "name": "disk"}
        return Projections(data=data, contents=contents, **(stated | changes))

    return make
