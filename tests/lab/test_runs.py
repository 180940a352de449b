"""Jobs below the server's folder: what is told of them, what is refused, and what is deleted."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import FileError, StateError
from workbench.jobs.files import write_json
from workbench.jobs.lock import JobLock
from workbench.lab import runs as module
from workbench.lab.runs import Runs
from workbench.training import Recipe, Run
from workbench.training.run import create


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the server shows, with jobs in ``study/runs``."""
    served = tmp_path / "served"
    (served / "study" / "runs").mkdir(parents=True)
    monkeypatch.setenv("WORKBENCH_RUNS", str(served / "study" / "runs"))
    return served


def made(folder: Path, state: str = "stopped", epochs: int = 10, **told: Any) -> Run:
    """A run that stands somewhere, without a worker having been there."""
    run = create(folder, Recipe(algorithm="3d-unet", epochs=epochs))
    write_json(folder / "status.json", {**asdict(run._kind.status(epochs=epochs)), "state": state, **told})
    return run


def lines(run: Run, epochs: int, steps: int = 3) -> None:
    """Losses that halve, and a Dice score that rises by 0.1 with each epoch."""
    with (run.path / "metrics.jsonl").open("a") as stream:
        for epoch in range(1, epochs + 1):
            for step in range(steps):
                stream.write(
                    json.dumps({"kind": "step", "step": (epoch - 1) * steps + step + 1, "loss": 0.5**epoch}) + "\n"
                )
            line = {
                "kind": "epoch",
                "epoch": epoch,
                "loss": 0.5**epoch,
                "val": {"loss": 1.0, "iou": 0.5, "dice": epoch / 10},
            }
            stream.write(json.dumps(line) + "\n")


def test_a_run_is_told_with_its_place_its_device_and_its_curve(root: Path) -> None:
    run = made(root / "study" / "runs" / "20260101-a", epoch=4, progress=0.4, best_epoch=4, best_score=0.4)
    lines(run, 4)
    answer = Runs(root).listed()
    (row,) = answer["rows"]
    assert (answer["more"], answer["outside"]) == (0, 0)
    assert (row["path"], row["state"], row["kind"]) == ("study/runs/20260101-a", "stopped", "Training")
    assert row["told"] == "epoch 4/10, best 0.4000 at epoch 4"
    assert (row["device"], row["can_resume"], row["can_delete"], row["has_curves"]) == ("cpu", True, True, True)
    # what is monitored, though another score comes first
    assert row["trend"] == {"name": "dice", "by": "epoch", "points": [[1, 0.1], [2, 0.2], [3, 0.3], [4, 0.4]]}
    write_json(run.path / "manifest.json", {"device": "cuda:1"})
    run.rename("with more epochs")
    (row,) = Runs(root).listed()["rows"]
    assert (row["title"], row["device"]) == ("with more epochs", "cuda:1")


def test_without_scores_the_loss_is_drawn_by_epoch_or_by_step(root: Path) -> None:
    run = made(root / "study" / "runs" / "20260101-a", epoch=1, steps_per_epoch=4)
    lines(run, 1)
    (row,) = Runs(root).listed()["rows"]
    assert row["trend"] == {"name": "loss", "by": "step", "points": [[0.25, 0.5], [0.5, 0.5], [0.75, 0.5]]}


