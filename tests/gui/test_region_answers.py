"""What the samples say about regions, and which runs cannot say anything."""

import dataclasses

import numpy as np
import pytest

from napari_padis.engine.events import Result
from napari_padis.errors import InputError
from napari_padis.gui import text
from napari_padis.gui.job import Ended, Failed
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.region_answers import Answers, ask, cells, sentence, work

SHAPE = (3, 8, 10)


def a_result(count=16, method="padis-calibrated", finished=None, unit="HU"):
    """Samples whose region 2 has the means 0, 1, ..., in order; elsewhere they are 500."""
    samples = np.full((count, *SHAPE), 500, np.float32)
    samples[:, 1, 2:4, 5:8] = np.arange(count)[:, None, None]
    empty = samples.mean(axis=0)
    report = {"samples_finished": count if finished is None else finished, "spread": "so so"}
    return Result(
        empty, empty, empty, samples, (1, 1, 1), np.eye(4), unit, {"method": method}, report, True
    )


@pytest.fixture
def regions():
    regions = np.zeros(SHAPE, np.int64)
    regions[1, 2:4, 5:8] = 2
    regions[2, 0, 0] = 7
    return regions


def test_the_share_of_the_samples_is_counted(regions):
    answers = ask(a_result(), regions, 3.5)
    second, seventh = answers.found
    assert (second.region, second.voxels, seventh.region, seventh.voxels) == (2, 6, 7, 1)
    assert second.probability == 12 / 16  # 4 ... 15 of 0 ... 15
    assert second.mean == pytest.approx(7.5)
    assert second.std == pytest.approx(np.arange(16).std(ddof=1))
    assert seventh.probability == 1
    assert answers.note == "16 samples; their spread is so so."
    assert answers.unit == "HU"


def test_correlated_draws_count_for_less(regions):
    result = a_result()
    result.report["effective_samples"] = 7.25
    answers = ask(result, regions, 3.5)
    free = ask(a_result(), regions, 3.5).found[0]
    first = answers.found[0]
    assert first.probability == free.probability
    assert first.high - first.low > 1.2 * (free.high - free.low)
    assert answers.note.startswith("16 samples, worth 7.25 independent ones;")
    assert "(7.25 samples; " in sentence(first, "HU")


def test_an_answer_as_people_read_it(regions):
    answers = ask(a_result(), regions, 3.5)
    assert cells(answers.found[0])[:2] == ("2", "0.75")
    assert cells(answers.found[0])[3] == "7.5 ± 4.8"
    said = sentence(answers.found[0], answers.unit)
    assert "P(mean > 3.5 HU) = 0.75 (16 samples; " in said
    assert said.endswith("mean 7.5 ± 4.8 HU")
    without = sentence(answers.found[0], ask(a_result(unit="arbitrary"), regions, 3.5).unit)
    assert "P(mean > 3.5) = 0.75" in without


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (a_result(1), "one sample only"),
        (a_result(finished=0), "stopped before a sample was finished"),
        (a_result(1, "fbp"), "makes one image and no samples"),
        (a_result(method="padis-fast"), "coupled"),
    ],
)
def test_runs_over_which_nothing_can_be_counted(result, words, regions):
    with pytest.raises(InputError, match=words):
        ask(result, regions, 0.0)


def test_regions_of_another_shape(regions):
    with pytest.raises(InputError, match="have shape"):
        ask(a_result(), regions[:2], 0.0)


def test_only_the_part_with_regions_is_read(regions):
    """A volume of samples on disk, or a large one in memory, is not gone through as a whole."""

    class Watched:
        shape = (16, *SHAPE)
        seen = ()

        def __len__(self):
            return 16

        def __getitem__(self, index):
            Watched.seen = index
            return a_result().samples[index]

    result = dataclasses.replace(a_result(), samples=Watched())
    assert ask(result, regions, 3.5).found[0].probability == 12 / 16
    assert Watched.seen == (slice(None), slice(1, 3), slice(0, 4), slice(0, 8))


@pytest.mark.parametrize(("count", "kind"), [(16, Answers), (1, Failed)])
def test_the_job_posts_an_answer_or_an_error_and_its_end(count, kind, regions):
    mailbox = Mailbox()
    work(a_result(count), regions, 3.5, mailbox)
    assert [type(event) for event in mailbox.take()] == [kind, Ended]


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (43.21, 5.13, "43.2 ± 5.1"),
        (1043.2, 120.0, "1043 ± 120"),
        (0.02134, 0.00041, "0.02134 ± 0.00041"),
        (-7.5, 0.0, "-7.5"),
        (7.5, np.nan, "7.5"),
    ],
)
def test_a_mean_with_its_error(value, error, shown):
    assert text.with_error(value, error) == shown
