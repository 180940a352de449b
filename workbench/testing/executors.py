"""What every executor promises.

- It says what it is, and refuses at once, with a `StateError`, what it could never put to work.
- A job that is given to it is done, in a process of its own; stopped, it stops, and is taken up again where it was.
- Its ticket is plain data: another process can ask with it how the job stands, and is told when it has ended.
- Taking a job out of the queue that has ended does nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

import workbench as wb
from workbench.jobs import Job, Placement
from workbench.jobs.executors import EXECUTORS, Executor
from workbench.jobs.faults import HELD, VARIABLE
from workbench.jobs.files import TICKET, read_json

#: Longest that anything is waited for, in seconds.
_PATIENCE = 120.0


class ExecutorContract:
    """Inherit this for an executor; set `name`, and override `ready` where something must be there first."""

    name: ClassVar[str]

    @pytest.fixture
    def ready(self) -> None:
        """Have there what the executor needs, such as a scheduler."""

    @pytest.fixture(autouse=True)
    def _places(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path / "config"))
        monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))

    @pytest.fixture
    def begin(self, _places: None, ready: None, tmp_path: Path) -> Callable[[], Job]:
        """Start a job of a moment: a tool over three pictures."""
        data = wb.datasets.load("phantom-xray", n=3, size=16)
        number = iter(range(10))
        return lambda: wb.tools.over(
            "window", data, out=tmp_path / f"out-{next(number)}", background=Placement(self.name)
        )

    @property
    def executor(self) -> Executor:
        return EXECUTORS.get(self.name)

    def test_it_says_what_it_is(self) -> None:
        assert self.executor.name == self.name, "the entry point is called like the executor"
        assert self.executor.title == self.executor.title.strip() != ""

    def test_a_job_is_done_and_the_ticket_tells(self, begin: Callable[[], Job]) -> None:
        job = begin()
        note = read_json(job.path / TICKET)
        assert note["executor"] == self.name
        assert job.executor == self.name
        assert job.wait(_PATIENCE).state == "finished"
        assert job.result().done == [0, 1, 2]
        ticket: dict[str, Any] = json.loads(json.dumps(note["ticket"]))
        _until(lambda: self.executor.state(ticket) == "ended", "the job has ended, and `state` does not say 'ended'")
        self.executor.cancel(ticket)
        assert job.state == "finished"

    def test_a_job_is_stopped_and_taken_up_again(
        self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
    ) -> None:
        # set before what the executor needs is there: its workers may be started with it
        monkeypatch.setenv(VARIABLE, "progress:2:hold")
        job: Job = request.getfixturevalue("begin")()
        _until(lambda: (job.path / HELD).exists(), "no worker came as far as its second case")
        assert job.state == "running"
        assert self.executor.state(read_json(job.path / TICKET)["ticket"]) == "running"
        assert job.stop().wait(_PATIENCE).state == "stopped"
        # one case is left, and nothing that holds it
        assert job.resume().wait(_PATIENCE).state == "finished"
        assert job.result().done == [0, 1, 2]


def _until(what: Callable[[], object], otherwise: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not what():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
