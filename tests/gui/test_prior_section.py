"""The choice of a prior in the dock: warnings, and how more priors come."""

import json
import subprocess
import sys
import threading

import numpy as np
import pytest

from napari_padis.gui import prior_job as jobs
from napari_padis.gui.mailbox import Mailbox
from napari_padis.gui.prior_card import rows_text
from napari_padis.gui.sections.prior import PriorSection
from napari_padis.prior.architecture import NetworkConfig
from napari_padis.prior.card import PriorCard
from napari_padis.prior.catalogue import find_prior
from napari_padis.prior.registry import ADDRESS_VARIABLE, LIST_VARIABLE, registered
from napari_padis.scan.geometry import ParallelGeometry

CARD = PriorCard(name="x", pixel_spacing=(1.5, 1.7))


@pytest.fixture
def section(qtbot):
    """The section, with a label for what it says."""
    section = PriorSection()
    qtbot.addWidget(section)
    qtbot.addWidget(section.store)
    section.said = []
    section.store.said.connect(lambda level, text: section.said.append((level, text)))
    yield section
    assert section.store.join(10), "a thread was left behind"


@pytest.fixture
def offered(tiny_prior, tmp_path, monkeypatch):
    """A list with the prior 'tiny', in a folder."""
    values = {
        "format": "napari-padis registry",
        "format_version": 1,
        "base": str(tiny_prior.parent),
        "priors": [registered(tiny_prior).model_dump()],
    }
    (tmp_path / "list.json").write_text(json.dumps(values))
    monkeypatch.setenv(LIST_VARIABLE, str(tmp_path / "list.json"))
    return tiny_prior.parent


def ended(qtbot, section):
    qtbot.waitUntil(lambda: not section.store.busy)


def names(section):
    return [section.prior_box.itemData(i) for i in range(section.prior_box.count())]


def geometry(pixel, spacing=3.0):
    return ParallelGeometry.standard(4, (16, 16), (pixel, pixel), spacing, detectors=24)


def test_the_section_warns_of_the_measurement(section, monkeypatch):
    from napari_padis.gui.sections import prior

    monkeypatch.setattr(prior, "catalogue", lambda: [CARD])
    section.reload()
    warning = section.card.warning
    section.set_image(geometry(1.6), "HU")
    assert not warning.isVisibleTo(section)
    section.set_image(geometry(0.4), "HU")
    assert warning.isVisibleTo(section)
    assert warning.text() == "Pixels of 0.4 mm; the prior saw 1.5 to 1.7 mm."
    section.set_image(geometry(1.6), "HU")
    assert warning.text() == ""


def test_the_dock_follows_the_layer(make_dock):
    from napari_padis.gui.layer_data import volume_layer
    from napari_padis.scan.volume import Volume

    viewer, dock = make_dock()
    assert dock.prior.name == "ct-small"
    assert not dock.prior.card.warning.isVisibleTo(dock)
    fine = Volume(np.ones((2, 8, 8), np.float32), (1.0, 0.4, 0.4), "arbitrary", name="fine")
    data, options, _ = volume_layer(fine)
    dock.data.choose(viewer.add_image(data, **options))
    assert "Pixels of 0.4 mm" in dock.prior.card.warning.text()
    assert "expects HU" in dock.prior.card.warning.text()


def test_adding_a_prior(section, qtbot, tiny_prior):
    with qtbot.waitSignal(section.changed):
        section.store.add(tiny_prior)
        assert not section.store.add_button.isEnabled()
    ended(qtbot, section)
    assert section.name == "tiny"
    assert section.card.rows.text() == rows_text(PriorCard.load(find_prior("tiny")))
    assert section.said == [
        ("info", "Reading 'tiny.json' …"),
        ("info", "The prior 'tiny' is here."),
    ]
    assert section.store.add_button.isEnabled()


@pytest.mark.parametrize("ending", [".json", ".safetensors", ".pkl"])
def test_a_bad_file_ends_in_one_sentence_and_loses_nothing(section, qtbot, tmp_path, ending):
    chosen, before = section.name, names(section)
    path = tmp_path / f"bad{ending}"
    path.write_bytes(b"\x80\x04nonsense")
    section.store.add(path)
    ended(qtbot, section)
    level, message = section.said[-1]
    assert level == "error"
    assert message.endswith(".")
    assert "\n" not in message
    assert (section.name, names(section)) == (chosen, before)


