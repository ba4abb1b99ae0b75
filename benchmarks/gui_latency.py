"""How long the GUI thread is blocked while a volume is being sampled.

A timer that should fire every 10 ms in the GUI thread notes by how much it was late.
Prints median, 99th percentile and maximum of the delay in ms, with and without a run.

    xvfb-run -a python benchmarks/gui_latency.py --seconds 60
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

TICK = 0.010


class Ticker:
    """Delays of a 10 ms timer."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.delays: list[float] = []
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._timer.start(round(1000 * TICK))

    def _tick(self) -> None:
        now = time.perf_counter()
        self.delays.append(max(0.0, now - self._last - TICK))
        self._last = now

    def stop(self) -> list[float]:
        """End and return the delays in seconds."""
        self._timer.stop()
        return self.delays


def report(name: str, delays: list[float]) -> None:
    """One line of the table."""
    p50, p99 = np.percentile(delays, [50, 99]) * 1000
    print(
        f"{name:28s} p50 {p50:6.1f} ms  p99 {p99:6.1f} ms  max {max(delays) * 1000:6.1f} ms  "
        f"({len(delays)} ticks)",
        flush=True,
    )


def flood(rate: float) -> Callable[[Any, Any, Any], Iterator[Any]]:
    """An engine that is faster than any real one: the screen's worst case."""

    def run(recipe: Any, measurement: Any, control: Any) -> Iterator[Any]:
        import torch

        from napari_padis.engine.events import (
            Iterate,
            PatchLayout,
            Progress,
            Started,
            Statistics,
        )

        shape = measurement.volume_shape
        rng = np.random.default_rng(0)
        frames = [rng.standard_normal(shape).astype(np.float32) * 300 for _ in range(3)]
        tiles = (1 + shape[1] // 56, 1 + shape[2] // 56)
        pad = (tiles[0] * 56 - shape[1], tiles[1] * 56 - shape[2])
        yield Started(
            shape,
            measurement.spacing,
            "HU",
            frames[0],
            (-1000, 1000),
            1,
            1,
            0,
            PatchLayout((56, 56), tiles, pad),
            "cpu",
            0.0,
        )
        matrix, index = torch.rand(512, 512), 0
        while not control.stopped:
            end = time.perf_counter() + 1 / rate
            while time.perf_counter() < end:
                matrix = torch.softmax(matrix @ matrix, -1)
            frame = frames[index % 3]
            index += 1
            yield Iterate(frame, 0.1, index, (index % (pad[0] + 1), index % (pad[1] + 1)))
            yield Statistics(frame, abs(frame), frame**2, 2)
            yield Progress(0.5, 1.0, 1.0, index, index, index, 0.1, 1.0)

    return run


def main() -> None:
    """Measure an idle window and one with a run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=int, nargs=3, default=(64, 256, 256))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--samples", type=int, default=1)
    parser.add_argument("--method", default="padis-fast")
    parser.add_argument(
        "--flood",
        type=float,
        default=0.0,
        metavar="HZ",
        help="instead of the engine, a thread that posts that many frames a "
        "second and multiplies matrices in between",
    )
    parser.add_argument("--ortho", action="store_true", help="with the orthogonal views")
    options = parser.parse_args()

    import napari
    from qtpy.QtCore import QEventLoop, QTimer

    from napari_padis.gui import warmup
    from napari_padis.gui.dock import ReconstructionDock
    from napari_padis.gui.layer_data import volume_layer
    from napari_padis.scan.samples import torso
    from napari_padis.scan.volume import Volume

    def live(seconds: float) -> None:
        loop = QEventLoop()
        QTimer.singleShot(round(1000 * seconds), loop.quit)
        loop.exec()

    viewer = napari.Viewer()
    template = torso().array
    index = [
        np.linspace(0, n - 1, m).astype(int)
        for n, m in zip(template.shape, options.shape, strict=True)
    ]
    volume = Volume(template[np.ix_(*index)], (3.0, 1.5, 1.5), "HU", name="torso")
    data, arguments, _ = volume_layer(volume)
    viewer.add_image(data, **arguments)
    dock = ReconstructionDock(viewer)
    viewer.window.add_dock_widget(dock, name="Reconstruction")
    dock.display.ortho.setChecked(options.ortho)
    dock.measurement.choose_all()
    dock.method.method_box.setCurrentIndex(dock.method.method_box.findData(options.method))
    dock.method.samples.setValue(options.samples)
    dock.method.steps.setValue(100_000 if options.method != "fbp" else 1)
    while warmup.devices() is None:
        live(0.2)
    live(1.0)
    ticker = Ticker()
    live(min(10.0, options.seconds))
    report("idle", ticker.stop())
    control = dock.controller
    if options.flood:
        control.runner = flood(options.flood)
        dock.method.method_box.setCurrentIndex(dock.method.method_box.findData("fbp"))
    dock.run()
    ticker = Ticker()
    while control.state == "loading":
        live(0.1)
    report("simulation and FBP", ticker.stop())
    if not control.busy:
        raise SystemExit(control.message[1])
    frames: list[float] = []
    iterate = control.layers.get("iterate")
    assert iterate is not None
    iterate.events.data.connect(lambda _event: frames.append(time.perf_counter()))
    ticker = Ticker()
    live(options.seconds)
    report("sampling", ticker.stop())
    progress = control.progress
    print(
        f"{len(frames)} frames shown, "
        f"{progress.evaluations if progress else 0} network evaluations done"
    )
    control.stop()
    while control.busy:
        live(0.1)
    viewer.close()


if __name__ == "__main__":
    main()
