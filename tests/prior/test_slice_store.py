"""Slices on disk: shared by processes, never stale, never half written."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.prior import slice_store
from napari_padis.prior.slice_store import Preparation, halved, single_unit, stored_stacks
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

HU = Preparation(-1000, 1000)


@pytest.fixture
def volumes(tmp_path):
    rng = np.random.default_rng(0)
    paths = []
    for i, n in enumerate((2, 5)):
        array = rng.integers(-1500, 3000, (n, 9, 7)).astype(np.int16)
        path = tmp_path / f"{i}.nii.gz"
        paths.append(write(path, Volume(array, (3.0, 2.0, 1.5), "HU")))
    return paths


def test_values_are_those_of_the_files(volumes, tmp_path):
    from napari_padis.scan.read import read

    stacks = stored_stacks(volumes, Preparation(-1000, 1000, ceiling=1.5), tmp_path / "store")
    assert [s.spacing for s in stacks] == [pytest.approx((3.0, 2.0, 1.5))] * 2
    assert single_unit(stacks) == "HU"
    for path, stack in zip(volumes, stacks, strict=True):
        wanted = np.clip((read(path).array / 1000 + 1) / 2, 0, 1.5)
        assert stack.slices.dtype == np.float16
        assert np.allclose(stack.slices, wanted, atol=1e-3)


def test_processes_map_one_file(volumes, tmp_path):
    stacks = stored_stacks(volumes, HU, tmp_path / "store")
    assert all(isinstance(s.slices.base, np.memmap) for s in stacks)


def test_prepared_once_and_again_when_something_changed(volumes, tmp_path, monkeypatch):
    readings = []
    read = slice_store.read_volumes
    monkeypatch.setattr(slice_store, "read_volumes", lambda p: readings.append(1) or read(p))
    store = tmp_path / "store"
    first = stored_stacks(volumes, HU, store)
    again = stored_stacks(volumes, HU, store)
    assert len(readings) == 1
    assert np.array_equal(first[1].slices, again[1].slices)
    stored_stacks(volumes, Preparation(-1000, 1000, ceiling=2.0), store)
    stored_stacks(volumes, Preparation(-1000, 1000, normalise=True), store)
    assert len(readings) == 3
    write(volumes[0], Volume(np.zeros((4, 9, 7), np.int16), unit="HU"))
    assert len(stored_stacks(volumes, HU, store)[0].slices) == 4
    assert len(list(store.iterdir())) == 1


def test_a_kill_while_preparing_leaves_nothing_that_counts(volumes, tmp_path, monkeypatch):
    read = slice_store.read_volumes

    def killed(paths):
        yield next(iter(read(paths)))
        raise KeyboardInterrupt

    store = tmp_path / "store"
    with monkeypatch.context() as patched:
        patched.setattr(slice_store, "read_volumes", killed)
        patched.setattr(slice_store.shutil, "rmtree", lambda *a, **k: None)  # as after kill -9
        with pytest.raises(KeyboardInterrupt):
            stored_stacks(volumes, HU, store)
    assert [p.name.split("-")[0] for p in store.iterdir()] == ["building"]
    assert [len(s.slices) for s in stored_stacks(volumes, HU, store)] == [2, 5]
    assert [p.name.split("-")[0] for p in store.iterdir()] == ["slices"]


def test_other_processes_wait_for_the_first(volumes, tmp_path):
    found = []
    store = tmp_path / "store"
    other = threading.Thread(target=lambda: found.append(stored_stacks(volumes, HU, store, False)))
    other.start()
    stored_stacks(volumes, HU, store)
    other.join(20)
    assert [len(s.slices) for s in found[0]] == [2, 5]
    with pytest.raises(InputError, match="did not prepare"):
        stored_stacks(volumes[:1], HU, store, first=False, patience=0)


def test_damaged_slices_are_named(volumes, tmp_path):
    stored_stacks(volumes, HU, tmp_path / "store")
    (file,) = (tmp_path / "store").glob("*/00001.npy")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="are damaged; delete them"):
        stored_stacks(volumes, HU, tmp_path / "store")


def test_volumes_of_several_units_or_none_are_refused():
    some = Preparation(0, 1)(Volume(np.ones((1, 4, 4)), unit="1/mm"))
    other = HU(Volume(np.ones((1, 4, 4)), unit="HU", name="second"))
    with pytest.raises(InputError, match="'second' is in HU, others are in 1/mm"):
        single_unit([some, other])
    with pytest.raises(InputError, match="No training volumes"):
        single_unit([])


def test_half_the_size_has_the_means_of_four_pixels():
    stack = HU(Volume(np.arange(2 * 5 * 4).reshape(2, 5, 4) * 10.0 - 500, (3.0, 2.0, 1.5), "HU"))
    half = halved(stack)
    assert half.slices.shape == (2, 2, 2)
    assert half.spacing == (3.0, 4.0, 3.0)
    assert half.slices[1, 1, 0] == pytest.approx(stack.slices[1, 2:4, :2].mean(), abs=1e-3)
