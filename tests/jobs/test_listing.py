"""All jobs as a table, whatever becomes of their kinds; what is the same for all of them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.errors import FileError, InputError, StateError
from workbench.jobs import Job, JobKind, Resources, Status, begin
from workbench.jobs.beginning import laying_out
from workbench.jobs.files import write_json
from workbench.jobs.kind import KINDS
from workbench.jobs.worker import work
from workbench.testing import JobKindContract
from workbench.training import Recipe
from workbench.training.run import create


class Counting(JobKind):
    """Count to what ``count.json`` says."""

    name, title = "counting", "Counting"

    def run(self, folder: Path, doing: Any) -> str:
        goal = json.loads((folder / "count.json").read_text())
        if goal < 0:
            raise InputError(f"count must be at least 0, got {goal}.")
        for number in range(goal):
            doing.work.tell(number / goal, f"{number} of {goal}")
        return "finished" if goal < 100 else "done"

    def result(self, folder: Path) -> int:
        return int(json.loads((folder / "count.json").read_text()))


@pytest.fixture
def counting(plug_ins: Any) -> JobKind:
    plug_ins(KINDS, counting=Counting)
    return KINDS.get("counting")


def made(folder: Path, kind: JobKind, goal: int = 3, needs: Resources | None = None) -> Job:
    with laying_out(folder, kind, Status(), needs or Resources()):
        write_json(folder / "count.json", goal)
    return wb.jobs(folder.parent)[folder.name]


class TestCounting(JobKindContract):
    name = "counting"

    @pytest.fixture(autouse=True)
    def brought(self, counting: JobKind) -> None:
        """A package brings it."""


def test_jobs_of_every_kind_newest_first(counting: JobKind, tmp_path: Path) -> None:
    run = create(tmp_path / "20260102-a", Recipe(algorithm="3d-unet"))
    job = made(tmp_path / "20260103-b", counting)
    assert work(job.path) == "finished"
    (tmp_path / "20260104-c").mkdir()
    assert wb.jobs(tmp_path) == [job, run]
    assert [type(one).__name__ for one in wb.jobs(tmp_path)] == ["Job", "Run"]
    assert wb.jobs(tmp_path, kind="counting") == [job]
    assert wb.runs(tmp_path) == [run]
    assert wb.jobs(tmp_path)[1:] == [run]
    lines = repr(wb.jobs(tmp_path)).splitlines()
    assert lines[1].split() == ["20260103-b", "counting", "Counting", "finished", "100%"]
    assert lines[2].split() == [
        "20260102-a", "training", "3d-unet", "on", "data", "in", "memory", "starting", "epoch", "0/10",
    ]  # fmt: skip
    assert ">100%</td>" in wb.jobs(tmp_path)._repr_html_()
    assert (job.result(), repr(job)) == (3, "Job 20260103-b: finished, 100%")
    assert repr(wb.jobs(tmp_path)[:0]) == "No jobs."


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"There is no folder .*nothing\..*wb\.jobs\(\)\[\"nothing\"\]"):
        wb.jobs(tmp_path / "nothing")
    with pytest.raises(InputError, match=r"Unknown kind of job 'tol'\. Did you mean 'tool'"):
        wb.jobs(tmp_path, kind="tol")
    with pytest.raises(InputError, match=r"wb\.jobs\(\) got an unknown option 'foldr'\. Did you mean 'folder'"):
        wb.jobs(foldr=tmp_path)
    with pytest.raises(InputError, match=r"Unknown job 'first'\."):
        wb.jobs(tmp_path)["first"]
    with pytest.raises(FileError, match=r"A job folder must hold job\.json; .* does not\. `wb\.jobs\(folder\)`"):
        Job(tmp_path)


def test_a_kind_that_is_gone_hides_nothing(counting: JobKind, plug_ins: Any, tmp_path: Path) -> None:
    job = made(tmp_path / "20260103-b", counting)
    work(job.path)
    KINDS.reset()
    plug_ins(KINDS)
    (left,) = wb.jobs(tmp_path)
    assert (left.state, left.kind) == ("finished", "unknown")
    assert repr(wb.jobs(tmp_path)).splitlines()[1].split()[:2] == ["20260103-b", "counting"]
    for ask in (left.result, lambda: left._start({})):
        with pytest.raises(InputError, match="Unknown kind of job 'counting'"):
            ask()
    assert work(left.path) == "failed"
    assert "Unknown kind of job 'counting'" in left.status["cause"]


def test_a_kind_that_is_broken_hides_nothing(plug_ins: Any, counting: JobKind, tmp_path: Path) -> None:
    job = made(tmp_path / "20260103-b", counting)
    plug_ins(KINDS, counting=ImportError("no module of theirs"))
    run = create(tmp_path / "20260102-a", Recipe(algorithm="3d-unet"))
    assert wb.jobs(tmp_path) == [job, run]
    with pytest.raises(StateError, match=r"The kind of job plug-in 'counting' .*no module of theirs\. Update or un"):
        wb.jobs(tmp_path)[job.id].result() if work(job.path) == "finished" else Job(job.path)._kind.result(job.path)


@pytest.mark.parametrize(
    ("note", "words"),
    [("{", "must hold JSON"), ('{"schema": 2, "kind": "counting"}', "must be of schema 1, got 2"), ("[]", "got None")],
)
def test_a_damaged_or_newer_folder_is_told_in_its_row(counting: JobKind, tmp_path: Path, note: str, words: str) -> None:
    job = made(tmp_path / "20260103-b", counting)
    (job.path / "job.json").write_text(note)
    (left,) = wb.jobs(tmp_path)
    with pytest.raises(FileError, match=words):
        left._start({})
    (job.path / "status.json").write_text("{")
    assert "damaged" in repr(wb.jobs(tmp_path))


def test_what_fails_is_told_in_general_words(counting: JobKind, tmp_path: Path, capsys: Any) -> None:
    job = made(tmp_path / "a", counting, -1)
    assert work(job.path) == "failed"
    assert job.status["cause"] == "count must be at least 0, got -1."
    assert (job.status["message"], job.status["remedy"]) == (
        "The job failed.", "Correct the value that is named, and start again.",
    )  # fmt: skip
    with pytest.raises(StateError, match=r"Job a is failed, and has no result yet\. count must be at least 0"):
        job.result()
    job = made(tmp_path / "b", counting, 100)
    assert work(job.path) == "failed"
    assert "must be 'finished' or 'stopped', got 'done'. Mend the kind." in job.status["cause"]
    assert "Traceback" in capsys.readouterr().err


def test_what_asked_to_stop_is_heard_at_the_next_step(counting: JobKind, tmp_path: Path) -> None:
    job = made(tmp_path / "a", counting, 4)
    asked = iter([False, False, *[True] * 9])
    assert work(job.path, asked_to_stop=lambda: next(asked)) == "stopped"
    assert (job.status["progress"], job.status["message"]) == (0.25, "Stopped; resume() goes on from here.")
    job.stop()
    assert not (job.path / "control.json").exists(), "nothing happens to a job that has ended"


def test_an_unknown_keyword_names_the_nearest(counting: JobKind, tmp_path: Path) -> None:
    job = made(tmp_path / "a", counting)
    with pytest.raises(InputError, match=r"job\.wait\(\) got an unknown option 'timout'\. Did you mean 'timeout'"):
        job.wait(timout=1)
    with pytest.raises(InputError, match=r"The name of a job is one line of at most 80 characters, got 3\."):
        job.rename(3)


def test_a_queued_job_is_neither_lost_nor_ended(counting: JobKind, tmp_path: Path) -> None:
    job = made(tmp_path / "a", counting)
    write_json(job.path / "status.json", {"state": "queued", "updated": 0.0, "launch": ""})
    assert job.state == "queued"
    with pytest.raises(StateError, match=r"Job a is queued, and has no result yet\. wait\(\) for it\."):
        job.result()
    with pytest.raises(StateError, match="is still queued after 0 s"):
        job.wait(timeout=0)


def test_a_kind_of_a_cell_is_refused_at_once(tmp_path: Path) -> None:
    words = r"The kind of job 'counting' must be one that every process finds.*entry point 'workbench\.jobs'"
    with pytest.raises(InputError, match=words):
        made(tmp_path / "a", Counting())
    KINDS.register(Counting)
    try:
        with pytest.raises(InputError, match=words):
            begin(KINDS.get("counting"), lambda folder: None, folder=tmp_path)
    finally:
        KINDS.reset()
    assert not [*tmp_path.iterdir()]


def test_a_folder_is_made_once(counting: JobKind, tmp_path: Path) -> None:
    made(tmp_path / "a", counting)
    with pytest.raises(FileError, match=r"A job folder must be new and writable.*folder=, or set WORKBENCH_RUNS"):
        made(tmp_path / "a", counting)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cores": 0}, r"Resources: cores must be a whole number, at least 1, got 0\."),
        ({"cores": 1.5}, r"Resources: cores must be a whole number"),
        ({"memory": -1}, r"Resources: memory must be a whole number of bytes, at least 1, got -1\."),
        ({"gpus": None}, r"Resources: gpus must be a whole number, at least 0, got None\."),
        ({"gpu_memory": "2 GB"}, r"Resources: gpu_memory must be a whole number of bytes"),
    ],
)
def test_resources_are_checked(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Resources(**given)


def test_resources_are_kept(counting: JobKind, tmp_path: Path) -> None:
    needs = Resources(cores=2, memory=2**30, gpus=1, gpu_memory=2**34)
    assert made(tmp_path / "a", counting, needs=needs).needs == needs
    assert Resources.from_json(dataclasses.asdict(needs) | {"of_tomorrow": 1}) == needs
    assert Resources.from_json(None) == Resources()


def test_the_room_can_be_called_and_is_the_package() -> None:
    import workbench.jobs

    assert wb.jobs is workbench.jobs
    assert wb.jobs.Job is Job
    assert "jobs" in dir(wb)


def test_what_cannot_be_laid_out_leaves_nothing(counting: JobKind, tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "picture.npz").write_bytes(b"a patient")
        raise InputError("It cannot be saved.")

    with pytest.raises(InputError, match="It cannot be saved"):
        begin(counting, fail, folder=tmp_path / "jobs")
    assert list((tmp_path / "jobs").iterdir()) == []
