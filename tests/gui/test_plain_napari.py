"""What napari shows of a file that this plug-in has read, with no dock of ours open."""

from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtWidgets import QApplication

from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write


def bright_corner(viewer):
    """Where the bright part of the canvas lies: (top or bottom, left or right)."""
    viewer.fit_to_view()
    QApplication.processEvents()
    image = viewer.screenshot(flash=False)[..., :3].mean(-1)
    rows, columns = np.nonzero(image > 200)
    assert len(rows) > 50, "the bright block must be visible"
    return (
        "top" if rows.mean() < image.shape[0] / 2 else "bottom",
        "left" if columns.mean() < image.shape[1] / 2 else "right",
    )


@pytest.fixture
def there(volume):
    """The volume with its bright block (right, front and top), somewhere in the scanner."""
    affine = np.array(volume.affine)
    affine[:3, 3] = -110, 35, -420
    return Volume(volume.array, volume.spacing, "HU", affine, "torso", space="scanner")


def test_every_plane_is_upright_and_stays_so_when_saved(make_napari_viewer, there, tmp_path):
    viewer = make_napari_viewer(show=True)
    path = str(write(tmp_path / "a.nii.gz", there))
    for _ in range(2):
        (layer,) = viewer.open(path, plugin="napari-padis")
        np.testing.assert_allclose(layer.data_to_world((0, 0, 0)), (-420, -113, -7.5))
        s, p, left = layer.data_to_world((5, 1, 1))
        for order, point in (((0, 1, 2), s), ((1, 0, 2), p), ((2, 0, 1), left)):
            viewer.dims.order = order
            viewer.dims.set_point(order[0], point)
            assert bright_corner(viewer) == ("top", "left"), order
        viewer.dims.order = (0, 1, 2)
        (path,) = viewer.layers.save(str(tmp_path / "b.nii.gz"), plugin="napari-padis")
        viewer.layers.clear()


def test_layers_of_others_lie_where_their_world_says(make_napari_viewer, there, tmp_path):
    """An image with ITK's origin and spacing in napari's order of axes, brought by hand."""
    viewer = make_napari_viewer(show=True)
    other = viewer.add_image(np.zeros((6, 40, 48), np.float32), name="other")
    other.data[5, 1, 1] = 1
    other.scale, other.translate, other.units = there.spacing, (-420, -113, -7.5), ("mm",) * 3
    before = tuple(map(str, viewer.scene.camera.orientation2d))
    (layer,) = viewer.open(str(write(tmp_path / "a.nii.gz", there)), plugin="napari-padis")
    assert tuple(map(str, viewer.scene.camera.orientation2d)) == before, "not turned over"
    place = other.data_to_world((5, 1, 1))
    found = np.rint(layer.world_to_data(place)).astype(int)
    assert found.tolist() == [5, 1, 1]
    assert layer.data[tuple(found)] == there.array[5, 38, 46] == 1000
    viewer.dims.set_point(0, place[0])
    assert bright_corner(viewer) == ("top", "left")


def test_another_scan_of_another_place_is_seen_when_it_is_opened(
    make_napari_viewer, there, tmp_path
):
    """Patients do not lie at the same place of the scanner; what is opened must not be black."""
    viewer = make_napari_viewer(show=True)
    first = str(write(tmp_path / "a.nii.gz", there))
    far = np.array(there.affine)
    far[:3, 3] += (1500, -900, 700)
    second = str(write(tmp_path / "b.nii.gz", replace(there, affine=far)))
    viewer.open(first, plugin="napari-padis")
    viewer.dims.set_point(0, -400)
    viewer.open(first, plugin="napari-padis")
    assert viewer.dims.point[0] == -400, "which both have"
    (layer,) = viewer.open(second, plugin="napari-padis")
    low, high = layer.extent.world
    assert np.all((low <= viewer.dims.point) & (viewer.dims.point <= high))
    centre = np.asarray(viewer.scene.camera.center)[-2:]
    assert np.all((low[1:] <= centre) & (centre <= high[1:])), "the camera looks there"
