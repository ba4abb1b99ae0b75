"""From counts to line integrals, against scans whose line integrals are known."""

from dataclasses import replace

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.likelihood import estimate_sigma
from napari_padis.scan.preparation import Preparation, prepare
from napari_padis.scan.preparation.defects import bridge, fill, remove_outliers
from napari_padis.scan.preparation.rings import remove_offsets, remove_stripes
from napari_padis.scan.preparation.selection import average
from napari_padis.scan.projections import PER_VIEW, Projections

#: Discs (x, y, radius, attenuation) in bins; nothing in them is symmetric.
DISCS = ((0.0, 0.0, 40.0, 0.012), (15.0, 8.0, 9.0, 0.02), (-20.0, 12.0, 5.0, -0.012))
BINS, CENTRE = 128, 60.3
ANGLES = np.deg2rad(np.arange(0, 180, 1.0))


def parallel(angles=ANGLES, bins=BINS, centre=CENTRE, discs=DISCS):
    """Exact line integrals (views, bins) of discs, averaged over each bin."""
    s = (np.arange(bins * 8) - 3.5) / 8 - centre
    total = np.zeros((len(angles), bins * 8))
    for x, y, radius, mu in discs:
        at = x * np.cos(angles) + y * np.sin(angles)
        total += 2 * mu * np.sqrt(np.maximum(0, radius**2 - (s[None] - at[:, None]) ** 2))
    return total.reshape(len(angles), bins, 8).mean(axis=2).astype(np.float32)


def scan(truth, rng=None, photons=50_000.0, dark=100.0, flats=20, gain=1.0, **values):
    """Counts of a detector with dark current and uneven bins that counts photons."""
    rng = rng or np.random.default_rng(0)
    response = 1 + 0.2 * np.sin(np.arange(truth.shape[1]) / 7) + rng.normal(
        0, 0.05, truth.shape[1])  # fmt: skip
    light = photons * response
    counts = gain * rng.poisson(light * np.exp(-truth)) + dark
    white = gain * rng.poisson(light, (flats, 1, truth.shape[1])) + dark
    given = {"angles": ANGLES, "beam": "parallel", "flats": white.astype(np.float32),
             "darks": np.full((2, 1, truth.shape[1]), dark, np.float32)} | values  # fmt: skip
    return Projections(counts[:, None].astype(np.float32), **given)


@pytest.fixture(scope="module")
def truth():
    return parallel()


def test_line_integrals_of_counts(truth):
    found = prepare(scan(truth), Preparation(rings=False, centre=CENTRE))
    assert found.data.shape == (1, 180, BINS)
    assert found.data.dtype == np.float32
    # Photon noise of the data and of the mean of 20 flat fields.
    expected = np.sqrt((np.exp(truth) + 1 / 20) / 50_000)
    error = (found.data[0] - truth) / expected
    assert abs(error.mean()) < 0.1
    assert error.std() == pytest.approx(1, abs=0.2)
    assert found.noise.kind == "poisson"
    assert found.noise.sigma == pytest.approx(np.sqrt((expected**2).mean()), rel=0.2)


@pytest.mark.parametrize("gain", [0.5, 1.0, 20.0])
def test_photons_are_told_from_flat_fields(truth, gain):
    found = prepare(scan(truth, gain=gain), Preparation(centre=CENTRE))
    assert found.noise.photons == pytest.approx(50_000, rel=0.15)


def test_noise_without_flat_fields_is_told_from_the_data(truth, rng):
    noisy = truth + rng.normal(0, 0.01, truth.shape).astype(np.float32)
    raw = Projections(noisy[:, None], ANGLES, "line integrals", beam="parallel")
    found = prepare(raw, Preparation(rings=False, bad_pixels=False, centre=CENTRE))
    np.testing.assert_array_equal(found.data[0], noisy)
    assert found.noise.kind == "unknown"
    # Left open, so that the run estimates it and says so.
    assert found.noise.sigma is None
    assert estimate_sigma(found) == pytest.approx(0.01, rel=0.1)
    assert estimate_sigma(replace(found, data=np.zeros_like(found.data))) == 0


