import numpy as np

from napari_padis.gui.crosshair import crosshair_lines


def test_segments_meet_the_point_but_for_a_gap():
    low, high = (-0.5, -0.5, -0.5), (9.5, 99.5, 199.5)
    lines = crosshair_lines((4, 30, 120), low, high, normal=0).reshape(4, 2, 3)
    ends = lines[:, 0] + lines[:, 1]
    assert (lines[:, 0, 0] == 4).all()
    assert (ends[:, 0] == 4).all()
    np.testing.assert_allclose(lines[0, 0, 1], -0.5)
    np.testing.assert_allclose(ends[0, 1], 26)
    np.testing.assert_allclose(lines[1, 0, 1], 34)
    np.testing.assert_allclose(ends[1, 1], 99.5)
    np.testing.assert_allclose(lines[2:, 0, 1], 30)
    np.testing.assert_allclose(ends[3, 2], 199.5)


def test_lines_stay_inside_at_the_border():
    lines = crosshair_lines((0, 0, 0), (-0.5,) * 3, (9.5,) * 3, normal=2).reshape(4, 2, 3)
    ends = lines[:, 0] + lines[:, 1]
    assert lines[:, 0].min() >= -0.5
    assert ends.max() <= 9.5
    assert (lines[:, 1] >= 0).all()
