"""What the preparation computes: previews, the centre, the measurement."""

import numpy as np
import pytest

from napari_padis.engine.control import Control
from napari_padis.gui.job import Ended, Failed
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.prepare import job as jobs
from napari_padis.gui.prepare import look as looks
from napari_padis.scan.read import read

MU, RADIUS = 0.03, 14.0


def question(scan, row=0, **settings):
    usual = {"rows": None, "every": 1, "binning": 1, "row_binning": 1, "rings": False,
             "bad_pixels": False, "centre": 33.0}  # fmt: skip
    return looks.Question(7, scan, usual | settings, row)


def shown(asked, wanted=lambda: True):
    posted = []
    looks.preview(asked, wanted, posted.append, looks.RowCache())
    return posted


def inside(shape, radius, spacing=1.0):
    y, x = (spacing * (np.arange(n) - (n - 1) / 2) for n in shape)
    return (x[None] - 6) ** 2 + (y[:, None] - 3) ** 2 < radius**2


@pytest.mark.parametrize("contents", ["line integrals", "counts"])
def test_the_preview_shows_the_attenuation_of_the_disk_where_it_is(contents, disk_scan):
    (picture,) = shown(question(disk_scan(contents=contents)))
    assert picture.fine
    assert picture.number == 7
    assert picture.image.shape == (72, 72)
    within = picture.image[inside((72, 72), RADIUS - 3)]
    assert within.mean() == pytest.approx(MU, rel=0.02)
    assert abs(picture.image[~inside((72, 72), RADIUS + 3)].mean()) < 0.1 * MU
    low, high = picture.limits
    assert low < 0.1 * MU
    assert 0.9 * MU < high < 1.5 * MU


def test_a_coarse_preview_comes_first_and_the_fine_one_only_if_still_wanted(monkeypatch, disk_scan):
    monkeypatch.setattr(looks, "COARSE", 60 * 36**2)
    first, second = shown(question(disk_scan()))
    assert (first.image.shape, first.fine) == ((36, 36), False)
    assert (second.image.shape, second.fine) == ((72, 72), True)
    assert first.spacing == (2, 2)
    within = first.image[inside((36, 36), RADIUS - 4, 2.0)]
    assert within.mean() == pytest.approx(MU, rel=0.03)
    (only,) = shown(question(disk_scan()), wanted=lambda: False)
    assert not only.fine


def test_a_wrong_centre_blurs_the_disk(disk_scan):
    def error(centre):
        (picture,) = shown(question(disk_scan(), centre=centre))
        return np.abs(picture.image - MU * inside((72, 72), RADIUS)).mean()

    assert error(29.0) > 2 * error(33.0)


def test_what_is_missing_is_said_instead_of_a_picture(disk_scan):
    (event,) = shown(question(disk_scan(angles=None)))
    assert isinstance(event, looks.NotShown)
    assert event.message == "The file does not state the view angles: please fill in."
    (picture,) = shown(question(disk_scan(beam=None, detector_pitch=None)))
    assert picture.remark == "Shown for a parallel beam."


def test_a_wrong_setting_is_said_before_anything_is_computed(disk_scan):
    (event,) = shown(question(disk_scan(), every=0))
    assert isinstance(event, looks.NotShown)
    assert event.message.startswith("Wrong settings: every")


@pytest.mark.parametrize("centre", [33.0, 36.5])
def test_the_centre_is_found(centre, disk_scan):
    posted = []
    looks.find(question(disk_scan(views=90, centre=centre)), posted.append, looks.RowCache())
    assert posted[0].axis.centre == pytest.approx(centre, abs=0.3)


def test_why_the_centre_was_not_found(disk_scan):
    posted = []
    scan = disk_scan(angles=np.linspace(0, 1, 60))
    looks.find(question(scan), posted.append, looks.RowCache())
    assert posted[0].axis is None
    assert "180 are needed" in posted[0].message


