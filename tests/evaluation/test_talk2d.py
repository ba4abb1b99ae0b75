"""The talk's tables: tasks as described, rows that are kept, orderings that are judged."""

from __future__ import annotations

import json

import numpy as np
import pytest
from scipy.ndimage import uniform_filter
from typer.testing import CliRunner

from napari_padis.cli.main import app
from napari_padis.errors import InputError, ReconstructionError
from napari_padis.evaluation import talk, talk2d
from napari_padis.evaluation.talk2d_entries import ENTRIES, find_entries
from napari_padis.evaluation.talk2d_figures import FIGURES
from napari_padis.evaluation.talk2d_report import FAMILY, RIVALS, Gain, markdown, orderings
from napari_padis.evaluation.talk2d_tasks import TASKS, TalkSlice, find_tasks, measure, talk_slices
from napari_padis.likelihood import build
from napari_padis.scan.units import MU_WATER
from napari_padis.scan.volume import Volume
from napari_padis.scan.write import write

FULL = 2 * MU_WATER  # what is 1 on the scale of comparison, in 1/mm


def body(slices: int = 3, side: int = 32) -> Volume:
    """An asymmetric body in HU whose slices differ."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    image = np.where((x / 0.45) ** 2 + (y / 0.35) ** 2 < side**2, 40.0, -1000.0)
    image[np.hypot(x - 0.15 * side, y) < 0.1 * side] = 1500.0
    stack = [np.roll(image, k, axis=1) for k in range(slices)]
    return Volume(np.stack(stack).astype(np.int16), spacing=(3.0, 2.0, 2.0), unit="HU")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "data").mkdir()
    for slices in (3, 5, 9):
        write(tmp_path / "data" / f"{slices}.nii.gz", body(slices))
    return tmp_path / "data"


@pytest.fixture
def slices(folder):
    return talk_slices(folder, 2)


def study_of(tiny_prior, slices, path, names="fbp,padis-fast", tasks="ct-20", **more):
    setting = talk2d.Setting(str(tiny_prior), samples=1, steps=4, device="cpu", **more)
    table = talk2d.open_table(path)
    entries = find_entries(names.split(","))
    return talk2d.Study(find_tasks(tasks.split(",")), entries, slices, setting, table)


def test_slices_are_spread_over_all_volumes(folder):
    def places(count):
        return [(s.volume_name, s.index) for s in talk_slices(folder, count)]

    assert places(3) == [("3", 1), ("5", 2), ("9", 4)]
    assert places(2) == [("3", 1), ("5", 2)]
    # The first ones give one more, ends are left out, and no slice comes twice.
    assert places(5) == [("3", 1), ("5", 1), ("5", 3), ("9", 4)]


def test_a_slice_is_what_the_file_holds(folder):
    chosen = talk_slices(folder, 3)[2]
    hounsfield = body(9).array[chosen.index].astype(float)
    assert chosen.volume.unit == "1/mm"
    assert np.allclose(chosen.volume.array[0], MU_WATER * (1 + hounsfield / 1000), atol=1e-6)
    assert np.allclose(chosen.alone.truth[0], np.clip(hounsfield / 2000 + 0.5, 0, 1), atol=1e-6)
    small = talk_slices(folder, 3, size=8)[2]
    blocks = chosen.volume.array[0].reshape(8, 4, 8, 4).mean((1, 3))
    assert np.allclose(small.volume.array[0], blocks)
    assert small.volume.spacing == pytest.approx((3.0, 8.0, 8.0))
    with pytest.raises(InputError, match="choose a size that divides"):
        talk_slices(folder, 1, size=12)


@pytest.mark.parametrize(("name", "views"), [("ct-20", 20), ("ct-8", 8), ("ct-60", 60)])
def test_parallel_tasks_are_exact_data_of_the_talks_detector(slices, name, views):
    measurement = measure(slices[0], TASKS[name])
    geometry = measurement.geometry
    assert measurement.data.shape == (1, views, 512)
    assert measurement.noise.sigma == 0
    assert 512 * geometry.detector_pitch == pytest.approx(2 * 32 * 2.0)
    steps = np.diff(geometry.angles)
    assert np.allclose(steps, np.pi / views)
    # Line integrals of each view add up to the mass of the slice (pixels of 4 mm^2).
    mass = slices[0].volume.array[0].sum() * 4.0
    assert np.allclose(measurement.data[0].sum(-1) * geometry.detector_pitch, mass, rtol=0.02)


def test_fan_is_that_of_the_talk(slices):
    geometry = measure(slices[0], TASKS["fan"]).geometry
    assert geometry.data_shape == (180, 512)
    assert geometry.angles[-1] < np.pi
    assert geometry.source_origin == pytest.approx(32 * 2.0)
    assert geometry.magnification == pytest.approx(2.0)
    half = np.arctan(512 * geometry.detector_pitch / 2 / geometry.source_detector)
    assert np.rad2deg(half) == pytest.approx(26.565, abs=1e-3)


@pytest.mark.parametrize(("name", "side"), [("deblur", 9), ("heavy-deblur", 17)])
def test_blur_is_a_mean_over_a_square_with_vacuum_around(slices, name, side):
    measurement = measure(slices[0], TASKS[name])
    clean = build(measurement.geometry).A(_tensor(slices[0])).numpy()[0]
    image = slices[0].volume.array[0].astype(float)
    assert np.allclose(clean, uniform_filter(image, side, mode="constant"), atol=1e-6)
    noise = (measurement.data[0] - clean) / FULL
    assert noise.std() == pytest.approx(0.01, rel=0.1)
    assert abs(noise.mean()) < 0.002


def test_super_resolution_averages_blocks(slices):
    measurement = measure(slices[0], TASKS["super-resolution"])
    blocks = slices[0].volume.array[0].reshape(8, 4, 8, 4).mean((1, 3))
    noise = (measurement.data[0] - blocks) / FULL
    assert measurement.data.shape == (1, 8, 8)
    assert noise.std() == pytest.approx(0.01, rel=0.3)


def test_slices_have_noise_of_their_own(slices):
    first, second = slices
    same = TalkSlice(second.volume_name, second.index, first.volume)
    a, b = (measure(s, TASKS["deblur"]).data for s in (first, same))
    assert not np.array_equal(a, b)
    assert np.array_equal(a, measure(first, TASKS["deblur"]).data)
    assert not np.array_equal(a, measure(first, TASKS["deblur"], seed=1).data)


def test_figures_of_the_talk_agree_with_its_ablations():
    assert set(FIGURES) == set(TASKS)
    assert FIGURES["ct-20"]["padis"] == talk.PATCH_SIZE[56] == talk.SLICES_PATCHES[2304]
    assert FIGURES["ct-20"]["whole"] == talk.PATCH_SIZE[256] == talk.SLICES_WHOLE[2304]
    for task, figures in FIGURES.items():
        assert set(figures) <= set(ENTRIES)
        # Its claim: the best PSNR on every task.
        assert max(figures, key=lambda name: figures[name][0]) == "padis", task
        assert ("ve-ddnm" in figures) <= (task != "deblur")


def test_entries_are_the_published_settings():
    padis = ENTRIES["padis"]
    assert padis.evaluations(TASKS["ct-20"], None) == 1000
    assert padis.settings(TASKS["ct-20"]) == {"sigma_min": 0.002}
    assert padis.settings(TASKS["ct-8"]) == {"sigma_min": 0.003}
    for name, tiling in (("averaged", "averaged"), ("stitched", "stitched"), ("whole", "whole")):
        assert (ENTRIES[name].method, ENTRIES[name].tiling) == ("padis", tiling)
    assert [t for t in TASKS if not ENTRIES["ve-ddnm"].serves(TASKS[t])] == [
        "deblur",
        "heavy-deblur",
    ]
    assert find_entries(["split-gibbs"])[0].method == "split-gibbs"
    with pytest.raises(InputError, match="no method 'nope'"):
        find_entries(["nope"])
    with pytest.raises(InputError, match="named twice"):
        find_entries(["tv", "tv"])


def test_a_row_does_not_depend_on_what_else_is_run(tiny_prior, slices, tmp_path):
    both = study_of(tiny_prior, slices, tmp_path / "a.json", tasks="deblur")
    list(both.run())
    one = study_of(tiny_prior, slices[1:], tmp_path / "b.json", "padis-fast", "deblur")
    list(one.run())
    (expected,) = one.rows(TASKS["deblur"], ENTRIES["padis-fast"])
    found = both.rows(TASKS["deblur"], ENTRIES["padis-fast"])[1]
    assert found["psnr"] == expected["psnr"]
    assert found["ssim"] == expected["ssim"]
    assert found["evaluations"] == expected["evaluations"] == 4
    assert found["psnr"] != both.rows(TASKS["deblur"], ENTRIES["fbp"])[1]["psnr"]


def test_a_kill_loses_one_slice_at_most(tiny_prior, slices, tmp_path, monkeypatch):
    path = tmp_path / "t.json"
    study = study_of(tiny_prior, slices, path)
    steps = study.run()
    states = []
    for state in steps:
        states.append(state)
        if "padis-fast" in state.what and len(study.table.rows) == 3:
            break
    steps.close()
    assert len(json.loads(path.read_text())) == 3
    real, calls = talk2d.shares, []
    monkeypatch.setattr(talk2d, "shares", lambda *given: calls.append(given) or real(*given))
    again = study_of(tiny_prior, slices, path)
    states = list(again.run())
    assert len(calls) == 1
    assert states[-1].done == pytest.approx(states[-1].total)
    assert [s.done for s in states] == sorted(s.done for s in states)
    assert list(study_of(tiny_prior, slices, path).run()) == []
    # Other settings are other rows.
    other = study_of(tiny_prior, slices, path, seed=1)
    assert other.rows(TASKS["ct-20"], ENTRIES["fbp"]) == [None, None]


def test_a_method_that_fails_leaves_the_others_their_rows(
    tiny_prior, slices, tmp_path, monkeypatch
):
    real = talk2d.shares

    def shares(recipe, measurement):
        if recipe.method == "padis-fast":
            raise ReconstructionError("The method diverged.")
        return real(recipe, measurement)

    monkeypatch.setattr(talk2d, "shares", shares)
    study = study_of(tiny_prior, slices, tmp_path / "t.json", "padis-fast,fbp")
    list(study.run())
    text = "\n".join(markdown(study))
    assert [row["entry"] for row in study.table.rows] == ["fbp", "fbp"]
    assert len(study.failures) == 2
    assert "| padis-fast | not measured |" in text
    assert "diverged" in text


def put(study, psnr):
    """Fill a table with given PSNRs, a list for each task and entry."""
    for task in study.tasks:
        for entry in study.entries:
            for given, value in zip(study.slices, psnr[task.name, entry.name], strict=False):
                row = dict.fromkeys(talk2d.VALUES, 1) | {"psnr": value, "device": "cpu"}
                study.table.add({**study.key(task, entry, given), **row})


def test_orderings_are_judged_slice_by_slice(tiny_prior, slices, tmp_path):
    names = "tv,whole,padis,padis-fast"
    study = study_of(tiny_prior, slices, tmp_path / "t.json", names, "ct-20,deblur")
    psnr = {
        ("ct-20", "tv"): [20.0, 30.0],
        ("ct-20", "whole"): [22.0, 31.0],
        ("ct-20", "padis"): [24.0, 32.0],
        ("ct-20", "padis-fast"): [25.0],  # the second slice is not there yet
        ("deblur", "tv"): [20.0, 30.0],
        ("deblur", "whole"): [22.0, 31.0],
        ("deblur", "padis"): [19.0, 30.5],
        ("deblur", "padis-fast"): [21.0, 31.0],
    }
    put(study, psnr)
    first, second = orderings(study)  # without its prior, 'whole' is not judged
    assert (first.task, first.rival, first.holds) == ("ct-20", "tv", True)
    assert first.gains["padis"].mean == pytest.approx(3.0)
    assert first.gains["padis"].error == pytest.approx(1.0)  # of 4 and 2
    assert first.gains["padis-fast"].slices == 1
    assert first.gains["padis-fast"].mean == pytest.approx(5.0)
    assert first.talk == pytest.approx(33.57 - 26.82)
    assert not second.holds
    assert second.gains["padis"].mean == pytest.approx(-0.25)
    text = "\n".join(markdown(study))
    assert "| ct-20 | tv | +3.00 ± 1.00 | +5.00 | +6.75 | holds |" in text
    assert "| deblur | tv | -0.25 ± 0.75 | +1.00 ± 0.00 | +2.58 | does not hold |" in text
    assert "holds in 1 of 2 comparisons" in text
    assert "padis-fast (1 of 2 slices) | 25.00 |" in text
    assert "name a prior of whole images" in text
    whole = study_of(
        tiny_prior, slices, tmp_path / "u.json", names, "ct-20,deblur", whole_prior=str(tiny_prior)
    )
    put(whole, psnr)
    assert [(o.task, o.rival, o.holds) for o in orderings(whole)] == [
        ("ct-20", "tv", True),
        ("ct-20", "whole", True),
        ("deblur", "tv", False),
        ("deblur", "whole", False),
    ]


def test_gain_needs_a_common_slice():
    assert Gain.between([None, {"psnr": 1.0}], [{"psnr": 1.0}, None]) is None
    assert not set(FAMILY) & set(RIVALS)


def test_command_line(tiny_prior, folder, tmp_path):
    words = ["benchmark", "talk-2d", "--data", folder, "--json", tmp_path / "t.json"]
    words += ["--slices", 2, "--methods", "fbp,tv,padis-fast,whole,ve-ddnm", "--steps", 4]
    words += ["--tasks", "ct-20,deblur", "--size", 16, "--prior", tiny_prior]
    words = [str(word) for word in [*words, "--samples", 2, "--device", "cpu"]]
    first = CliRunner().invoke(app, words)
    assert first.exit_code == 0, first.output
    for start in ("| padis-fast, mean of 2 |", "| ve-ddnm | not for this task |"):
        assert start in first.output
    assert "| 4 x 2 |" in first.output
    assert "| 24.93 / 0.595 |" in first.output
    assert "comparisons" in first.output
    assert "this is a trial" in first.output
    assert len(json.loads((tmp_path / "t.json").read_text())) == 2 * (5 + 4)
    again = CliRunner().invoke(app, words)
    tables = [[x for x in r.output.splitlines() if x.startswith("|")] for r in (first, again)]
    assert tables[0] == tables[1]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--tasks", "ct-7"], "no task 'ct-7'"),
        (["--methods", "nope"], "no method 'nope'"),
        (["--methods", "padis", "--prior", "nope"], "no prior 'nope'"),
        (["--methods", "whole", "--whole-prior", "nope"], "no prior 'nope'"),
        (["--size", "13"], "size that divides"),
    ],
)
def test_wrong_words_end_in_one_sentence(folder, tmp_path, words, sentence):
    path = str(tmp_path / "t.json")
    call = ["benchmark", "talk-2d", "--data", str(folder), "--json", path]
    result = CliRunner().invoke(app, [*call, *words])
    assert result.exit_code == 2, result.output
    assert sentence in result.stderr


def test_short_form_on_real_slices(data_folder, tmp_path):
    slices = talk_slices(data_folder / "ct" / "validation", 2, size=64)
    setting = talk2d.Setting("ct-small", samples=1, steps=12, device="cpu")
    table = talk2d.open_table(tmp_path / "t.json")
    entries = find_entries(["fbp", "tv", "padis-fast"])
    study = talk2d.Study([TASKS["ct-20"]], entries, slices, setting, table)
    list(study.run())
    (ordering,) = orderings(study)
    # Few iterations and evaluations: the prior is far ahead, as in the talk.
    assert ordering.gains["padis-fast"].mean > 1
    rows = study.rows(TASKS["ct-20"], ENTRIES["fbp"])
    assert all(15 < row["psnr"] < 35 for row in rows)


def _tensor(given):
    import torch

    return torch.from_numpy(given.volume.array.astype(np.float32))
