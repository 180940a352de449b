"""Work: progress as a share of the whole, and cancel from another thread."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from workbench.errors import Cancelled, InputError
from workbench.explain.reporting import MapWork
from workbench.work import IDLE, Work


def test_progress_is_told_and_bounded() -> None:
    seen: list[tuple[float, str]] = []
    work = Work(lambda fraction, text: seen.append((fraction, text)))
    work.tell(0.25, "first")
    work.tell(-1)
    work.tell(7)
    assert seen == [(0.25, "first"), (0.0, ""), (1.0, "")]


def test_a_part_is_a_share_of_the_whole_also_of_a_part() -> None:
    seen: list[float] = []
    work = Work(lambda fraction, text: seen.append(fraction))
    for index in range(2):
        half = work.part(index, 2)
        half.tell(0)
        half.part(1, 4).tell(1)
        half.tell(1)
    assert seen == [0, 0.25, 0.5, 0.5, 0.75, 1]


@pytest.mark.parametrize(("index", "count"), [(-1, 2), (2, 2), (0, 0)])
def test_there_is_no_other_part(index: int, count: int) -> None:
    with pytest.raises(InputError, match=f"got {index} of {count}"):
        Work().part(index, count)


def test_cancel_stops_at_the_next_step_the_parts_too() -> None:
    cancel = threading.Event()
    work = Work(cancel=cancel)
    part = work.part(0, 2)
    part.tell(0.5)
    threading.Thread(target=cancel.set).start()
    assert cancel.wait(5)
    assert work.cancelled
    assert part.cancelled
    for step in (work.check, part.check, lambda: part.tell(1)):
        with pytest.raises(Cancelled, match="nothing partial"):
            step()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"progress": True}, "progress must be a function .* got True"),
        ({"cancel": lambda: False}, r"cancel must be an event .* Give threading\.Event"),
    ],
)
def test_what_cannot_be_told_or_asked_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Work(**given)
    with pytest.raises(InputError, match=words):
        MapWork(**given)


def test_what_stops_one_stops_no_other() -> None:
    one, other = Work(), Work()
    one.stop()
    assert one.cancelled
    assert not other.cancelled


def test_what_nobody_looks_at_goes_on() -> None:
    IDLE.tell(0.5, "on")
    IDLE.part(0, 3).tell(1)
    with pytest.raises(InputError, match="of your own"):
        IDLE.stop()
    IDLE.cancel.set()
    for one in (IDLE, IDLE.part(1, 2)):
        one.check()
    IDLE.cancel.clear()