def test_geometry_and_unit(truth):
    raw = scan(truth, detector_pitch=0.5)
    found = prepare(raw, Preparation(centre=CENTRE, row_pitch=0.7))
    assert found.unit == "1/mm"
    assert found.geometry.kind == "parallel"
    assert found.geometry.shift == pytest.approx((63.5 - CENTRE) * 0.5)
    assert found.geometry.image_shape == (128, 128)
    assert found.spacing == pytest.approx((0.7, 0.5, 0.5))
    np.testing.assert_array_equal(found.geometry.angles, ANGLES)
    free = prepare(scan(truth), Preparation(centre=CENTRE, pixel=2.0))
    assert (free.unit, free.geometry.detector_pitch) == ("arbitrary", 1.0)
    assert free.geometry.image_shape == (64, 64)


def test_fan_geometry(truth):
    raw = scan(truth, beam=None, angles=None)
    given = {"beam": "fan", "source_origin": 200.0, "source_detector": 300.0,
             "detector_pitch": 0.3, "angles_range": (0, 360), "centre": 63.5}  # fmt: skip
    found = prepare(raw, Preparation.create(**given, rings=False))
    assert found.geometry.kind == "fan"
    assert found.geometry.pixel == pytest.approx((0.2, 0.2))
    assert found.geometry.image_shape == (128, 128)
    assert found.geometry.angles[1] == pytest.approx(np.deg2rad(2))
    assert found.geometry.shift == 0


def test_binning_averages_transmission_and_moves_the_centre(truth):
    raw = scan(truth, detector_pitch=0.5)
    found = prepare(raw, Preparation(binning=4, centre=CENTRE, rings=False))
    assert found.data.shape == (1, 180, 32)
    light = np.exp(-truth).reshape(180, 32, 4).mean(axis=2)
    assert np.abs(found.data[0] + np.log(light)).max() < 0.02
    assert found.geometry.detector_pitch == 2.0
    # The same point of the detector in mm from its own middle.
    assert found.geometry.shift == pytest.approx((63.5 - CENTRE) * 0.5)
    assert found.noise.photons == pytest.approx(4 * 50_000, rel=0.15)


def test_selection_of_views(truth):
    raw = scan(truth)
    third = prepare(raw, Preparation(every=3, centre=CENTRE))
    np.testing.assert_array_equal(third.geometry.angles, ANGLES[::3])
    arc = prepare(raw, Preparation(first_degree=30, arc_degrees=90, centre=CENTRE))
    np.testing.assert_array_equal(arc.geometry.angles, ANGLES[30:120])
    some = prepare(raw, Preparation(views=(5, 1, 9), centre=CENTRE))
    np.testing.assert_array_equal(some.geometry.angles, ANGLES[[1, 5, 9]])
    with pytest.raises(InputError, match="No view is left"):
        prepare(raw, Preparation(first_degree=200, arc_degrees=10, centre=CENTRE))
    with pytest.raises(InputError, match="do not exist"):
        prepare(raw, Preparation(views=(180,), centre=CENTRE))


def test_arc_across_the_start_of_a_turn():
    angles = np.deg2rad(np.arange(0, 360, 2.0))
    raw = Projections(parallel(angles)[:, None], angles, "line integrals", beam="parallel")
    found = prepare(raw, Preparation(first_degree=350, arc_degrees=20, centre=CENTRE))
    degrees = np.rad2deg(found.geometry.angles)
    assert sorted(np.round(degrees)) == [0, 2, 4, 6, 8, 350, 352, 354, 356, 358]


@pytest.mark.parametrize(
    ("rows", "kept"),
    [("2:6", [2, 3, 4, 5]), ("1:8:3", [1, 4, 7]), (slice(4, None), [4, 5, 6, 7]), ((6, 1), [1, 6]),
     ("3", [3]), (range(0, 4, 2), [0, 2]), (None, list(range(8)))],
)  # fmt: skip
def test_selection_of_rows(truth, rows, kept):
    stack = np.stack([truth[:, 10:60] + k for k in range(8)], axis=1)
    raw = Projections(stack, ANGLES, "line integrals", beam="parallel", detector_pitch=0.5)
    seen = []
    plain = Preparation.create(rows=rows, rings=False, bad_pixels=False, centre=20)
    found = prepare(raw, plain, seen.append)
    np.testing.assert_array_equal(found.data, stack[:, kept].transpose(1, 0, 2))
    assert found.spacing[0] == pytest.approx(0.5 * (kept[1] - kept[0] if len(kept) > 1 else 1))
    assert seen[-1] == 1.0
    assert len(seen) == len(kept)


