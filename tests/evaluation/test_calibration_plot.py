"""The figure of calibration: what is drawn lies where the closed forms say."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image
from scipy.stats import chisquare, norm

from napari_padis.errors import InputError
from napari_padis.evaluation.calibration import LEVELS
from napari_padis.evaluation.calibration_plot import DOTS, SIZE, draw, figure_of
from napari_padis.evaluation.tally import BODY
from napari_padis.prior.charts import COLOURS

CLASSES = ["body", "air", "lung", "borders", "fat", "soft tissue", "bone"]


def curves(axes):
    """Points of each curve of a panel, by its name."""
    return {line.get_label(): np.array(line.get_xydata()) for line in axes.lines}


def words_of(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def panels(**found):
    return figure_of(found).axes


def test_right_spread_lies_on_both_diagonals_and_is_flat(known_tally):
    reliability, classes, spread, ranks = panels(right=known_tally(1.0))
    assert np.array_equal(curves(reliability)["right spread"], [[0, 0], [1, 1]])
    levels, shares = curves(reliability)["right"].T
    assert tuple(levels) == LEVELS
    # 65,536 voxels: four standard errors of a share.
    assert np.allclose(shares, LEVELS, atol=0.008)
    by_class = curves(classes)["right"]
    assert [t.get_text().split("\n")[0] for t in classes.get_xticklabels()] == CLASSES
    assert classes.get_xticklabels()[6].get_text() == "bone\n25 %"
    drawn = np.isfinite(by_class[:, 1])
    assert [name for name, fine in zip(CLASSES, drawn, strict=True) if fine] == [
        "body",
        "soft tissue",
        "bone",
    ]
    assert np.allclose(by_class[drawn, 1], 0.9, atol=0.01)
    predicted, error = curves(spread)["right"].T
    assert len(predicted) == 10
    assert np.allclose(error / predicted, 1, atol=0.05)
    assert predicted[-1] > 4 * predicted[0]
    (bars,) = ranks.containers
    assert sum(bar.get_height() for bar in bars) == pytest.approx(100)
    assert [bar.get_center()[0] for bar in bars] == pytest.approx(range(17))


@pytest.mark.parametrize("ratio", [0.8, 1.25])
def test_wrong_spread_lies_on_its_dashed_line(known_tally, ratio):
    reliability, *_ = panels(wrong=known_tally(ratio))
    drawn = curves(reliability)
    found = drawn["wrong"]
    expected = np.interp(found[:, 0], *drawn[f"spread {ratio:g} times the right one"].T)
    assert np.allclose(found[:, 1], expected, atol=0.008)
    assert np.abs(found[:, 1] - found[:, 0]).min() > 0.02
    (line,) = [x for x in reliability.lines if x.get_label().startswith(f"spread {ratio:g}")]
    assert line.is_dashed()


def test_dashed_lines_are_those_of_normal_samples(known_tally):
    """With many samples: 2 Phi(ratio z) - 1."""
    tally = known_tally(1.0, samples=200, images=1, side=32)
    drawn = curves(panels(right=tally)[0])
    for ratio in (0.8, 1.25):
        levels, shares = drawn[f"spread {ratio:g} times the right one"].T
        z = norm.ppf((1 + levels) / 2)
        assert np.allclose(shares, 2 * norm.cdf(ratio * z) - 1, atol=2e-3)


def test_half_the_spread_leaves_the_band(known_tally):
    _, _, spread, ranks = panels(narrow=known_tally(0.5))
    (band,) = spread.collections
    corners = band.get_paths()[0].vertices
    ratios = corners[:, 1] / corners[:, 0]
    assert (ratios.min(), ratios.max()) == pytest.approx((0.8, 1.2))
    predicted, error = curves(spread)["narrow"].T
    assert np.all(error > 1.2 * predicted)
    assert spread.get_xlim()[0] < predicted.min()
    assert spread.get_ylim()[1] > error.max()
    assert (spread.get_xscale(), spread.get_yscale()) == ("log", "log")
    heights = [bar.get_height() for bar in ranks.containers[0]]
    assert min(heights[0], heights[-1]) > 2 * np.mean(heights[1:-1])


def test_p_value_and_flat_expectation_of_ranks(known_tally):
    tallies = {"right": known_tally(1.0), "narrow": known_tally(0.5)}
    ranks = figure_of(tallies).axes[3]
    assert curves(ranks)["flat"][:, 1] == pytest.approx(100 / 17)
    told = [f"p = {chisquare(t.ranks).pvalue:.2g}, 256 regions" for t in tallies.values()]
    assert words_of(ranks)[2:] == told
    assert chisquare(tallies["right"].ranks).pvalue > 0.01
    assert not ranks.containers  # bars of several methods would hide each other
    (narrow,) = [v for name, v in curves(ranks).items() if name == told[1]]
    assert np.allclose(narrow[:, 1], 100 * tallies["narrow"].ranks / 256)
    # Nineteen samples have twenty ranks, two in each of ten bins.
    few = known_tally(1.0, samples=19, images=1)
    bars = panels(few=few)[3].containers[0]
    assert [bar.get_center()[0] for bar in bars] == pytest.approx(np.arange(10) * 2 + 0.5)


def test_classes_of_several_methods_stand_beside_each_other(known_tally):
    found = {str(i): known_tally(r) for i, r in enumerate((0.5, 1.0, 1.25))}
    classes = figure_of(found).axes[1]
    drawn = curves(classes)
    places = np.array([drawn[name][:, 0] for name in found])
    assert np.allclose(places.mean(0), range(7))
    assert np.all(np.diff(places, axis=0) > 0.05)
    assert np.ptp(places, axis=0).max() < 0.9
    at = CLASSES.index("body")
    shares = [drawn[name][at, 1] for name in found]
    assert shares == [t.coverage(BODY)[LEVELS.index(0.9)] for t in found.values()]
    assert classes.get_ylim()[0] < min(shares)


def test_methods_differ_in_colour_and_marker(known_tally):
    tally = known_tally(1.0)
    figure = figure_of({f"m{i}": tally for i in range(14)}, "20 views")
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == [f"m{i}" for i in range(14)]
    assert legend.get_title().get_text() == "20 views"
    looks = [(line.get_color(), line.get_marker()) for line in legend.get_lines()]
    assert len(set(looks)) == 14
    assert len({c for c, _ in looks[:7]}) == len({m for _, m in looks[:7]}) == 7


def test_svg_holds_its_words(known_tally, tmp_path):
    path = draw({"a<b&c": known_tally(1.0)}, tmp_path / "new" / "figure.svg", "20 views")
    root = ElementTree.parse(path).getroot()
    words = {"".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")}
    assert words >= {
        "a<b&c",
        "20 views",
        "nominal level",
        "predicted standard deviation (HU)",
        "RMS error (HU)",
        "soft tissue",
        "Share of the body within its intervals",
        "Share within the 90 % interval by class of tissue",
        "Error of the mean in ten bins of predicted spread",
        "Rank of the true mean of regions among the samples",
    }
    assert [p.name for p in path.parent.iterdir()] == ["figure.svg"]


def test_png_is_fine_enough_for_print(known_tally, tmp_path):
    path = draw({"right": known_tally(1.0)}, tmp_path / "figure.PNG")
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (round(SIZE[0] * DOTS), round(SIZE[1] * DOTS))
        colours = {to_hex(np.array(c[:3]) / 255) for _, c in image.getcolors(1 << 20)}
    assert COLOURS[0] in colours


def test_what_cannot_be_drawn_is_told(known_tally, tmp_path):
    with pytest.raises(InputError, match="Nothing was judged"):
        draw({}, tmp_path / "a.png")
    with pytest.raises(InputError, match=r"must end in \.png or \.svg"):
        draw({"right": known_tally(1.0)}, tmp_path / "a.pdf")