def test_time_left_is_told_of_what_runs(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    since = {"started": 0.0, "begun": 1_000.0, "begun_with": 0.2}
    run = made(root / "study" / "runs" / "20260101-a", "running", progress=0.4, launch="x", **since)
    lock = JobLock(run.path)
    lock.acquire()
    try:
        monkeypatch.setattr("workbench.jobs.status.time.time", lambda: 1_100.0)
        (row,) = Runs(root).listed()["rows"]
        assert (row["state"], row["left"], row["can_delete"]) == ("running", "5 minutes left", False)
    finally:
        lock.release()


def test_an_old_run_that_is_under_way_is_told_of_beside_the_newest(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_JOBS", 1)
    old = made(root / "study" / "runs" / "20260101-a", "running", launch="x")
    for name in ("20260102-b", "20260103-c"):
        made(root / "study" / "runs" / name)
    lock = JobLock(old.path)
    lock.acquire()
    try:
        answer = Runs(root).listed()
    finally:
        lock.release()
    assert [row["id"] for row in answer["rows"]] == ["20260103-c", "20260101-a"]
    assert answer["more"] == 1


def test_what_has_ended_is_not_read_again_until_it_changes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(root / "study" / "runs" / "20260101-a")
    read: list[str] = []
    known = module.row_of
    monkeypatch.setattr(module, "row_of", lambda job: read.append(job.id) or known(job))
    runs = Runs(root)
    assert runs.listed() == runs.listed()
    assert read == ["20260101-a"]
    run.rename("first try")
    assert runs.listed()["rows"][0]["title"] == "first try"
    assert read == 2 * ["20260101-a"]


def test_curves_that_take_too_long_to_read_come_with_the_next_answer(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines(made(root / "study" / "runs" / "20260101-a"), 3)
    runs = Runs(root)
    monkeypatch.setattr(module, "_PATIENCE_SECONDS", -1.0)
    (row,) = runs.listed()["rows"]
    assert "trend" not in row
    monkeypatch.undo()
    monkeypatch.setenv("WORKBENCH_RUNS", str(root / "study" / "runs"))
    (row,) = runs.listed()["rows"]
    assert len(row["trend"]["points"]) == 3


def test_jobs_outside_of_the_root_are_counted_and_not_told_of(root: Path, tmp_path: Path) -> None:
    outside = made(tmp_path / "elsewhere" / "20260102-b")
    made(root / "study" / "runs" / "20260101-a")
    (root / "study" / "runs" / "20260102-b").symlink_to(outside.path)
    answer = Runs(root).listed()
    assert [row["id"] for row in answer["rows"]] == ["20260101-a"]
    assert answer["outside"] == 1
    # a folder that is named counts by itself; hidden ones are not shown
    made(root / ".hidden" / "runs" / "20260103-c")
    with pytest.raises(FileError, match="Hidden"):
        Runs(root).listed(".hidden/runs")
    assert [row["id"] for row in Runs(root, allow_hidden=True).listed(".hidden/runs")["rows"]] == ["20260103-c"]
    with pytest.raises(FileError, match="There is no folder"):
        Runs(root).listed("nothing")


ACTIONS = ["stop", "resume", "delete", "curves"]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize(
    "path",
    [
        "../elsewhere/20260102-b",
        "study/../../elsewhere/20260102-b",
        "link",
        "linked-runs/20260102-b",
        "study/runs/\0",
        "..",
        "",
    ],
)
def test_what_is_outside_is_refused_whatever_is_asked(root: Path, tmp_path: Path, action: str, path: str) -> None:
    outside = made(tmp_path / "elsewhere" / "20260102-b")
    (root / "link").symlink_to(outside.path)
    (root / "linked-runs").symlink_to(outside.path.parent)
    # the server's own folder must not be taken for a job, even if it looks like one
    (root / "job.json").write_text("{}")
    (root / "status.json").write_text("{}")
    before = sorted(one.name for one in outside.path.iterdir())
    with pytest.raises(FileError, match=r"below the server's folder|There must be a job") as refused:
        getattr(Runs(root), action)(path)
    assert str(tmp_path) not in str(refused.value)
    assert sorted(one.name for one in outside.path.iterdir()) == before
    assert root.is_dir()


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("path", ["study/runs/nothing", "study/runs", "study", "project", "/etc"])
def test_what_is_no_job_is_refused(root: Path, action: str, path: str) -> None:
    # a project with a recipe beside its data is none
    (root / "project").mkdir()
    (root / "project" / "recipe.json").write_text("{}")
    with pytest.raises(FileError, match="There must be a job"):
        getattr(Runs(root), action)(path)
    assert (root / "project" / "recipe.json").is_file()


@pytest.mark.parametrize("content", ["{", "[]", '"text"', '{"state": "stopped", "progress": "much"}', '{"state": []}'])
def test_a_broken_status_hides_nothing_and_can_be_deleted(root: Path, content: str) -> None:
    good, bad = (made(root / "study" / "runs" / name) for name in ("20260101-a", "20260102-b"))
    (bad.path / "status.json").write_text(content)
    runs = Runs(root)
    rows = runs.listed()["rows"]
    assert [row["id"] for row in rows] == ["20260102-b", "20260101-a"]
    assert (rows[0]["said"], rows[0]["can_delete"]) == ("unreadable", True)
    assert rows[0]["told"]
    runs.delete("study/runs/20260102-b")
    assert [row["id"] for row in runs.listed()["rows"]] == ["20260101-a"]
    assert good.path.is_dir()


def test_nobody_is_deleted_at_work(root: Path) -> None:
    run = made(root / "study" / "runs" / "20260101-a", "running", launch="x")
    lock = JobLock(run.path)
    lock.acquire()
    try:
        with pytest.raises(StateError, match=r"is running: process \d+ .* works on it"):
            Runs(root).delete("study/runs/20260101-a")
        (run.path / "status.json").write_text("{")
        with pytest.raises(FileError, match="must hold JSON"):
            Runs(root).delete("study/runs/20260101-a")
    finally:
        lock.release()
    assert (run.path / "recipe.json").is_file()


def test_what_a_folder_links_to_is_not_deleted_with_it(root: Path, tmp_path: Path) -> None:
    run = made(root / "study" / "runs" / "20260101-a")
    (tmp_path / "scans").mkdir()
    (tmp_path / "scans" / "a.nii").write_text("voxels")
    (run.path / "scans").symlink_to(tmp_path / "scans")
    run.delete()
    assert not run.path.exists()
    assert (tmp_path / "scans" / "a.nii").is_file()
    with pytest.raises(FileError, match="must be there, but it is gone"):
        run.delete()


def test_what_cannot_be_deleted_is_listed_still(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(root / "study" / "runs" / "20260101-a")
    (run.path / "log.txt").write_text("worked")

    def refuse(path: Path, **_: Any) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    with pytest.raises(FileError, match=r"some may not \(Permission denied\)"):
        run.delete()
    assert [row["id"] for row in Runs(root).listed()["rows"]] == ["20260101-a"]


def test_folders_of_the_machine_are_not_told(root: Path, tmp_path: Path) -> None:
    cause = f"There must be a file at {root}/ct/a.nii or {tmp_path}/scans/b.nii, or C:\\Users\\jo\\c.nii."
    made(root / "study" / "runs" / "20260101-a", "failed", cause=cause, remedy=f"Mend {root}.")
    (row,) = Runs(root).listed()["rows"]
    assert row["told"] == "There must be a file at ct/a.nii or …/b.nii, or …/c.nii."
    assert row["remedy"] == "Mend this folder."


def test_curves_are_of_training_runs(root: Path) -> None:
    run = made(root / "study" / "runs" / "20260101-a")
    lines(run, 2)
    answer = Runs(root).curves("study/runs/20260101-a")
    assert answer["path"] == "study/runs/20260101-a"
    assert answer["curves"]["metrics"]["dice"] == [[1, 0.1], [2, 0.2]]
    assert answer["curves"]["loss"] == [[1, 0.5], [2, 0.25]]
