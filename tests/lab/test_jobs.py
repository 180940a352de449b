from __future__ import annotations

import logging
from pathlib import Path

from workbench import lab
from workbench.errors import FileError
from workbench.jobs.executors import local
from workbench.jobs.files import write_json
from workbench.training import Recipe
from workbench.training.run import create


def test_what_was_waiting_goes_on_when_the_server_starts(monkeypatch, caplog) -> None:
    monkeypatch.setattr("workbench.jobs.executors.local.revive", lambda: [Path("runs/one")])
    with caplog.at_level(logging.INFO):
        lab._go_on_with_jobs(logging.getLogger("server"))
    assert "job one goes on" in caplog.text


def test_a_server_starts_all_the_same(monkeypatch, caplog) -> None:
    def revive() -> list[Path]:
        raise FileError("The settings must be readable JSON.")

    monkeypatch.setattr("workbench.jobs.executors.local.revive", revive)
    with caplog.at_level(logging.INFO):
        lab._go_on_with_jobs(logging.getLogger("server"))
    assert "not started again. The settings must be readable JSON." in caplog.text


def test_a_damaged_job_keeps_no_other_from_going_on(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path))
    submitted: list[str] = []
    monkeypatch.setattr(local.Local, "submit", lambda _self, folder, *_: submitted.append(folder.name))
    for name in ("20260101-a", "20260102-b", "20260103-c", "20260104-d"):
        run = create(tmp_path / name, Recipe(algorithm="3d-unet"))
        write_json(run.path / "status.json", {"state": "queued"})
    (tmp_path / "20260101-a" / "status.json").write_text('["queued"]')
    (tmp_path / "20260102-b" / "launch.json").write_text('{"id": "of no time"}')
    (tmp_path / "20260103-c" / "lock.json").write_text('{"pid": 1}')
    assert [folder.name for folder in local.revive()] == submitted == ["20260104-d"]
