import math

import pytest

from napari_padis.gui import text


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0:00"), (59.6, "1:00"), (3671, "1:01:11"), (math.nan, "–"), (math.inf, "–"), (-1, "–")],
)
def test_duration(seconds, shown):
    assert text.duration(seconds) == shown


@pytest.mark.parametrize(
    ("count", "shown"), [(12, "12 bytes"), (12_300, "12 kB"), (5e8, "500 MB"), (1.25e9, "1.2 GB")]
)
def test_size(count, shown):
    assert text.size(count) == shown


def test_product_drops_needless_zeros():
    assert text.product((5.0, 0.703125, 2.5)) == "5 × 0.703 × 2.5"
    assert text.product((160, 512, 512)) == "160 × 512 × 512"


def test_count_and_number():
    assert text.count(2_310_000) == "2.31 M"
    assert text.count(56_000) == "56 k"
    assert text.count(12) == "12"
    assert text.number(math.nan) == "–"
    assert text.number(0.12345) == "0.123"


def test_small_lengths_do_not_become_nothing():
    assert text.product((3, 0.297, 0.297)) == "3 × 0.297 × 0.297"
    assert text.product((0.0042, 0.00125)) == "0.0042 × 0.00125"
    assert text.product((1.5, 2.0, 0.5)) == "1.5 × 2 × 0.5"
