"""Geometries in words: the arc is the one that is covered."""

import numpy as np
import pytest

from napari_padis.gui.facts import arc_of, geometry_facts
from napari_padis.scan.geometry import ParallelGeometry
from napari_padis.scan.geometry.base import even_angles


@pytest.mark.parametrize(
    ("angles", "arc"),
    [
        (np.linspace(0, 360, 31), 360),  # first and last view are the same
        (np.linspace(0, 360, 30, endpoint=False), 360),
        (np.linspace(0, 180, 21), 180),
        (np.linspace(0, 180, 20, endpoint=False), 180),
        (np.linspace(0, 120, 25), 120),
        (np.linspace(-60, 60, 41), 120),
        (np.arange(0, 201, 5), 200),  # a short scan
        (np.linspace(360, 0, 31), 360),
        (np.array([0, 120, 240]), 360),
        (np.arange(100) * 111.246, 360),  # golden angle: many turns over one circle
        (np.linspace(0, 1080, 271), 1080),  # a helix
        (np.array([30.0]), 0),
        (np.array([0, 1, 5, 90]), 90),
    ],
)
def test_the_arc_is_what_the_views_cover(angles, arc):
    assert arc_of(np.deg2rad(angles)) == pytest.approx(arc)


@pytest.mark.parametrize("arc", [180, 360, 120, 90, -180, 1080])
def test_the_arc_that_was_asked_for_is_the_one_that_is_shown(arc):
    assert arc_of(even_angles(24, arc)) == pytest.approx(abs(arc))


def test_a_full_turn_with_its_last_view_repeated():
    geometry = ParallelGeometry(
        angles=np.linspace(0, 2 * np.pi, 31),
        **{
            name: getattr(ParallelGeometry.standard(2, (8, 8), detectors=16), name)
            for name in ("detectors", "detector_pitch", "image_shape", "pixel")
        },
    )
    assert "31 views" in geometry_facts(geometry, 1)
    assert "over 360°" in geometry_facts(geometry, 1)
