"""How long a job still takes: what it waited, and how long it was stopped, is no part of it."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path

import pytest

from workbench.jobs.status import Status, StatusWriter, time_left

NOON = 43_200.0


def test_a_pause_is_no_work() -> None:
    # started at midnight and stopped half done; resumed at noon, it did another quarter in 100 s
    status = asdict(Status(started=0.0, progress=0.75, begun=NOON, begun_with=0.5))
    assert time_left(status, NOON + 100) == "1.7 minutes left"
    assert time_left(status | {"progress": 0.5}, NOON + 100) == ""
    assert time_left(status | {"progress": 1.0}, NOON + 100) == ""
    assert time_left(asdict(Status(started=0.0, progress=1.0, begun=NOON, begun_with=1.0)), NOON + 100) == ""


def test_a_status_of_an_older_version_tells_by_its_start() -> None:
    assert time_left({"started": 0.0, "progress": 0.25}, 100.0) == "5 minutes left"


def test_what_goes_back_behind_its_beginning_begins_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = StatusWriter(tmp_path)
    writer.update(force=True, progress=0.6, begun=1_000.0, begun_with=0.6)
    monkeypatch.setattr(time, "time", lambda: 2_000.0)
    writer.update(progress=0.4)
    assert (writer.status.begun, writer.status.begun_with) == (2_000.0, 0.4)
    writer.update(progress=0.5)
    writer.update(state="stopped")
    assert (writer.status.begun, writer.status.begun_with) == (2_000.0, 0.4)