def test_averaging_of_rows(truth):
    stack = np.stack([truth + k for k in range(5)], axis=1)
    raw = Projections(stack, ANGLES, "line integrals", beam="parallel", detector_pitch=0.5)
    found = prepare(
        raw, Preparation(row_binning=2, rings=False, bad_pixels=False, centre=20.0))  # fmt: skip
    np.testing.assert_allclose(found.data, [truth + 0.5, truth + 2.5], rtol=1e-6)
    assert found.spacing[0] == pytest.approx(1.0)
    with pytest.raises(InputError, match="cannot be averaged"):
        prepare(raw, Preparation(row_binning=6))


def test_dead_bins_and_outliers_are_replaced(truth):
    raw = scan(truth, photons=1e7)
    counts, flats = np.array(raw.data), np.array(raw.flats)
    dead, struck = (33, 70, 71), ((20, 50), (90, 81), (150, 30))
    counts[:, 0, dead] = 100.0
    flats[:, 0, dead] = 100.0
    for view, column in struck:
        counts[view, 0, column] *= 3
    spoilt = Projections(counts, ANGLES, "counts", flats, raw.darks, beam="parallel")
    plain = Preparation(rings=False, centre=CENTRE)
    found = prepare(spoilt, plain)
    clean = prepare(raw, plain)
    assert np.abs(found.data - clean.data).max() < 0.1
    others = np.delete(np.abs(found.data - clean.data)[0], dead, axis=1)
    assert (others > 1e-6).sum() <= 10
    steps = " ".join(found.provenance["steps"])
    assert "3 dead bins" in steps
    assert "3 outliers" in steps
    with pytest.raises(InputError, match="not finite"):
        prepare(spoilt, Preparation(bad_pixels=False, centre=CENTRE))


def test_details_of_the_object_are_no_outliers():
    # A thin wire far from the axis moves several bins from view to view.
    thin = ((50.0, 0.0, 0.6, 0.5), (0.0, 0.0, 30.0, 0.01))
    sinogram = parallel(ANGLES[::3], discs=thin)
    kept, count = remove_outliers(sinogram, reach=4)
    assert count == 0
    np.testing.assert_array_equal(kept, sinogram)


def test_bridge_and_fill():
    ramp = np.tile(np.arange(10, dtype=np.float32), (3, 1))
    bad = np.zeros(10, bool)
    bad[[0, 4]] = True
    spoilt = ramp.copy()
    spoilt[:, bad] = 99
    np.testing.assert_allclose(bridge(spoilt, bad)[:, 1:], ramp[:, 1:])
    assert bridge(spoilt, bad)[0, 0] == 1
    with pytest.raises(InputError, match="dead"):
        bridge(spoilt, np.arange(10) < 5)
    spoilt = ramp.copy()
    spoilt[1, 5] = np.nan
    filled, count = fill(spoilt, "a")
    np.testing.assert_allclose(filled, ramp)
    assert count == 1


@pytest.mark.parametrize("remove", [remove_offsets, remove_stripes])
def test_stripes_are_removed(truth, rng, remove):
    stripes = np.where(rng.random(BINS) < 0.15, rng.normal(0, 0.05, BINS), 0).astype(np.float32)
    noisy = truth + rng.normal(0, 0.003, truth.shape).astype(np.float32)
    before = np.abs((noisy + stripes - truth).mean(axis=0)).mean()
    after = np.abs((remove(noisy + stripes, 9) - truth).mean(axis=0)).mean()
    assert after < 0.5 * before


def test_gentle_removal_leaves_a_clean_scan_alone(truth, rng):
    noisy = truth + rng.normal(0, 0.003, truth.shape).astype(np.float32)
    changed = np.sqrt(np.mean((remove_offsets(noisy, 21) - noisy) ** 2))
    assert changed < 0.4 * 0.003
    assert np.sqrt(np.mean((remove_stripes(noisy, 21) - noisy) ** 2)) > changed


