"""Images from a prior alone: kept, taken up again, shown the right way round."""

import numpy as np
import pytest
from PIL import Image

from napari_padis.errors import InputError
from napari_padis.evaluation.samples import (
    GAP,
    Generation,
    contact_sheet,
    generate,
    kept_images,
)


def settings(tiny_prior, **changes):
    return Generation(str(tiny_prior), (24, 32), levels=4, inner=2, **changes)


def test_images_do_not_depend_on_how_many_there_are(tiny_prior, tmp_path):
    steps = list(generate(settings(tiny_prior), 2, tmp_path / "a"))
    assert steps[-1] == (16, 16)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
    work = generate(settings(tiny_prior), 3, tmp_path / "b")
    while next(work)[0] < 10:  # killed within the second image
        pass
    work.close()
    assert len(kept_images(tmp_path / "b", 3)) == 1
    list(generate(settings(tiny_prior), 2, tmp_path / "b"))
    one, two = kept_images(tmp_path / "a", 2)
    assert one.shape == (24, 32)
    assert np.array_equal(one, kept_images(tmp_path / "b", 2)[0])
    assert np.array_equal(two, kept_images(tmp_path / "b", 2)[1])
    assert not np.allclose(one, two)
    # The second image is the first one of the next seed.
    list(generate(settings(tiny_prior, seed=1), 1, tmp_path / "c"))
    assert np.array_equal(two, kept_images(tmp_path / "c", 1)[0])


def test_images_of_other_settings_are_not_mixed_in(tiny_prior, tmp_path):
    list(generate(settings(tiny_prior), 1, tmp_path / "a"))
    with pytest.raises(InputError, match="holds images of other settings"):
        list(generate(settings(tiny_prior, epsilon=0.5), 1, tmp_path / "a"))
    (tmp_path / "a" / "settings.json").write_text("{")
    with pytest.raises(InputError, match="holds images of other settings"):
        list(generate(settings(tiny_prior), 1, tmp_path / "a"))


def test_sheet_shows_front_on_top_and_the_patients_right_at_the_left(tmp_path):
    image = np.full((16, 20), -1000.0)
    image[15, 19] = 1000.0  # front (A) and right (R)
    image[0, 0] = 0.0
    path = contact_sheet([image] * 3, tmp_path / "sheet.png", title="three")
    pixels = np.asarray(Image.open(path))
    top = pixels.shape[0] - (2 * 16 + GAP)
    assert pixels.shape[1] == 2 * 20 + GAP
    assert pixels[top, 0] == 255
    assert pixels[top + 15, 19] == pytest.approx(128, abs=1)
    # The fourth place is empty.
    assert (pixels[top + 16 + GAP :, 20 + GAP :] == 255).all()


def test_magnitude_of_complex_images(tmp_path):
    np.save(tmp_path / "00.npy", np.stack([np.full((4, 4), 3.0), np.full((4, 4), -4.0)]))
    assert np.array_equal(kept_images(tmp_path, 5)[0], np.full((4, 4), 5.0))
