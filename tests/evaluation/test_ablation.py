"""The ablation of priors: entries, training subsets, resumption, tables."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_padis.errors import InputError
from napari_padis.evaluation import ablation_report, talk
from napari_padis.evaluation.ablation import Ablation, open_summary, read_data
from napari_padis.evaluation.ablation_settings import (
    AUGMENTATIONS,
    SIZES,
    TRAINING,
    AblationSettings,
    pick,
    read_settings,
)
from napari_padis.evaluation.ablation_training import finished, subset
from napari_padis.prior.card import PriorCard
from napari_padis.prior.slice_store import Stack
from napari_padis.scan.write import write

CONFIG = Path(__file__).parents[2] / "configs" / "ablation.json"

#: Smallest study of the right kind.
TINY = {
    "training": {
        "network": {"width": 8, "multipliers": [1, 1], "blocks": [1, 1]},
        "bfloat16": False,
    },
    "patches": [8],
    "slices": [2],
    "pixels_per_step": 512,
    "sigmas": [0.1],
    "denoising_slices": 1,
    "views": 6,
    "samples": 1,
    "steps": 3,
    "whole": 40,
}


def stacks(*counts):
    return [
        Stack(
            np.full((n, 4, 4), i, np.float16) + np.arange(n, dtype=np.float16)[:, None, None] / 128,
            (2.0, 1.0, 1.0), "HU", f"v{i}",
        )
        for i, n in enumerate(counts)
    ]  # fmt: skip


def test_committed_settings_are_the_defaults():
    assert read_settings(CONFIG) == AblationSettings()
    assert json.loads(CONFIG.read_text())["training"] == TRAINING


def test_entries_differ_from_the_baseline_in_one_thing():
    settings = AblationSettings()
    entries = settings.entries(1262)
    assert len({entry.name for entry in entries}) == len(entries) == 17
    base = entries[0]
    assert (base.name, base.patch, base.position, base.whole) == ("patch-56", 56, True, False)
    assert sorted(e.patch for e in entries if e.name.startswith("patch") and not e.slices) == [
        8, 16, 32, 56, 96
    ]  # fmt: skip
    for whole in (False, True):
        found = [e.slices for e in entries if e.slices and e.whole is whole]
        assert found == [144, 288, 576]
    changed = {e.name: dict(e.augmentation) for e in entries if e.augmentation}
    assert changed == {name: dict(values) for name, values in AUGMENTATIONS.items()}
    # Not more slices than there are.
    assert not any(e.slices == 576 for e in settings.entries(576))


def test_steps_of_all_entries_see_equal_numbers_of_pixels():
    settings = AblationSettings()
    for entry in settings.entries(1262):
        config = settings.config(entry, None, 10)
        for side, batch in zip(config.patch_sizes, config.batches, strict=True):
            assert side**2 * batch == pytest.approx(settings.pixels_per_step, rel=0.02)
        assert config.patch_sizes[0] == entry.patch
        assert config.network.position_channels == (2 if entry.position else 0)
        assert (config.whole, config.fixed_grid) == (entry.whole, entry.fixed)
        assert (config.flip, config.gain, config.offset) == (
            entry.augmentation.get("flip", 0.0),
            entry.augmentation.get("gain", (1.0, 1.0)),
            entry.augmentation.get("offset", (0.0, 0.0)),
        )
    assert all(math.isclose(sum(shares), 1) for _, shares in SIZES.values())


def test_budget_is_minutes_or_steps():
    entry = AblationSettings().entries(2000)[0]
    assert AblationSettings().config(entry, 3, None).hours == pytest.approx(0.05)
    assert AblationSettings().config(entry, None, 7).steps == 7


def test_subsets_take_whole_volumes_and_are_nested():
    given = stacks(5, 3, 8, 4)
    assert subset(given, None) == given
    assert subset(given, 20) == given
    values = {}
    for count in (1, 4, 9, 15, 19):
        chosen = subset(given, count)
        assert sum(len(s.slices) for s in chosen) == count
        # All volumes but the last are complete.
        assert all(len(s.slices) == len(given[int(s.name[1])].slices) for s in chosen[:-1])
        values[count] = [s.name for s in chosen]
    for few, many in ((1, 4), (4, 9), (9, 15), (15, 19)):
        assert values[many][: len(values[few])] == values[few]
    last = subset(given, 4, seed=1)[-1]
    assert len(np.unique(last.slices)) == len(last.slices)


def test_names_of_entries_are_checked():
    entries = AblationSettings().entries(2000)
    assert [e.name for e in pick(["whole", "patch-8"], entries)] == ["whole", "patch-8"]
    assert pick([], entries) == entries
    with pytest.raises(InputError, match=r"no entry 'patch-7'; choose from patch-56, whole"):
        pick(["patch-7"], entries)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "not a valid JSON object"),
        ("[]", "not a valid JSON object"),
        ('{"steps": 0}', "steps"),
        ('{"stepps": 1}', "stepps"),
        ('{"patches": [7]}', "patch size 7; choose from 8"),
    ],
)
def test_wrong_settings_are_told(tmp_path, text, words):
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read_settings(path)


def test_wrong_training_settings_are_told():
    settings = AblationSettings(training={"learning_rate": -1})
    with pytest.raises(InputError, match="learning_rate"):
        settings.config(settings.entries(2000)[0], 1, None)


@pytest.fixture
def folders(tmp_path, small_volume):
    for name in ("train", "validation"):
        (tmp_path / name).mkdir()
        write(tmp_path / name / "small.nii.gz", small_volume)
    return tmp_path


def study(folders, steps=2):
    settings = AblationSettings(**TINY)
    out = folders / "out"
    data = read_data(folders / "train", folders / "validation", out, settings)
    return Ablation(data, settings, out, steps=steps), settings


def test_a_study_runs_and_goes_on_where_it_was_killed(folders, monkeypatch):
    names = ["whole", "patch-8", "patch-56-slices-2"]
    seen = []
    first, settings = study(folders)
    kill = KeyboardInterrupt()

    def report(name, what, share):
        seen.append((name, what, share))
        if name == "patch-8" and what == "denoising":
            raise kill

    with pytest.raises(KeyboardInterrupt):
        first.run(report, names)
    assert [row["entry"] for row in first.summary.rows] == ["whole"]
    weights = (folders / "out/entries/patch-8/patch-8.safetensors").read_bytes()

    seen.clear()
    again, _ = study(folders)
    table = again.run(lambda *state: seen.append(state), names)
    rows = table.rows
    assert [row["entry"] for row in rows] == names
    # Neither trained nor measured a second time.
    assert (folders / "out/entries/patch-8/patch-8.safetensors").read_bytes() == weights
    assert not any(name != names[2] and what == "training" for name, what, _ in seen)
    shares = [share for _, _, share in seen]
    assert np.diff(shares).min() > -1e-9
    assert 0.9 < shares[-1] < 1 + 1e-9
    assert [row["slices"] for row in rows] == [3, 3, 2]
    assert all(row["steps"] == 2 and row["pixels"] > 0 for row in rows)
    assert all(5 < row["psnr_0.1"] < 40 and 5 < row["ct_psnr"] < 40 for row in rows)
    card = PriorCard.load(folders / "out/entries/whole/whole.json")
    assert card.tiling == "whole"
    assert len(card.error_table) > 5

    picture = ablation_report.draw(rows, settings, folders / "out/ablation.png")
    assert Image.open(picture).size[0] > 500
    lines = ablation_report.markdown(rows, settings)
    assert len(lines) == 2 + len(rows)
    assert "32.57 / 0.844" in lines[3]  # the talk's figure for patches of 8


def test_a_larger_budget_trains_on(folders):
    study(folders)[0].run(lambda *_: None, ["whole"])
    more, settings = study(folders, steps=4)
    rows = more.run(lambda *_: None, ["whole"]).rows
    assert [row["steps"] for row in rows] == [4]
    path = folders / "out/entries/whole/whole.json"
    entry = pick(["whole"], settings.entries(3))[0]
    assert finished(path, settings.config(entry, None, 4))
    assert not finished(path, settings.config(entry, None, 5))
    assert not finished(path.with_name("none.json"), settings.config(entry, None, 4))


def test_summary_of_other_noise_levels_is_refused(tmp_path):
    settings = AblationSettings(**TINY)
    table = open_summary(tmp_path / "s.csv", settings)
    table.add({name: kind(1) for name, kind in table.columns.items()})
    with pytest.raises(InputError, match="was not made by this command"):
        open_summary(tmp_path / "s.csv", AblationSettings(**{**TINY, "sigmas": (0.2,)}))


def test_figures_of_the_talk_agree_where_they_are_told_twice():
    assert talk.PATCH_SIZE[56] == talk.POSITION[True] == talk.SLICES_PATCHES[2304]
    assert talk.PATCH_SIZE[256] == talk.SLICES_WHOLE[2304]
