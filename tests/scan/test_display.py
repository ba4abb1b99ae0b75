"""Contrast limits."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.scan.display import contrast_limits
from napari_padis.scan.units import MU_WATER


def test_physical_units_have_fixed_windows():
    body = np.array([-3.0, 0.0, 60.0])
    assert contrast_limits(body, "HU") == (-1000, 1000)
    assert contrast_limits(body, "HU", "soft tissue") == (-160, 240)
    assert contrast_limits(np.zeros(3), "1/mm") == pytest.approx((0, 2 * MU_WATER))
    with pytest.raises(InputError, match="Unknown window"):
        contrast_limits(np.zeros(3), "HU", "nose")


def test_a_standard_deviation_in_hu_is_no_ct():
    """Saved and opened again it would be one grey in a CT window."""
    assert contrast_limits(np.arange(1001.0), "HU") == pytest.approx((1, 999))


def test_arbitrary_units_use_percentiles_and_never_an_empty_range():
    values = np.arange(1001.0)
    assert contrast_limits(values) == pytest.approx((1, 999))
    assert contrast_limits(np.full((2, 2), 5)) == (5, 6)
    assert contrast_limits(np.array([np.nan, np.nan])) == (0, 1)
    spike = np.zeros(100_000)
    spike[7] = 3
    assert contrast_limits(spike) == (0, 3)
