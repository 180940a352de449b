from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.jobs import Placement, Resources
from workbench.jobs.executors import local
from workbench.jobs.files import LAUNCH, LOCK, read_json, write_json
from workbench.jobs.kind import read_note
from workbench.jobs.launch import launch
from workbench.jobs.lock import holder
from workbench.testing.executors import ExecutorContract

from .conftest import is_held, until

ALL = Resources(cores=2)


class TestLocal(ExecutorContract):
    name = "local"


def made_at(folder: Path) -> list[int]:
    return [file.stat().st_mtime_ns for file in folder.glob("0*")]


def test_jobs_wait_for_their_turn_by_priority(begin, home):
    first = begin(Placement(needs=ALL), held=1)
    until(lambda: is_held(first))
    usual, urgent = begin(Placement(needs=ALL)), begin(Placement(needs=ALL, priority=1))
    until(lambda: usual.state == "queued" and "1 job comes first" in usual.status["message"])
    until(lambda: urgent.status["message"] == "Waiting for 2 cores, of which 0 are free.")
    assert "Waiting for 2 cores, of which 0 are free." in urgent.log(), "who asks the log is answered, too"
    assert urgent.state == "queued"
    assert "queued" in repr(usual)
    assert (usual.priority, urgent.priority, urgent.executor) == (0, 1, "local")
    short = begin(Placement())
    assert short.wait(60).state == "finished", "a job of one core is let in beside"
    first.stop()
    assert [one.wait(60).state for one in (first, usual, urgent)] == ["stopped", "finished", "finished"]
    assert max(made_at(home / "out-2")) <= min(made_at(home / "out-1"))


def test_who_waits_can_be_stopped_and_taken_up_again(begin, home):
    first = begin(Placement(needs=ALL), held=1)
    until(lambda: is_held(first))
    waiting = begin(Placement(needs=ALL))
    until(lambda: waiting.state == "queued")
    assert waiting.stop().wait(60).state == "stopped"
    assert not made_at(home / "out-1")
    first.stop().wait(60)
    assert waiting.resume().wait(60).state == "finished"


def test_a_waiting_worker_that_was_killed_is_told_and_holds_nobody_up(begin):
    first = begin(Placement(needs=ALL), held=1)
    until(lambda: is_held(first))
    waiting, behind = begin(Placement(needs=ALL)), begin(Placement(needs=ALL))
    until(lambda: waiting.state == behind.state == "queued")
    os.kill(holder(waiting.path).pid, signal.SIGKILL)
    until(lambda: waiting.state == "lost")
    first.stop()
    assert behind.wait(60).state == "finished"
    assert waiting.resume().wait(60).state == "finished"


def test_the_queue_outlives_the_machine(begin):
    first = begin(Placement(needs=ALL), held=1)
    until(lambda: is_held(first))
    waiting = begin(Placement(needs=ALL, priority=2))
    until(lambda: waiting.state == "queued")
    for job in (waiting, first):
        os.kill(holder(job.path).pid, signal.SIGKILL)
        until(lambda job=job: holder(job.path) is None)
        launched = read_json(job.path / LAUNCH)
        write_json(job.path / LAUNCH, {**launched, "owner": {**launched["owner"], "boot": "the one before"}})
        (job.path / LOCK).unlink(missing_ok=True)
    assert waiting.state == "queued"
    assert "started anew" in waiting.status["message"]
    assert first.state == "lost", "what was under way is taken up when somebody says so"
    assert local.revive() == [waiting.path]
    assert waiting.wait(60).state == "finished"
    assert local.revive() == []


def test_threads_are_those_of_the_cores_that_a_job_gets(begin, monkeypatch):
    seen = []
    monkeypatch.setattr(
        "workbench.jobs.executors.local.launch", lambda *given, **how: seen.append(how) or launch(*given, **how)
    )
    jobs = [begin(Placement(needs=Resources(cores=n))) for n in (1, 9)]
    assert [one.wait(60).state for one in jobs] == ["finished", "finished"]
    assert [how["threads"] for how in seen] == [1, 2]


def test_what_could_never_begin_leaves_no_folder(begin, home):
    with pytest.raises(StateError, match="may take memory="):
        begin(Placement(needs=Resources(memory=10**18)))
    with pytest.raises(InputError, match=r"executor 'dusk'.*Did you mean 'dask'"):
        begin(Placement("dusk"))
    assert not [*(home / "runs").glob("*")]


def test_a_training_says_what_it_needs(home, monkeypatch):
    started = []
    monkeypatch.setattr(
        "workbench.jobs.executors.local.Local.submit", lambda _self, *given: started.append(given) or {}
    )
    data = wb.datasets.load("phantom-xray", n=6, size=16)
    place = Placement(priority=3, needs=Resources(memory=10**8))
    run = wb.train("2d-unet", data, epochs=1, width=4, depth=2, num_threads=1, placement=place)
    assert started == [(run.path, Resources(cores=1, memory=10**8), 3)]
    assert read_note(run.path)["needs"] == {"cores": 1, "memory": 10**8, "gpus": 0, "gpu_memory": None}
