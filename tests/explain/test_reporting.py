"""The work of a map: who is told what, and when it stops."""

from __future__ import annotations

import threading

import pytest

from workbench.errors import Cancelled
from workbench.explain.reporting import MapWork
from workbench.testing import toys
from workbench.work import IDLE, Work

MAP = toys.noise_volume((3, 4))


def test_who_takes_a_map_is_given_it_first_and_last():
    seen = []
    work = MapWork(lambda fraction, so_far: seen.append((fraction, so_far)))
    work.tell(0.0)
    work.show(0.5, lambda: MAP)
    work.show(0.6, lambda: pytest.fail("a map so soon after another is not made"))
    work.show(1.0, lambda: MAP)
    assert seen == [(0.0, None), (0.5, MAP), (0.6, None), (1.0, MAP)]


@pytest.mark.parametrize("make", [lambda seen: MapWork(seen.append), lambda seen: MapWork.part_of(_work(seen))])
def test_for_who_takes_none_no_map_is_made(make):
    seen = []
    work = make(seen)
    work.show(0.25, lambda: pytest.fail("nobody looks"))
    work.tell(0.5, "half of it")
    assert seen == [0.25, 0.5]


def _work(seen):
    return Work(lambda fraction, _text: seen.append(fraction))


def test_it_stops_where_it_is_and_says_where():
    cancel = threading.Event()
    work = MapWork(None, cancel)
    work.tell(0.4)
    cancel.set()
    with pytest.raises(Cancelled, match="cancelled at 70%; start it again"):
        work.tell(0.7)


def test_other_work_stops_it_in_its_own_words():
    outer = Work()
    work = MapWork.part_of(outer)
    assert work.heeded
    work.tell(0.4)
    outer.stop()
    with pytest.raises(Cancelled, match=r"^Cancelled; nothing partial is returned\.$"):
        work.tell(0.7)


def test_what_is_finished_is_not_thrown_away():
    cancel = threading.Event()
    work = MapWork(None, cancel)
    cancel.set()
    work.show(1.0, lambda: MAP)


def test_nobody_stops_what_nobody_looks_at():
    assert not MapWork().heeded
    assert not MapWork.part_of(IDLE).heeded