def test_blank_scan_has_one_image_per_view(truth, rng):
    # The source decays during the scan, which the mean of the blank images cannot tell.
    light = np.exp(-np.linspace(0, 1, 180))[:, None] * np.full((180, BINS), 1e5)
    counts = rng.poisson(light * np.exp(-truth))[:, None].astype(np.float32)
    blank = light[:, None].astype(np.float32)
    raw = Projections(counts, ANGLES, "counts", blank, beam="parallel",
                      metadata={"flats": PER_VIEW})  # fmt: skip
    plain = Preparation(rings=False, centre=CENTRE, every=2)
    assert np.abs(prepare(raw, plain).data[0] - truth[::2]).max() < 0.1


def test_counts_without_flat_fields_take_the_edges_for_air(truth, rng):
    counts = rng.poisson(30_000 * np.exp(-truth))[:, None].astype(np.float32)
    raw = Projections(counts, ANGLES, "counts", beam="parallel")
    found = prepare(raw, Preparation(rings=False, centre=CENTRE))
    assert np.abs(found.data[0] - truth).max() < 0.1
    assert "taken for air" in " ".join(found.provenance["steps"])


def test_rays_without_light_are_raised(truth):
    raw = scan(truth, photons=1000.0)
    counts = np.array(raw.data)
    counts[3:5, 0, 60:64] = 0  # below the dark current
    dim = Projections(counts, ANGLES, "counts", raw.flats, raw.darks, beam="parallel")
    found = prepare(dim, Preparation(rings=False, bad_pixels=False, centre=CENTRE))
    assert found.data[0, 3:5, 60:64] == pytest.approx(np.log(2 * 1000), rel=0.05)
    assert "8 rays without light" in " ".join(found.provenance["steps"])


def test_what_is_missing_is_named(truth):
    raw = Projections(truth[:, None], contents="line integrals")
    with pytest.raises(InputError, match=r"beam.*angles"):
        prepare(raw)
    with pytest.raises(InputError, match=r"pitch.*source and rotation axis"):
        prepare(raw, Preparation(beam="fan", angles_range=(0, 360)))
    with pytest.raises(InputError, match="outside the detector"):
        prepare(raw, Preparation(beam="parallel", angles_range=(0, 180), centre=500.0))


def test_settings_in_json(tmp_path):
    chosen = Preparation.create(rows=slice(2, 9), every=3, centre=4.5, angles_range=(0, 180))
    chosen.save(tmp_path / "p.json")
    assert Preparation.load(tmp_path / "p.json") == chosen
    assert chosen.rows == "2:9"
    (tmp_path / "p.json").write_text('{"evry": 3}')
    with pytest.raises(InputError, match="evry"):
        Preparation.load(tmp_path / "p.json")
    with pytest.raises(InputError, match="cannot be read"):
        Preparation.load(tmp_path / "none.json")


@pytest.mark.parametrize(
    "wrong",
    [{"every": 0}, {"binning": 0}, {"rows": "a:b"}, {"rows": "4:4:0"}, {"beam": "spiral"},
     {"centre": "left"}, {"arc_degrees": -1}, {"pixel": 0}, {"angles_range": (3, 3)},
     {"detector_pitch": float("nan")}],
)  # fmt: skip
def test_wrong_settings(wrong):
    with pytest.raises(InputError, match="Wrong settings"):
        Preparation.create(**wrong)


def test_record_of_what_was_done(truth):
    found = prepare(scan(truth), Preparation(every=2, centre=CENTRE))
    assert found.provenance["preparation"] == {"every": 2, "centre": CENTRE}
    assert found.provenance["views"] == "90 of 180"
    assert found.provenance["steps"][0] == "Corrected by the dark and flat fields."


def test_averaging_leaves_a_remainder_out():
    values = np.arange(14, dtype=np.float32).reshape(2, 7)
    np.testing.assert_array_equal(average(values, 3, 1), [[1, 4], [8, 11]])
    with pytest.raises(InputError, match="choose fewer"):
        average(values, 8, 1)
