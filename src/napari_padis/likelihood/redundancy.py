"""How much each ray counts in a filtered back-projection.

Every line through the slice must count once in all: half in each of the two views of a full
turn that see it, more where a short scan or a detector to one side sees it only once.
"""

from __future__ import annotations

import math

import numpy as np

from napari_padis.likelihood.filters import view_weights
from napari_padis.likelihood.rays import Floats, PlanarGeometry, bin_positions, fan_angles
from napari_padis.scan.geometry import FanGeometry

#: A gap between views is missing data when it is wider than this many usual gaps and than
#: this angle. Views by the golden angle have gaps of up to 2.6 times the usual one.
GAP_RATIO, GAP_ANGLE = 3.0, math.radians(6)

#: Where an arc is too short to see every line of the fan, weights of rays seen once and twice
#: meet in the first view and the last. They change over this angle there: a step would leave
#: a streak, and a wider seam would lose more of the data.
SEAM = math.radians(1)

#: A detector stands to one side when its sides differ by more than this share.
ONE_SIDED = 0.05


def ray_weights(geometry: PlanarGeometry) -> Floats:
    """Weight of every bin in every view in radians, shape (views, bins) or (views, 1).

    Parallel beams: :func:`~napari_padis.likelihood.filters.view_weights`. Fan beams over a
    full turn: half the angle each view stands for; over less, Parker's weights. Arcs under
    half a turn are scaled up to pi, so that the amplitude stays. A detector that
    stands to one side has :func:`displaced_weights` on top.
    """
    spans, beta, arc = turn(geometry.angles)
    sides = displaced_weights(geometry) if any(blind_bins(geometry)) else np.ones(1)
    if not isinstance(geometry, FanGeometry):
        return view_weights(geometry.angles)[:, None] * sides
    if arc == 2 * np.pi:
        return spans[:, None] / 2 * sides
    gain = max(1.0, np.pi / arc)
    return gain * spans[:, None] * parker_weights(beta, fan_angles(geometry), arc)


def turn(angles: Floats) -> tuple[Floats, Floats, float]:
    """What the views cover of a turn.

    Views of several turns lie side by side. The widest gap between neighbours counts as
    missing when it is exceptional, see :data:`GAP_RATIO`; its sides then stand for half a
    usual gap.

    Returns
    -------
    spans : ndarray, shape (views,)
        Angle each view stands for: half of the gaps to its neighbours. They add up to the arc.
    beta : ndarray, shape (views,)
        Position within the arc.
    arc : float
        The arc covered in radians, 2 pi when nothing is missing.
    """
    folded = np.mod(angles, 2 * np.pi)
    order = np.argsort(folded, kind="stable")
    gaps = np.diff(folded[order], append=folded[order[0]] + 2 * np.pi)
    usual, widest = float(np.median(gaps[gaps > 1e-9])), int(np.argmax(gaps))
    missing = 0.0
    if gaps[widest] > max(GAP_RATIO * usual, GAP_ANGLE):
        missing = float(gaps[widest] - usual)
        gaps[widest] = usual
    # The arc begins after the widest gap.
    order, gaps = np.roll(order, -widest - 1), np.roll(gaps, -widest - 1)
    spans, beta = np.empty(len(angles)), np.empty(len(angles))
    spans[order] = (gaps + np.roll(gaps, 1)) / 2
    beta[order] = gaps[-1] / 2 + np.cumsum(gaps) - gaps
    return spans, beta, 2 * np.pi - missing


def parker_weights(beta: Floats, gamma: Floats, arc: float) -> Floats:
    """Smooth weights of a scan of less than a turn; those of the same line add up to one.

    The ray of fan angle gamma in view beta is seen again, with fan angle -gamma, in view
    ``beta + pi - 2 gamma``. Rays that are seen once count fully. Parker, "Optimal short scan
    convolution reconstruction for fanbeam CT", Med. Phys. 9(2), 1982, eq. 12, with half of
    what the arc has beyond pi in place of the half-angle of the fan, so that the formula
    holds for longer and shorter arcs, too.

    Parameters
    ----------
    beta : ndarray, shape (views,)
        Position within the arc.
    gamma : ndarray, shape (bins,)
        Fan angles in radians; they grow along the detector's axis.
    arc : float
        Length of the arc, less than 2 pi.

    Returns
    -------
    ndarray, shape (views, bins)
    """
    half = (arc - np.pi) / 2
    seam = 1e-9 if half >= np.abs(gamma).max() else SEAM
    at_start, at_end = (x / 2 + np.hypot(x, seam) / 2 for x in (half + gamma, half - gamma))
    rise = np.clip(beta[:, None] / at_start, 0, 2)
    fall = np.clip((arc - beta[:, None]) / at_end, 0, 2)
    return np.square(np.sin(np.pi / 4 * rise) * np.sin(np.pi / 4 * fall))


def blind_bins(geometry: PlanarGeometry) -> tuple[int, int]:
    """Bins that lack before and after the row of a detector that stands to one side.

    Half a turn later such a detector sees the other side of the slice. Both are zero unless
    the views make a full turn and one side of the detector is too short to see the whole slice.
    """
    shorter, longer = sorted(_reach(geometry))
    (rows, columns), (pixel_y, pixel_x) = geometry.image_shape, geometry.pixel
    radius = math.hypot(rows * pixel_y, columns * pixel_x) / 2
    if isinstance(geometry, FanGeometry):
        radius = math.asin(min(radius / geometry.source_origin, 1))
    even = longer - shorter <= ONE_SIDED * longer
    if shorter <= 0 or shorter >= radius or even or turn(geometry.angles)[2] < 2 * np.pi:
        return 0, 0
    lacking = round(2 * abs(geometry.shift) / geometry.detector_pitch)
    return (lacking, 0) if geometry.shift > 0 else (0, lacking)


def displaced_weights(geometry: PlanarGeometry) -> Floats:
    """Weights of the bins of a detector with :func:`blind_bins`, shape (bins,).

    Bins whose lines are seen twice share smoothly, those beyond count double. Wang, "X-ray
    micro-CT with a displaced detector array", Med. Phys. 29(7), 2002, eq. 5.
    """
    place = bin_positions(geometry)
    if isinstance(geometry, FanGeometry):
        place = fan_angles(geometry)
    share = np.clip(np.sign(geometry.shift) * place / min(_reach(geometry)), -1, 1)
    return 1 + np.sin(np.pi / 2 * share)


def _reach(geometry: PlanarGeometry) -> tuple[float, float]:
    """How far the detector sees to either side of the axis, in mm or as a fan angle."""
    half = geometry.detectors * geometry.detector_pitch / 2
    sides = half - geometry.shift, half + geometry.shift
    if not isinstance(geometry, FanGeometry):
        return sides
    low, high = (side / geometry.source_detector for side in sides)
    return (low, high) if geometry.curved else (math.atan(low), math.atan(high))
