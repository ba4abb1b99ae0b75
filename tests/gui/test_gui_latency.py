"""The benchmark of the window: its flood of frames is drawn."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from napari_padis.gui.roles import GRID, ITERATE, STD

BENCHMARK = Path(__file__).parents[2] / "benchmarks" / "gui_latency.py"


@pytest.mark.skipif(not BENCHMARK.exists(), reason="benchmarks are not installed")
def test_the_flood_is_drawn(make_dock, qtbot, finish):
    spec = importlib.util.spec_from_file_location("gui_latency", BENCHMARK)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    _viewer, dock = make_dock()
    control = dock.controller
    control.runner = module.flood(200)
    errors = []
    control.said.connect(lambda level, text: errors.append(text) if level == "error" else None)
    dock.run()
    qtbot.waitUntil(lambda: control.layers.get(STD) is not None)
    layer = control.layers.get(ITERATE)
    first = layer.data
    qtbot.waitUntil(lambda: layer.data is not first and not np.array_equal(layer.data, first))
    assert control.layers.get(GRID).visible
    control.stop()
    finish(control)
    assert errors == []
