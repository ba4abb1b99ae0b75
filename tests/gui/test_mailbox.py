import threading
from dataclasses import dataclass

from napari_padis.gui.mailbox import Mailbox


@dataclass(frozen=True)
class Frame:
    index: int


@dataclass(frozen=True)
class Note:
    text: str


def test_keeps_only_the_newest_of_each_type():
    box = Mailbox()
    for index in range(100):
        box.post(Frame(index))
    assert box.take() == [Frame(99)]
    assert box.take() == []


def test_small_events_are_queued_in_order_with_the_others():
    box = Mailbox(queued=(Note,))
    box.post(Note("a"))
    box.post(Frame(0))
    box.post(Note("b"))
    box.post(Frame(1))
    assert box.take() == [Note("a"), Note("b"), Frame(1)]


def test_queue_is_bounded():
    box = Mailbox(queued=(Note,), queue_length=3)
    for index in range(50):
        box.post(Note(str(index)))
    assert [note.text for note in box.take()] == ["47", "48", "49"]


def test_held_types_stay_and_are_still_overwritten():
    box = Mailbox()
    box.post(Frame(0))
    box.post(Note("x"))
    assert box.take(hold=(Frame,)) == [Note("x")]
    box.post(Frame(1))
    assert box.take() == [Frame(1)]


def test_clear_forgets():
    box = Mailbox()
    box.post(Frame(0))
    box.clear()
    assert box.take() == []


def test_many_threads_lose_no_newest():
    box = Mailbox(queued=(Note,), queue_length=1000)

    def post(start):
        for index in range(100):
            box.post(Note(f"{start}-{index}"))
            box.post(Frame(index))

    threads = [threading.Thread(target=post, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = box.take()
    assert sum(isinstance(event, Note) for event in events) == 400
    assert [event for event in events if isinstance(event, Frame)] == [Frame(99)]
