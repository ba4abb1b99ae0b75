"""The comparison of denoisers: what is chosen, kept and refused."""

import numpy as np
import pytest

from napari_padis.errors import InputError
from napari_padis.evaluation import classical, denoising
from napari_padis.evaluation.classical import Contender
from napari_padis.evaluation.slices import ChosenSlices
from napari_padis.prior.card import PriorCard
from napari_padis.scan.volume import Volume


@pytest.fixture
def chosen(small_volume):
    return [ChosenSlices("small", small_volume, (0, 2))]


def scaled(factor):
    """A contender whose error is known: it returns ``factor`` times what it is given."""
    return Contender("scaled", "1", {"plain": lambda noisy, sigma: factor * noisy})


def run(contenders, chosen, table, sigmas=(0.1,)):
    return list(denoising.compare_denoisers(contenders, chosen, table, sigmas))


def test_noise_is_that_of_the_slice_and_level():
    truth = np.zeros((64, 64), np.float32)
    a = denoising.add_white_noise(truth, 0.2, "v", 3)
    assert np.array_equal(a, denoising.add_white_noise(truth, 0.2, "v", 3))
    assert a.std() == pytest.approx(0.2, rel=0.05)
    for other in ((0.2, "v", 4), (0.2, "w", 3), (0.1, "v", 3)):
        b = denoising.add_white_noise(truth, *other)
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.1


def test_doing_nothing_has_the_psnr_of_the_noise(tmp_path):
    # Middle grey, so that clipping to [0, 1] hardly matters.
    volume = Volume(np.zeros((1, 128, 128), np.float32), unit="HU")
    table = denoising.open_table(tmp_path / "t.csv")
    run([scaled(1.0)], [ChosenSlices("grey", volume, (0,))], table)
    assert table.rows[0]["psnr"] == pytest.approx(20, abs=0.1)


def test_only_what_is_missing_is_computed(chosen, tmp_path):
    calls = []

    def count(noisy, sigma):
        calls.append(sigma)
        return noisy

    contender = Contender("c", "1", {"a": count, "b": count})
    path = tmp_path / "t.json"
    work = denoising.compare_denoisers([contender], chosen, denoising.open_table(path), (0.1, 0.2))
    assert [next(work) for _ in range(3)] == [(1, 8), (2, 8), (3, 8)]
    work.close()
    table = denoising.open_table(path)
    assert run([contender], chosen, table, (0.1, 0.2))[-1] == (8, 8)
    assert len(calls) == len(table.rows) == 8
    # Other weights of the same name are another matter.
    run([Contender("c", "2", contender.variants)], chosen, table, (0.1, 0.2))
    assert len(calls) == len(table.rows) == 16


def test_the_best_setting_counts(chosen, tmp_path):
    table = denoising.open_table(tmp_path / "t.csv")
    good, bad = scaled(0.98).variants["plain"], scaled(0.3).variants["plain"]
    contender = Contender("c", "1", {"bad": bad, "good": good})
    run([contender], chosen, table)
    best = denoising.best_of(contender, 0.1, chosen, table)
    assert (best.setting, best.slices) == ("good", 2)
    rows = [r["psnr"] for r in table.rows if r["setting"] == "good"]
    assert best.psnr == pytest.approx(np.mean(rows))
    assert denoising.best_of(contender, 0.2, chosen, table) is None
    lines = denoising.markdown([contender], chosen, table, (0.1,))
    assert lines[-1] == f"| c | {best.psnr:.2f} / {best.ssim:.3f} |"


def test_classical_denoisers_gain_on_flat_regions(chosen, tmp_path):
    table = denoising.open_table(tmp_path / "t.csv")
    contenders = [classical.total_variation(), classical.nl_means(), scaled(1.0)]
    run(contenders, chosen, table)
    tv, nlm, noisy = (denoising.best_of(c, 0.1, chosen, table).psnr for c in contenders)
    assert tv > noisy + 6
    assert nlm > noisy + 6


def test_bm3d_where_it_is_installed(chosen):
    pytest.importorskip("bm3d")
    contender = classical.bm3d()
    truth = chosen[0].truth[0]
    noisy = denoising.add_white_noise(truth, 0.1, "v", 0)
    clean = contender.variants["1 sigma"](noisy, 0.1)
    assert ((clean - truth) ** 2).mean() < 0.4 * ((noisy - truth) ** 2).mean()


def test_bm3d_where_it_is_missing(monkeypatch):
    monkeypatch.setattr(classical, "optional", lambda name: None)
    assert classical.bm3d() is None
    monkeypatch.undo()
    assert classical.optional("no_such_package_here") is None


def test_a_prior_denoises_on_its_own_scale(tiny_prior, small_volume, tmp_path):
    """An untrained network is almost D = c_skip x, whatever range its scale has."""
    import shutil

    truth = ChosenSlices("v", small_volume, (0,)).truth[0]
    noisy = denoising.add_white_noise(truth, 0.1, "v", 0)
    sd = PriorCard.load(tiny_prior).network.sigma_data
    clean = denoising.prior_contender(tiny_prior).variants[""](noisy, 0.1)
    assert np.corrcoef(clean.ravel(), noisy.ravel())[0, 1] > 0.98
    # Twice the range: the same noise is half as large on the prior's scale.
    card = PriorCard.load(tiny_prior).model_copy(update={"low": -1000.0, "high": 3000.0})
    (tmp_path / "tiny.json").write_text(card.model_dump_json())
    shutil.copy(tiny_prior.with_suffix(".safetensors"), tmp_path / "tiny.safetensors")
    wide = denoising.prior_contender(tmp_path / "tiny.json").variants[""](noisy, 0.1)
    slopes = [np.polyfit(noisy.ravel(), x.ravel(), 1)[0] for x in (clean, wide)]
    expected = [sd**2 / (sd**2 + sigma**2) for sigma in (0.1, 0.05)]
    assert slopes == pytest.approx(expected, abs=0.05)
    assert slopes[1] > slopes[0] + 0.05


def test_priors_of_other_images_are_refused(tmp_path):
    for change in ({"unit": "arbitrary"}, {"network": {"image_channels": 2}}):
        card = PriorCard(**{"name": "odd", **change})
        with pytest.raises(InputError, match="'odd' cannot be compared on CT slices"):
            denoising.check_ct(card)