def test_a_published_checkpoint_is_imported(section, qtbot, tmp_path, monkeypatch):
    from types import SimpleNamespace

    from napari_padis.prior import edm_import
    from napari_padis.prior.network import EDMDenoiser

    network = EDMDenoiser(NetworkConfig(width=8, multipliers=(1, 2), blocks=(1, 1)))
    monkeypatch.setattr(
        edm_import, "import_network", lambda _path: SimpleNamespace(network=network)
    )
    section.store.add(tmp_path / "network snapshot.pkl")
    ended(qtbot, section)
    assert section.name == "network-snapshot"
    card = PriorCard.load(find_prior("network-snapshot"))
    assert card.origin == "network snapshot.pkl"
    assert card.scale.unit == "HU"
    assert "-1000 to 1000 HU" in section.said[-1][1]


def test_what_nobody_foresaw_is_told_too(section, qtbot, tmp_path, monkeypatch):
    from napari_padis.prior import library

    def break_down(_path):
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(library, "cards_of", break_down)
    section.store.add(tmp_path / "x.json")
    ended(qtbot, section)
    assert section.said[-1] == ("error", "'x.json' could not be added (ZeroDivisionError: oh no).")


def test_getting_a_prior(section, qtbot, offered):
    section.reload()
    assert section.store.get_button.isEnabled()
    section.store.menu.aboutToShow.emit()
    (action,) = section.store.menu.actions()
    assert action.text().startswith("tiny (")
    action.trigger()
    ended(qtbot, section)
    assert section.name == "tiny"
    assert not section.store.get_button.isEnabled()
    assert "no other prior" in section.store.get_button.toolTip()


def test_a_download_that_fails(section, qtbot, offered, monkeypatch, tmp_path):
    monkeypatch.setenv(ADDRESS_VARIABLE, str(tmp_path / "nothing"))
    before = names(section)
    section.store.get("tiny")
    ended(qtbot, section)
    assert section.said[-1][0] == "error"
    assert "is not in the folder" in section.said[-1][1]
    assert names(section) == before


def test_a_download_can_be_given_up(section, qtbot, offered, own_priors, monkeypatch):
    from napari_padis.prior import download

    gate, begun = threading.Event(), threading.Event()

    def slow(name, progress):
        progress(1, 10)
        begun.set()
        gate.wait(60)
        progress(2, 10)

    monkeypatch.setattr(download, "get_prior", slow)
    section.store.get("tiny")
    assert begun.wait(60)
    qtbot.waitUntil(lambda: section.store.bar.value() == 100)
    assert section.store.cancel_button.isVisibleTo(section.store)
    section.store.cancel_button.click()
    gate.set()
    ended(qtbot, section)
    assert section.said[-1] == ("info", "The download is given up; nothing of it is kept.")
    assert not section.store.cancel_button.isVisibleTo(section.store)
    assert not own_priors.exists()


def test_cancelling_is_no_error(offered):
    from napari_padis.engine.control import Control
    from napari_padis.gui.job import Ended

    control, mailbox = Control(), Mailbox()
    control.stop()
    jobs.get("tiny", control, mailbox)
    assert [type(event) for event in mailbox.take()] == [Ended]


def test_more_priors_can_be_had_while_the_method_needs_none(make_dock):
    _, dock = make_dock()
    assert not dock.prior.isEnabled()
    assert dock.prior.store.add_button.isEnabledTo(dock)


def test_a_prior_that_comes_lets_methods_run(make_dock, monkeypatch):
    from napari_padis.gui.sections import prior

    there, prior_catalogue = [], prior.catalogue
    monkeypatch.setattr(prior, "catalogue", lambda: there)
    _, dock = make_dock()
    dock.method.choose("padis-fast")
    assert dock.method.problem
    there += prior_catalogue()
    dock.prior.reload()
    assert not dock.method.problem
    assert dock.prior.name == "ct-small"


def test_the_section_loads_no_torch_and_nothing_that_downloads():
    program = (
        "import sys\n"
        "from qtpy.QtWidgets import QApplication\n"
        "app = QApplication([])\n"
        "from napari_padis.gui.sections.prior import PriorSection\n"
        "section = PriorSection(); section.store.menu.aboutToShow.emit()\n"
        "print([m for m in ('torch', 'pooch', 'requests') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
