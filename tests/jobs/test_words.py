"""What somebody new does with a job that is not as it was thought to be: each answer says what to do."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import IPython
import pytest

import workbench as wb
from workbench.errors import FileError, InputError, StateError
from workbench.jobs import Job, Status
from workbench.jobs.beginning import laying_out
from workbench.jobs.files import write_json
from workbench.jobs.kind import KINDS
from workbench.jobs.resources import Resources


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """A job that was laid out and waits, without a worker."""
    with laying_out(tmp_path / "20260101-tool-a", KINDS.get("tool"), Status(state="queued"), Resources()):
        write_json(tmp_path / "20260101-tool-a" / "tool.json", {"tool": "window", "data name": "mine"})
    return wb.jobs(tmp_path)[0]


def put(job: Job, **status: Any) -> None:
    write_json(job.path / "status.json", {"updated": 0.0, "launch": "", **status})


FAILED = {"state": "failed", "cause": "Memory ran out.", "remedy": "Take fewer processes, then resume()."}


def test_a_job_that_failed_says_why_wherever_it_is_met(job: Job) -> None:
    put(job, **FAILED)
    told = "cause:  Memory ran out.\n  remedy: Take fewer processes, then resume()."
    assert told in repr(job.wait())
    with pytest.raises(StateError, match=r"is failed, and has no result yet\. Memory ran out\. Take fewer processes"):
        job.result()


def test_a_job_that_waits_has_no_result_and_no_log_and_can_be_stopped_twice(job: Job) -> None:
    with pytest.raises(StateError, match=r"is queued, and has no result yet\. wait\(\) for it\."):
        job.result()
    with pytest.raises(StateError, match=r"is still queued after 0 s\. Wait longer, or stop\(\) it\."):
        job.wait(0)
    assert job.log() == f"Nothing is logged: no worker has begun. Job {job.id} is queued.\n"
    assert job.stop().state == "stopped"
    assert job.stop().stop().state == "stopped"
    with pytest.raises(StateError, match=r"is stopped, and has no result yet\. Go on with resume\(\)\."):
        job.result()


def test_names_that_no_job_has(job: Job) -> None:
    folder = job.path.parent
    with pytest.raises(InputError, match=r"Unknown kind of job 'trainig'\. Did you mean 'training'\?"):
        wb.jobs(folder, kind="trainig")
    with pytest.raises(InputError, match=rf"Unknown job 'name'\..* Valid: {job.id}\."):
        wb.jobs(folder)["name"]
    with pytest.raises(InputError, match=r"Unknown job 'name'\. There is none yet; wb\.jobs\(\) lists them\."):
        wb.jobs(folder)[:0]["name"]
    for number in range(20):
        shutil.copytree(job.path, folder / f"2026010{number}-tool-b")
    with pytest.raises(InputError) as told:
        wb.jobs(folder)["20260101-tool-c"]
    assert "Did you mean" in str(told.value)
    assert str(told.value).endswith(". wb.jobs() lists all.")
    assert str(told.value).count("tool-") < 8, "a long list hides what the message has to say"


def test_a_folder_that_is_gone(job: Job) -> None:
    shutil.rmtree(job.path)
    words = f"The folder of job {job.id} must be there, but it is gone: {job.path}."
    assert repr(job) == words
    assert job._repr_mimebundle_() == {"text/plain": words}
    for ask in (lambda: job.state, job.wait, job.stop, job.resume, job.result, job.log, lambda: job.rename("mine")):
        with pytest.raises(FileError, match=r"it is gone: .*\. Put it back, or start anew what it did\."):
            ask()
    assert not job.path.exists()


class _Notebook:
    """Below a cell: what is displayed there, one thing after the other."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def display(self, told: dict[str, str], *, raw: bool, display_id: bool) -> _Notebook:
        assert (raw, display_id, self.told) == (True, True, [])
        self.update(told, raw=True)
        return self

    def update(self, told: dict[str, str], *, raw: bool) -> None:
        assert raw
        assert "<progress" in told["text/html"]
        self.told.append(told["text/plain"])


def test_waiting_in_a_notebook_says_how_far_it_is_in_one_place(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = _Notebook()
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=None))
    monkeypatch.setattr("IPython.display.display", cell.display)
    steps = iter(
        [{"state": "queued", "message": "Waiting for 2 cores."}, {"state": "queued", "message": "Now."}, FAILED]
    )
    monkeypatch.setattr("workbench.jobs.waiting.time.sleep", lambda _: put(job, **next(steps)))
    job.wait()
    assert [line.partition(": ")[2].partition("\n")[0] for line in cell.told] == [
        "queued, 0%", "queued, Waiting for 2 cores", "queued, Now", "failed, 0%",
    ]  # fmt: skip


def test_waiting_anywhere_else_displays_nothing(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = _Notebook()
    monkeypatch.setattr("IPython.display.display", cell.display)
    put(job, **FAILED)
    job.wait()
    assert cell.told == []
