"""The evaluation of a run as a job."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import pytest

import workbench as wb
from workbench.datasets import Dataset
from workbench.errors import InputError, StateError
from workbench.jobs import Job, Placement, Resources
from workbench.jobs.files import read_json
from workbench.testing import JobContract
from workbench.training import Run, fit


@pytest.fixture(scope="module")
def run(boxes: Dataset, recipe_of: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Run:
    return fit(recipe_of(boxes, epochs=2), tmp_path_factory.mktemp("trained") / "run")


class TestEvaluation(JobContract):
    name = "evaluation"
    trained: ClassVar[Run]

    @pytest.fixture(autouse=True)
    def _trained(self, run: Run) -> None:
        type(self).trained = run

    def begin(self, folder: Path) -> Job:
        return self.trained.evaluate("train", background=True)

    def outcome(self, job: Job) -> Any:
        return job.result()


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    return tmp_path / "jobs"


def done(job: Job) -> dict[str, Any]:
    assert job.wait(120).state == "finished", f"{job!r}\n{job.log()}"
    scores: dict[str, Any] = job.result()
    return scores


def test_the_scores_are_those_of_here_and_kept_with_the_run(run: Run, jobs: Path) -> None:
    job = run.evaluate("test", 1, background=True)
    there = done(job)
    kept = read_json(run.path / "evaluation-test.json")
    assert there == kept
    here = run.evaluate("test", 1)
    assert list(here) == list(there)
    assert there == {**here, "dice": pytest.approx(here["dice"]), "dice/box": pytest.approx(here["dice/box"])}
    assert (there["split"], there["epoch"], there["samples"]) == ("test", 1, 2)
    assert job.title == f"test of {run.title}"
    assert job.needs == Resources()
    assert job.path.parent == jobs


@pytest.mark.usefixtures("jobs")
def test_it_is_placed_as_it_is_told(run: Run) -> None:
    job = run.evaluate("val", background=Placement(priority=2, needs=Resources(cores=1)))
    assert (job.priority, job.needs.cores) == (2, 1)
    assert done(job)["epoch"] == run.checkpoint().position.epoch


def test_what_is_wrong_is_refused_before_a_job_is_made(run: Run, jobs: Path) -> None:
    with pytest.raises(InputError, match="Did you mean 'test'"):
        run.evaluate("tset", background=True)
    with pytest.raises(InputError, match=r"9"):
        run.evaluate("test", 9, background=True)
    with pytest.raises(InputError, match=r"background must be True, False or a Placement, got 1"):
        run.evaluate("test", background=1)  # type: ignore[call-overload]
    assert not jobs.exists()


@pytest.mark.usefixtures("jobs")
def test_a_run_that_is_gone_is_told_with_what_to_do(run: Run, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run.path, tmp_path / "copy"))
    job = copy.evaluate("test", background=True)
    done(job)
    shutil.move(copy.path, tmp_path / "elsewhere")
    status = json.loads((job.path / "status.json").read_text())
    (job.path / "status.json").write_text(json.dumps(status | {"state": "stopped"}))
    with pytest.raises(wb.WorkbenchError, match=r"A run folder must hold recipe\.json"):
        job.resume()
    with pytest.raises(StateError, match="has no result yet"):
        job.result()
