"""A job below its cell: live, stopped and resumed by a click, and told where it cannot be read."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.jobs import Job
from workbench.jobs.faults import HELD, VARIABLE
from workbench.widgets import JobView

_PATIENCE = 120.0


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job that has done two of four cases, and stays there until it is asked to stop."""
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    monkeypatch.setenv(VARIABLE, "progress:2:hold")
    data = wb.datasets.load("phantom-xray", n=4, size=12)
    job = wb.tools.over("window", data, out=tmp_path / "out", background=True)
    monkeypatch.delenv(VARIABLE)
    until(lambda: (job.path / HELD).exists())
    yield job
    if job.path.is_dir():
        job.stop().wait(_PATIENCE)


def click(view: JobView, action: str) -> None:
    view._on_message(view, {"action": action}, [])
    view.wait(_PATIENCE)
    assert view.problem == {}


def test_a_job_is_shown_live_with_text_and_html_beside_it(held: Job) -> None:
    data, _ = held._repr_mimebundle_()
    assert sorted(data) == ["application/vnd.jupyter.widget-view+json", "text/html", "text/plain"]
    assert data["text/plain"].startswith(f"Job {held.id}: running, ")


def test_it_is_stopped_and_resumed_by_a_click_and_followed_to_its_end(held: Job) -> None:
    view = JobView(held)
    row: dict[str, Any] = {**view.row}
    assert (row["title"], row["kind"], row["said"], row["alive"]) == (
        "window on phantom-xray", "Tool over a data set", "running", True,
    )  # fmt: skip
    click(view, "stop")
    until(lambda: view.row["state"] == "stopped")
    assert (view.row["can_resume"], view.row["alive"]) == (True, False)
    until(lambda: view._watcher is not None and not view._watcher.is_alive())
    click(view, "resume")
    until(lambda: view.row["state"] == "finished")
    assert (view.row["told"], view.row["can_open"], view.row["can_resume"]) == ("4 cases done, 0 failed", False, False)
    assert json.loads(json.dumps(view.row)) == view.row
    known: dict[str, Any] = {}
    exec(view.code(), known)
    assert known["job"] == held


def test_a_job_whose_folder_is_deleted_is_told_and_followed_no_more(held: Job) -> None:
    view = JobView(held)
    held.stop().wait(_PATIENCE)
    shutil.rmtree(held.path)
    until(lambda: view._watcher is not None and not view._watcher.is_alive())
    view.refresh()
    assert (view.row["said"], view.row["alive"]) == ("unreadable", False)
    assert "must be there, but it is gone" in view.row["told"]


def test_a_view_that_is_closed_follows_no_more(held: Job) -> None:
    view = JobView(held)
    watcher = view._watcher
    assert watcher is not None
    view.close()
    watcher.join(_PATIENCE)
    assert not watcher.is_alive()
    assert held.state == "running"
