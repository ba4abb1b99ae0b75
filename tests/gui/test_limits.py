import numpy as np

from napari_padis.gui.limits import PERIOD, SpreadLimits


def test_first_data_set_the_limits_then_they_rest():
    limits = SpreadLimits()
    own = limits.reset((-1000, 1000))
    assert own == (0, 100)
    data = np.linspace(0, 10, 1001)
    first = limits.update(data, own)
    assert first is not None
    assert 9.5 < first[1] <= 10
    changes = [limits.update(data * (1 - 0.05 * i), first) for i in range(PERIOD - 1)]
    assert changes == [None] * (PERIOD - 1)
    assert limits.update(data / 10, first) is not None


def test_small_changes_do_not_flash():
    limits = SpreadLimits()
    own = limits.update(np.linspace(0, 10, 1001), limits.reset((0, 20)))
    assert own is not None
    for _ in range(3 * PERIOD):
        assert limits.update(np.linspace(0, 9, 1001), own) is None


def test_limits_of_the_user_are_never_changed():
    limits = SpreadLimits()
    limits.reset((0, 20))
    for _ in range(3 * PERIOD):
        assert limits.update(np.linspace(0, 500, 1001), (0.0, 3.0)) is None


def test_nothing_to_show_changes_nothing():
    limits = SpreadLimits()
    own = limits.reset((0, 20))
    assert limits.update(np.zeros((4, 4)), own) is None
    limits.expire()
    assert limits.update(np.full((4, 4), np.nan), own) is None
