"""Raw projections as layers."""

import copy
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from napari_padis.gui.projection_layer import projections_from_layer, projections_layer
from napari_padis.scan.lazy import LazyDataset
from napari_padis.scan.projections import Projections


def as_layer(layer_data):
    data, meta, _ = layer_data
    return SimpleNamespace(data=data, **meta)


def counts(rows):
    views = np.arange(12, dtype=np.float32)[:, None, None]
    return views + np.linspace(100, 300, rows * 20, dtype=np.float32).reshape(rows, 20)


def test_a_tall_detector_is_shown_as_projections():
    data, meta, kind = projections_layer(Projections(counts(20), detector_pitch=0.5, name="a"))
    assert kind == "image"
    assert data.shape == (12, 1, 20, 20)
    assert meta["axis_labels"] == ("view", "S", "row", "detector")
    assert meta["scale"] == (1, 10, 0.5, 0.5)
    assert meta["translate"] == (0, 4.75, 0, 0)
    assert meta["units"] == ("mm",) * 4
    low, high = meta["contrast_limits"]
    assert 106 <= low < 110
    assert 300 < high <= 306


def test_a_flat_detector_is_shown_as_sinograms():
    scan = Projections(counts(2), name="a")
    data, meta, _ = projections_layer(scan)
    assert meta["axis_labels"] == ("row", "view", "detector")
    assert meta["scale"][2] == 1
    np.testing.assert_array_equal(data[1], scan.data[:, 1])
    # Half as high as wide.
    assert meta["scale"][1] * 12 == pytest.approx(meta["scale"][2] * 20 / 2)


def test_the_layer_leads_back_to_its_projections_also_when_copied():
    scan = Projections(counts(2), notes=("a note",))
    layer = as_layer(projections_layer(scan))
    assert projections_from_layer(layer) is scan
    assert layer.metadata["napari_padis"]["notes"] == ["a note"]
    double = SimpleNamespace(metadata=copy.deepcopy(layer.metadata))
    assert projections_from_layer(double) is scan
    assert projections_from_layer(SimpleNamespace(metadata={})) is None
    assert projections_from_layer(SimpleNamespace(metadata={"napari_padis": 3})) is None


def test_only_what_is_looked_at_is_read_from_the_file(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    stored = np.random.default_rng(0).random((12, 20, 30)).astype(np.float32)
    with h5py.File(path, "w") as file:
        lazy = LazyDataset.of(path, file.create_dataset("x", data=stored))
    read = []
    whole = LazyDataset.__getitem__

    def watched(self, key):
        part = whole(self, key)
        read.append(part.size)
        return part

    monkeypatch.setattr(LazyDataset, "__getitem__", watched)
    data, meta, _ = projections_layer(Projections(lazy))
    assert sum(read) == 600
    np.testing.assert_array_equal(np.asarray(data[7, 0]), stored[7])
    assert sum(read) == 1200
    low, high = meta["contrast_limits"]
    assert 0 <= low < 0.05
    assert 0.95 < high <= 1