class Counting:
    """An array that counts how many values are read from it."""

    def __init__(self, array):
        self.array, self.read = array, 0
        self.shape, self.dtype = array.shape, array.dtype

    def __getitem__(self, key):
        part = self.array[key]
        self.read += part.size
        return part


def test_a_row_is_read_from_the_file_once(disk_scan):
    stored = Counting(disk_scan(rows=20).data)
    scan = disk_scan(rows=20)
    object.__setattr__(scan, "data", stored)
    cache, posted = looks.RowCache(), []
    for centre in (30.0, 31.0, 32.0):
        looks.preview(question(scan, 4, centre=centre), lambda: True, posted.append, cache)
    assert stored.read == 60 * 72
    looks.preview(question(scan, 19, row_binning=2), lambda: True, posted.append, cache)
    assert stored.read == 3 * 60 * 72
    assert all(isinstance(event, looks.Shown) for event in posted)


def test_making_tells_how_far_it_is(disk_scan):
    mailbox = Mailbox(queued=(jobs.Step,))
    jobs.make(question(disk_scan(contents="counts"), binning=2), Control(), mailbox)
    *steps, made, ended = mailbox.take()
    assert [step.fraction for step in steps] == pytest.approx([1 / 3, 2 / 3, 1])
    assert made.measurement.data.shape == (3, 60, 36)
    assert made.measurement.data.max() == pytest.approx(2 * MU * RADIUS, rel=0.02)
    assert isinstance(ended, Ended)


def test_a_cancelled_making_leaves_nothing(disk_scan):
    control, mailbox = Control(), Mailbox()
    control.stop()
    jobs.make(question(disk_scan()), control, mailbox)
    (ended,) = mailbox.take()
    assert isinstance(ended, Ended)


def test_an_unforeseen_error_is_told_and_the_end_always_comes(monkeypatch, disk_scan):
    from napari_padis.scan import preparation

    def broken(*_arguments):
        raise RuntimeError("odd")

    monkeypatch.setattr(preparation, "prepare", broken)
    mailbox = Mailbox()
    jobs.make(question(disk_scan()), Control(), mailbox)
    failed, ended = mailbox.take()
    assert isinstance(failed, Failed)
    assert "odd" in str(failed.error)
    assert isinstance(ended, Ended)
    (event,) = shown(question(disk_scan()))
    assert "odd" in event.message


def test_saving_writes_what_was_made(tmp_path, disk_scan):
    mailbox = Mailbox()
    jobs.make(question(disk_scan()), Control(), mailbox)
    (measurement,) = [e.measurement for e in mailbox.take() if isinstance(e, jobs.Made)]
    jobs.save(measurement, tmp_path / "disk.h5", mailbox)
    assert mailbox.take()[0].path == tmp_path / "disk.h5"
    back = read(tmp_path / "disk.h5")
    np.testing.assert_array_equal(back.data, measurement.data)
    np.testing.assert_equal(back.geometry.to_dict(), measurement.geometry.to_dict())
    jobs.save(measurement, tmp_path / "none" / "disk.h5", mailbox)
    assert isinstance(mailbox.take()[0], Failed)


def test_the_tooth_is_sharp_at_the_centre_that_is_found(data_folder):
    scan = read(data_folder / "sinograms" / "tomopy-tooth.h5")
    posted = []
    looks.find(question(scan), posted.append, looks.RowCache())
    centre = posted[0].axis.centre
    assert centre == pytest.approx(296, abs=1)

    def negativity(place):
        asked = question(scan, centre=place, rings=True, bad_pixels=True)
        picture = looks.look(asked, 2, True, looks.RowCache())
        assert picture.image.shape == (320, 320)
        return -float(np.minimum(picture.image, 0).sum())

    # Attenuation is not negative; a wrong centre makes it so (Donath et al. 2006).
    assert negativity(centre) < 0.8 * min(negativity(centre - 6), negativity(centre + 6))
