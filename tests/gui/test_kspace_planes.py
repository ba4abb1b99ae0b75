"""Sagittal and coronal slices of k-space in napari: upright, and never under false letters."""

from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest
from napari.layers import Image

from napari_padis.gui import job as jobs
from napari_padis.gui.layer_data import measurement_layer, volume_from_layer, volume_metadata
from napari_padis.gui.layer_world import KEY
from napari_padis.gui.roles import MEAN
from napari_padis.gui.source import load, placement
from napari_padis.gui.view import is_anatomical
from napari_padis.gui.world import as_shown
from napari_padis.scan.geometry import CartesianGeometry
from napari_padis.scan.measurement import Measurement
from napari_padis.scan.orientation import reorient
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

SHAPE, SPACING = (3, 8, 6), (5.0, 2.0, 1.5)

#: Unit vectors in RAS+ along slices, rows and columns.
PLANES = {
    "axial": ((0, 0, 1), (0, 1, 0), (1, 0, 0)),
    "sagittal": ((1, 0, 0), (0, 0, 1), (0, 1, 0)),
    "coronal": ((0, 1, 0), (0, 0, 1), (1, 0, 0)),
}


def scan(plane, turn=0.0):
    affine = np.eye(4)
    affine[:3, :3] = np.array(PLANES[plane], float).T * SPACING
    tilt = np.eye(4)
    c, s = np.cos(turn), np.sin(turn)
    tilt[:3, :3] = [[c, -s, 0], [s, c, 0], [0, 0, 1]]
    affine[:3, 3] = (-10, 7, 30)
    geometry = CartesianGeometry(
        mask=np.ones(SHAPE[1:], bool), coils=1, pixel=SPACING[1:], slice_spacing=SPACING[0]
    )
    data = np.ones((SHAPE[0], 1, *SHAPE[1:]), np.complex64)
    return Measurement(
        data, geometry, unit="arbitrary", affine=tilt @ affine, name="knee", space="scanner"
    )


@pytest.mark.parametrize("turn", [0.0, 0.2])
@pytest.mark.parametrize("plane", PLANES)
def test_a_result_comes_back_in_its_place(plane, turn):
    data, options, _ = measurement_layer(scan(plane, turn))
    layer = Image(data, **options)
    given = load(layer)
    assert given.space == "scanner"
    np.testing.assert_array_equal(given.affine, scan(plane, turn).affine)
    place = placement(layer, given)
    array = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)
    result = Volume(array, SPACING, affine=given.affine, name="mean", space=given.space)
    metadata = {KEY: volume_metadata(result, place.matrix(SPACING))}
    shown = Image(as_shown(array), metadata=metadata, **place.arguments(SPACING))
    # Letters belong to axial slices; the others are not called what they are not.
    assert is_anatomical(shown) == (plane == "axial")
    # napari draws the first row on top: the front of axial slices, the head of the others.
    np.testing.assert_array_equal(shown.data[0, 0, 0], array[0, -1, -1])
    back = volume_from_layer(shown)
    values, affine = reorient(array, given.affine, "SAR")
    np.testing.assert_array_equal(back.array, values)
    np.testing.assert_allclose(back.affine, affine, atol=1e-9)
    assert back.space == "scanner"
    assert not any("moved" in note for note in back.notes)


def spot(measurement):
    """The same scan of a single bright pixel off the centre, in its second slice."""
    rows, columns = SHAPE[1:]
    y = np.arange(rows)[:, None] - rows // 2
    x = np.arange(columns) - columns // 2
    kspace = np.exp(-2j * np.pi * (2 * y / rows - x / columns)) / np.sqrt(rows * columns)
    data = np.full_like(measurement.data, 1e-3)
    data[1, 0] = kspace
    return replace(measurement, data=data)


@pytest.mark.parametrize("plane", PLANES)
def test_a_run_in_the_dock_shows_and_saves_the_place(make_dock, finish, tmp_path, plane):
    viewer, dock = make_dock()
    dock.controller.runner, dock.controller.simulator = jobs.run_engine, jobs.simulate
    given = spot(scan(plane))
    data, options, _ = measurement_layer(given)
    layer = viewer.add_image(data, **options)
    dock.data.choose(layer)
    dock.run()
    finish(dock.controller)
    result = dock.controller.result
    assert result.space == "scanner"
    np.testing.assert_array_equal(result.affine, given.affine)
    brightest = np.unravel_index(result.mean.argmax(), SHAPE)
    assert brightest == (1, SHAPE[1] // 2 + 2, SHAPE[2] // 2 - 1)
    expected = (result.affine @ [*brightest, 1])[:3]
    shown = dock.controller.layers.get(MEAN)
    assert is_anatomical(shown) == (plane == "axial")
    saved = nib.load(write(tmp_path / "mean.nii.gz", volume_from_layer(shown)))
    assert saved.header["sform_code"] == 1
    values = np.asarray(saved.dataobj)
    index = np.unravel_index(values.argmax(), values.shape)
    np.testing.assert_allclose((saved.affine @ [*index, 1])[:3], expected, atol=1e-4)
