"""The jobs panel: every kind is listed, followed while it lives, stopped, resumed, and its result opened."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.explain import Explanation
from workbench.jobs import Job
from workbench.jobs.faults import HELD, VARIABLE
from workbench.widgets.desk import Desk
from workbench.widgets.jobs_panel import JobsPanel

_PATIENCE = 120.0


@pytest.fixture(autouse=True)
def _jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while not true():
        assert time.monotonic() < deadline, "it takes too long"
        time.sleep(0.02)


def window(tmp_path: Path, n: int = 4) -> Job:
    data = wb.datasets.load("phantom-xray", n=n, size=12)
    return wb.tools.over("window", data, out=tmp_path / "out", background=True)


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Job]:
    """A job that is half through, and stays there until it is asked to stop."""
    monkeypatch.setenv(VARIABLE, "progress:2:hold")
    job = window(tmp_path)
    monkeypatch.delenv(VARIABLE)
    until(lambda: (job.path / HELD).exists())
    yield job
    job.stop().wait(_PATIENCE)


def row(panel: JobsPanel, job: Job) -> dict[str, Any]:
    (found,) = [one for one in panel.rows if one["id"] == job.id]
    return found  # type: ignore[no-any-return]


def test_nothing_is_listed_and_nothing_is_asked_for_where_there_is_nothing() -> None:
    panel = JobsPanel()
    assert (panel.rows, panel.more, panel.note, panel._watcher) == ([], 0, "", None)
    with pytest.raises(InputError, match="Unknown job 'some job'"):
        panel.open_result("some job")


def test_a_job_is_stopped_and_resumed_by_a_click_and_followed_to_its_end(held: Job) -> None:
    panel = JobsPanel()
    told = row(panel, held)
    assert told["title"] == "window on phantom-xray"
    assert (told["kind"], told["state"], told["alive"], told["can_open"]) == (
        "Tool over a data set", "running", True, False,
    )  # fmt: skip
    assert 0 <= told["progress"] < 1
    assert panel.note == "1 under way"
    panel._on_message(panel, {"action": "stop", "job": held.id}, [])
    until(lambda: row(panel, held)["state"] == "stopped")
    until(lambda: panel._watcher is None)
    told = row(panel, held)
    assert (told["alive"], told["can_resume"], panel.note) == (False, True, "")
    panel._on_message(panel, {"action": "resume", "job": held.id}, [])
    panel.wait(_PATIENCE)
    assert panel.problem == {}
    until(lambda: row(panel, held)["state"] == "finished")
    told = row(panel, held)
    assert (told["told"], told["can_open"], told["can_resume"]) == ("4 cases done, 0 failed", True, False)
    assert json.loads(json.dumps(panel.rows)) == panel.rows


def test_what_is_started_in_a_cell_appears_at_once_and_its_report_is_shown(tmp_path: Path) -> None:
    panel = JobsPanel()
    job = window(tmp_path)
    assert [one["id"] for one in panel.rows] == [job.id]
    until(lambda: row(panel, job)["state"] == "finished")
    report = panel.open_result(job.id)
    assert report.done == [0, 1, 2, 3]
    assert panel.result == {
        "title": "window on phantom-xray: 4 cases done, 0 failed", "head": [], "rows": [], "more": 0,
    }  # fmt: skip


def test_a_job_that_cannot_be_opened_says_why(held: Job) -> None:
    panel = JobsPanel()
    with pytest.raises(StateError, match=r"has no result yet\. wait\(\) for it"):
        panel.open_result(held.id)
    assert "has no result yet" in panel.problem["cause"]


@pytest.fixture
def app() -> wb.App:
    app = wb.App("phantom-xray", n=2, size=16, task="segmentation")
    app.model.algorithm = "2d-unet"
    app.model.options = {"width": 4, "depth": 2}
    app.explain.method = "saliency"
    return app


def test_a_map_in_the_background_is_laid_over_the_image_it_is_of(app: wb.App) -> None:
    app.explain._on_message(app.explain, {"action": "begin"}, [])
    app.explain.wait(_PATIENCE)
    assert app.explain.problem == {}
    assert app.explain.begun == "Saliency goes on in the background."
    (job,) = wb.jobs(kind="explanation")
    until(lambda: row(app.jobs, job)["state"] == "finished")
    why = app.jobs.open_result(job.id)
    assert isinstance(why, Explanation)
    assert (app.explain.explanation, app.jobs.result) == (why, {})
    assert [one["label"] for one in app.explain.maps] == [f"Saliency: {why.target.name}"]
    assert app.viewer.layers[1].name == f"Saliency: {why.target.name}"
    known: dict[str, Any] = {}
    exec(app.code(), known)
    assert np.array_equal(known["why"].data, why.data)
    here = app.explain.run("saliency")
    assert app.explain.begun == "", "it is told until the next click"
    np.testing.assert_allclose(here.data, why.data, rtol=1e-4, atol=1e-7)
    assert {one["label"].partition(" (")[2] for one in app.explain.maps} == {
        "2d-unet, in the background)", f"{app.desk.choice.algorithm}, {app.desk.choice.told()})",
    }  # fmt: skip
    app.data.select(1, "all")
    with pytest.raises(StateError, match="This map is of another image than the one that is looked at"):
        app.jobs.open_result(job.id)
    assert app.explain.maps == []


def test_a_run_is_shown_in_the_panel_for_training_and_its_scores_here(app: wb.App) -> None:
    run = wb.train("2d-unet", app.desk.case.dataset, epochs=1, width=4, depth=2, splits={"train": [0], "test": [1]})
    assert run.wait(_PATIENCE).state == "finished", run.log()
    app.jobs.refresh()
    assert row(app.jobs, run)["can_open"] is True
    assert app.jobs.open_result(run.id) == run
    assert app.train.run == run
    scores = run.evaluate(background=True).wait(_PATIENCE)
    app.jobs.refresh()
    # NaN of a class that is in no picture is equal to nothing, itself included
    assert repr(app.jobs.open_result(scores.id)) == repr(scores.result())
    assert app.jobs.result["head"] == ["name", "value"]
    assert ["samples", "1"] in app.jobs.result["rows"]
    app.data.select(1, "all")
    assert app.jobs.result == {}, "what was opened is put away with the case"


def test_what_cannot_be_read_is_told_and_hides_nothing(tmp_path: Path) -> None:
    panel = JobsPanel()
    job = window(tmp_path)
    job.wait(_PATIENCE)
    (job.path / "status.json").write_text("{")
    panel.refresh()
    told = row(panel, job)
    assert (told["said"], told["alive"], told["can_open"]) == ("unreadable", False, False)
    assert "status.json" in told["told"]


def test_jobs_of_the_folder_of_the_desk_are_listed_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = window(tmp_path).wait(_PATIENCE)
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "others"))
    other = window(tmp_path / "b").wait(_PATIENCE)
    panel = JobsPanel(Desk(tmp_path / "jobs"))
    assert {one["id"] for one in panel.rows} == {first.id, other.id}
    assert len(JobsPanel(Desk(tmp_path / "not yet")).rows) == 1


def test_a_panel_that_is_closed_follows_no_job(held: Job) -> None:
    panel = JobsPanel()
    watcher = panel._watcher
    assert watcher is not None
    panel.close()
    watcher.join(_PATIENCE)
    assert not watcher.is_alive()
    assert held.state == "running"
