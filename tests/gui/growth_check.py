"""Twenty runs in a row; run in a process of its own by test_growth.py."""

import gc
import threading

import psutil

from napari_padis.gui import earlier


def test_twenty_runs_do_not_grow(make_dock, engine, finish, monkeypatch):
    monkeypatch.setattr(earlier, "LIMIT", 5e6)  # two runs of two images
    viewer, dock = make_dock()
    engine.shape, engine.levels = (8, 192, 192), 2  # an array is 1.2 MB, a run holds ten
    dock.measurement.choose_all()

    def run():
        dock.run()
        finish(dock.controller)
        return psutil.Process().memory_info().rss

    sizes = [run() for _ in range(20)]
    gc.collect()
    sizes.append(psutil.Process().memory_info().rss)
    assert len(viewer.layers) == 7 + 4  # volume, sinogram, four images, grid; two runs before
    assert sum(t.name == "napari-padis" and t.is_alive() for t in threading.enumerate()) == 0
    assert sizes[-1] - sizes[4] < 30e6, [round(s / 1e6) for s in sizes]
