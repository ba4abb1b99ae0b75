"""The thread of the preview: newest request only, ends when told to."""

import threading
import time

from napari_padis.gui.prepare import worker as module
from napari_padis.gui.prepare.worker import LatestWorker


def test_only_the_newest_request_is_answered():
    gate, begun, answered = threading.Event(), threading.Event(), []

    def work(request, _wanted):
        begun.set()
        assert gate.wait(60)
        answered.append(request)

    worker = LatestWorker(work)
    worker.ask(0)
    assert begun.wait(60)
    for number in range(1, 50):
        worker.ask(number)
    gate.set()
    _until(lambda: not worker.busy)
    assert answered == [0, 49]
    worker.close()
    assert worker.join(60)


def test_a_newer_request_makes_the_present_one_unwanted():
    seen, begun = [], threading.Event()

    def work(request, wanted):
        begun.set()
        while request == 0 and wanted():
            time.sleep(0.005)
        seen.append((request, wanted()))

    worker = LatestWorker(work)
    worker.ask(0)
    assert begun.wait(60)
    worker.ask(1)
    _until(lambda: not worker.busy)
    assert seen == [(0, False), (1, True)]
    worker.close()
    assert worker.join(60)


def test_close_in_the_middle_ends_the_thread_and_takes_no_more():
    calls = []

    def work(request, wanted):
        calls.append(request)
        while wanted():
            time.sleep(0.005)

    worker = LatestWorker(work)
    worker.ask(1)
    _until(lambda: calls)
    worker.close()
    assert worker.join(60)
    worker.ask(2)
    assert not worker.busy
    assert calls == [1]


def test_an_idle_thread_ends_and_the_next_request_starts_another(monkeypatch):
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.1)
    names = []
    worker = LatestWorker(lambda _request, _wanted: names.append(threading.get_ident()))
    worker.ask(1)
    _until(lambda: names)
    assert worker.join(60)
    worker.ask(2)
    _until(lambda: len(names) == 2)
    worker.close()
    assert worker.join(60)


def _until(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
