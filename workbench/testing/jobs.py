"""What every kind of job promises.

- It says what it is: a name that is that of its entry point, a title, the words that are used of it, a status with
  every field of `Status`.
- It starts in a process of its own and comes to its end; its progress rises to one; it gives its result then, and
  before that says why not.
- It stops when it is asked to, is taken up again where it was, and ends as one that was never stopped. So does one
  whose worker was killed, which is told as interrupted, and one that failed, which tells cause and remedy.
- One worker at a time; its folder is its owner's alone; it is listed, and what is stored in it opens later.
"""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, ClassVar

import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.jobs import Job, Resources, Status
from workbench.jobs.faults import HELD, VARIABLE
from workbench.jobs.files import CONTROL, JOB, STATUS, read_json, write_json
from workbench.jobs.kind import KINDS, JobKind
from workbench.jobs.launch import launch
from workbench.jobs.lock import holder
from workbench.jobs.status import ALIVE

#: Longest that a worker is waited for, in seconds.
_PATIENCE = 120.0


class JobKindContract:
    """What a kind promises without a job of it; set `name`."""

    name: ClassVar[str]

    @pytest.fixture
    def kind(self) -> JobKind:
        return KINDS.get(self.name)

    def test_it_says_what_it_is(self, kind: JobKind) -> None:
        assert kind.name == self.name, "the entry point is called like the kind"
        for words in (kind.title, *asdict(kind.words).values()):
            assert words
            assert words == words.strip()
        assert kind.words.noun == kind.words.noun.lower()

    def test_its_status_has_what_every_one_has(self, kind: JobKind) -> None:
        assert issubclass(kind.status, Status)
        fresh = kind.status(message="new")
        assert (fresh.state, fresh.progress, fresh.message) == ("created", 0.0, "new")

    def test_another_kind_names_the_nearest(self, kind: JobKind) -> None:
        with pytest.raises(InputError, match=f"Unknown kind of job '{self.name}x'. Did you mean '{self.name}'"):
            wb.jobs(kind=f"{self.name}x")


