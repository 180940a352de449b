from __future__ import annotations

import os
import stat
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from workbench.errors import FileError
from workbench.jobs import Resources
from workbench.jobs.executors._limits import Limits
from workbench.jobs.executors._turns import Turn, enter, queue_folder
from workbench.jobs.files import read_json, write_json
from workbench.jobs.lock import Owner

TWO = Limits(cores=2, memory=10**9)


def turn(folder: Path, cores: int | None = None, priority: int = 0, limits: Limits = TWO) -> Turn:
    return Turn(Resources(cores=cores), priority, limits, folder)


def begins(one: Turn) -> bool:
    """Look once whether it is its turn; who has no turn keeps its place in the queue."""
    return one._look() == ""


def test_one_after_the_other_in_the_order_of_asking(tmp_path: Path) -> None:
    first, second, third = (turn(tmp_path) for _ in range(3))
    assert begins(first)
    assert second._look() == "Waiting for 2 cores, of which 0 are free."
    assert third._look() == "Waiting for 2 cores, of which 0 are free; 1 job comes first."
    first.leave()
    assert third._look() == "Waiting for its turn; 1 job comes first."
    assert begins(second)
    second.leave()
    assert begins(third)


def test_the_highest_priority_comes_first(tmp_path: Path) -> None:
    working = turn(tmp_path)
    assert begins(working)
    usual, urgent = turn(tmp_path), turn(tmp_path, priority=1)
    assert not begins(usual)
    assert not begins(urgent)
    working.leave()
    assert not begins(usual)
    assert begins(urgent)


def test_a_short_job_goes_beside_and_several_do_not_keep_the_cores_from_others(tmp_path: Path) -> None:
    working, waiting = turn(tmp_path), turn(tmp_path)
    assert begins(working)
    assert not begins(waiting)
    short, another = turn(tmp_path, 1), turn(tmp_path, 1)
    assert begins(short)
    assert another._look() == "Waiting for 1 core, of which 0 are free; 1 job comes first."
    working.leave()
    assert another._look() == "Waiting for its turn; 1 job comes first.", "there would be a core, but another is due"
    assert begins(waiting)
    short.leave()
    assert begins(another)


def test_who_is_started_first_comes_first_however_long_it_takes_to_begin(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_QUEUE", str(tmp_path))
    me = Owner.of(os.getpid())
    assert me is not None
    enter("early", me, Resources(), 0)
    late = turn(tmp_path)
    assert late._look() == "Waiting for its turn; 1 job comes first."
    early = Turn(Resources(), 0, TWO, tmp_path, "early")
    assert begins(early)
    enter("early", me, Resources(), 0)
    assert not begins(late), "a place that is taken is left as it is"
    early.leave()
    assert begins(late)


def test_waiting_tells_what_for_until_it_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.jobs.executors._turns._LOOK_SECONDS", 0.0)
    working, told, looks = turn(tmp_path), [], []
    assert begins(working)
    waiting = turn(tmp_path)

    def given_up() -> bool:
        looks.append(len(looks))
        return len(looks) > 3

    assert not waiting.wait(told.append, given_up)
    assert told == ["Waiting for 2 cores, of which 0 are free."], "told once, though looked at often"
    assert len([*tmp_path.glob("*.json")]) == 1, "its place is given back"
    working.leave()
    assert turn(tmp_path).wait(told.append, lambda: True)


def test_who_waits_hears_of_limits_that_are_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path / "config"))
    settings = tmp_path / "config" / "settings.json"
    settings.parent.mkdir()
    write_json(settings, {"jobs": {"cores": 4, "at_once": 1}})
    working, waiting = (Turn(Resources(cores=2), 0, Limits.here, tmp_path / "queue") for _ in range(2))
    assert begins(working)
    assert waiting._look() == "Waiting for no more than 1 job at a time."
    settings.write_text('{"jobs": {"cores": 4, "at_')
    assert waiting._look().startswith("Waiting until the limits of jobs can be read. The settings in ")
    write_json(settings, {"jobs": {"cores": 3}})
    assert waiting._look() == "Waiting for 2 cores, of which 1 are free."
    write_json(settings, {"jobs": {"cores": 4}})
    assert begins(waiting)


def test_the_dead_hold_nothing_and_their_places_are_taken_away(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = Owner.of(process.pid)
    assert owner is not None
    place = {"owner": asdict(owner), "needs": asdict(Resources()), "priority": 9, "asked": 0.0, "at work": True}
    write_json(tmp_path / "other.json", place)
    mine = turn(tmp_path)
    assert not begins(mine)
    process.communicate(b"\n")
    assert begins(mine)
    assert not (tmp_path / "other.json").exists()


def test_a_machine_that_was_started_anew_has_an_empty_queue(tmp_path: Path) -> None:
    me = Owner.of(os.getpid())
    assert me is not None
    before = {**asdict(me), "boot": "another"}
    write_json(
        tmp_path / "other.json",
        {"owner": before, "needs": asdict(Resources()), "priority": 0, "asked": 0.0, "at work": True},
    )
    assert begins(turn(tmp_path))


def test_other_machines_that_see_the_folder_have_queues_of_their_own(tmp_path: Path) -> None:
    me = Owner.of(os.getpid())
    assert me is not None
    place = {"needs": asdict(Resources()), "priority": 0, "asked": 0.0, "at work": True}
    write_json(tmp_path / "other.json", {"owner": {**asdict(me), "host": "elsewhere"}, **place})
    assert begins(turn(tmp_path))
    assert (tmp_path / "other.json").exists()


def test_a_place_says_what_is_taken_and_no_more(tmp_path: Path) -> None:
    one = turn(tmp_path, 2, priority=3)
    begins(one)
    (file,) = tmp_path.glob("*.json")
    record = read_json(file)
    assert set(record) == {"owner", "needs", "priority", "asked", "at work"}
    assert (record["needs"]["cores"], record["priority"], record["at work"]) == (2, 3, True)
    if os.name != "nt":
        assert stat.S_IMODE(file.stat().st_mode) == 0o644, "who shares the queue may read it"


def test_where_the_queue_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORKBENCH_QUEUE", raising=False)
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path))
    assert queue_folder() == tmp_path / "queue"
    write_json(tmp_path / "settings.json", {"queue": str(tmp_path / "shared")})
    assert queue_folder() == tmp_path / "shared"
    monkeypatch.setenv("WORKBENCH_QUEUE", str(tmp_path / "named"))
    assert queue_folder() == tmp_path / "named"


def test_a_queue_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"queue of jobs must be a folder that can be written.*WORKBENCH_QUEUE"):
        begins(turn(tmp_path / "file" / "queue"))