class JobContract(JobKindContract):
    """Inherit, set `name`, and define `begin` and `outcome`."""

    def begin(self, folder: Path) -> Job:
        """Start a job, each time the same, that tells its progress four times or more; `folder` is for its files."""
        raise NotImplementedError(f"{type(self).__name__} must define `begin`.")

    left_alone: ClassVar[Job]

    def outcome(self, job: Job) -> Any:
        """Return everything that must not depend on interruptions, to be compared."""
        raise NotImplementedError(f"{type(self).__name__} must define `outcome`.")

    @pytest.fixture
    def undisturbed(self, tmp_path_factory: pytest.TempPathFactory) -> Job:
        """A job that was left alone, finished; one for all tests of the class."""
        if "left_alone" not in vars(type(self)):
            folder = tmp_path_factory.mktemp("undisturbed")
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("WORKBENCH_RUNS", str(folder / "jobs"))
                type(self).left_alone = self.begin(folder)
            assert self.left_alone.state in {*ALIVE, "finished"}
        return self.left_alone.wait(_PATIENCE)

    @pytest.fixture
    def start(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Job]]:
        """Start a job with a fault in it; what is left of it is ended with the test."""
        monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
        begun: list[Job] = []

        def start(fault: str) -> Job:
            monkeypatch.setenv(VARIABLE, fault)
            job = self.begin(tmp_path)
            monkeypatch.delenv(VARIABLE)
            begun.append(job)
            return job

        yield start
        for job in begun:
            if (owner := holder(job.path)) is not None:
                os.kill(owner.pid, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    @pytest.fixture
    def held(self, undisturbed: Job, start: Callable[[str], Job]) -> Job:
        """A job that is on its way until it is asked to stop; one that is yet to be left alone would wait for it."""
        job = start("progress:2:hold")
        deadline = time.monotonic() + _PATIENCE
        while not (job.path / HELD).exists():
            assert job.state in ALIVE, f"it tells its progress too rarely, or ended: {job!r}\n{job.log()}"
            assert time.monotonic() < deadline, f"it tells no progress: {job!r}\n{job.log()}"
            time.sleep(0.02)
        return job

    def test_it_comes_to_its_end_and_gives_its_result(self, undisturbed: Job) -> None:
        status = undisturbed.status
        assert status["state"] == "finished", f"{undisturbed!r}\n{undisturbed.log()}"
        assert (status["progress"], status["cause"], status["remedy"]) == (1.0, "", "")
        assert undisturbed.result() is not None
        assert undisturbed.kind == self.name
        assert undisturbed.title
        assert undisturbed.facts in repr(undisturbed)
        with pytest.raises(StateError, match=r"is finished.*resume|is finished: nothing is left to do"):
            undisturbed.resume()

    def test_its_folder_says_what_it_is_and_is_its_owners_alone(self, undisturbed: Job) -> None:
        note = read_json(undisturbed.path / JOB)
        assert (note["schema"], note["kind"]) == (1, self.name)
        assert Resources.from_json(note["needs"]) is not None
        if os.name == "posix":
            assert stat.S_IMODE(undisturbed.path.stat().st_mode) == 0o700
        assert not (undisturbed.path / CONTROL).exists()

    def test_it_is_listed(self, undisturbed: Job) -> None:
        folder = undisturbed.path.parent
        assert wb.jobs(folder) == [undisturbed]
        assert wb.jobs(folder, kind=self.name) == [undisturbed]
        found = wb.jobs(folder)[undisturbed.id]
        assert type(found) is type(undisturbed)
        for words in (undisturbed.id, self.name, "finished"):
            assert words in repr(wb.jobs(folder))
        try:
            undisturbed.rename("the first")
            assert wb.jobs(folder)["the first"] == undisturbed
            assert "the first" in repr(undisturbed)
        finally:
            undisturbed.rename("")

    def test_a_status_of_another_version_opens(self, undisturbed: Job, tmp_path: Path) -> None:
        now = read_json(undisturbed.path / STATUS)
        copy = tmp_path / undisturbed.id
        copy.mkdir()
        for file in undisturbed.path.glob("*.json"):
            (copy / file.name).write_bytes(file.read_bytes())
        needed = {"state", "message", "updated", "launch"}
        write_json(copy / STATUS, {name: now[name] for name in needed} | {"of_tomorrow": 1})
        status = wb.jobs(tmp_path)[0].status
        assert status["state"] == "finished"
        assert {one.name for one in fields(KINDS.get(self.name).status)} < {*status}

    def test_stopped_and_resumed_it_ends_as_one_that_never_was(self, held: Job, undisturbed: Job) -> None:
        assert held.state == "running"
        pid = held.status["pid"]
        with pytest.raises(StateError, match=f"process {pid} "):
            held.resume()
        second = launch(held.path)
        assert second.wait(_PATIENCE) == 3
        assert f"Only one worker may work in a {held.noun} folder" in held.log()
        with pytest.raises(StateError, match=r"has no result yet\. wait\(\) for it"):
            held.result()
        assert held.stop().wait(_PATIENCE).state == "stopped", f"{held!r}\n{held.log()}"
        assert 0 < held.status["progress"] < 1
        assert "resume()" in held.status["message"]
        assert not (held.path / CONTROL).exists()
        with pytest.raises(StateError, match=r"is stopped, and has no result yet"):
            held.result()
        self._ends_as(held, undisturbed)

    @pytest.mark.skipif(os.name != "posix", reason="needs signals")
    def test_killed_it_is_told_as_interrupted_and_goes_on(self, held: Job, undisturbed: Job) -> None:
        os.kill(held.status["pid"], signal.SIGKILL)
        assert held.wait(_PATIENCE).state == "lost"
        assert "interrupted" in repr(held)
        assert "it was killed" in held.status["cause"]
        assert "resume()" in held.status["remedy"]
        self._ends_as(held, undisturbed)

    @pytest.mark.skipif(os.name != "posix", reason="needs signals")
    def test_a_signal_stops_it_as_a_request_does(self, held: Job) -> None:
        os.kill(held.status["pid"], signal.SIGTERM)
        write_json(held.path / CONTROL, {"command": "none"})  # lets go of it
        assert held.wait(_PATIENCE).state == "stopped", f"{held!r}\n{held.log()}"

    def test_what_it_fails_of_is_told_with_what_to_do(self, start: Callable[[str], Job], undisturbed: Job) -> None:
        job = start("progress:2:full").wait(_PATIENCE)
        status = job.status
        assert status["state"] == "failed", f"{job!r}\n{job.log()}"
        assert status["cause"] == f"The disk of the {job.noun} folder is full."
        assert "resume()" in status["remedy"]
        assert status["cause"] in repr(job)
        assert "Traceback" in job.log()
        self._ends_as(job, undisturbed)

    def _ends_as(self, job: Job, undisturbed: Job) -> None:
        assert job.resume().wait(_PATIENCE).state == "finished", f"{job!r}\n{job.log()}"
        assert job.status["progress"] == 1
        assert self.outcome(job) == self.outcome(undisturbed)
