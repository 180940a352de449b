from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import workbench as wb
from workbench.jobs import Job, Placement
from workbench.jobs.faults import HELD, VARIABLE
from workbench.jobs.status import ENDED


def until(what: Callable[[], Any], seconds: float = 60.0) -> None:
    """Wait for something that will be, and fail if it is not."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def is_held(job: Job) -> bool:
    """Tell whether a job has come to the point where a fault keeps it."""
    return (job.path / HELD).exists()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine of two cores that nobody else uses."""
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path / "config"))
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "settings.json").write_text(json.dumps({"jobs": {"cores": 2}}), encoding="utf-8")
    return tmp_path


@pytest.fixture
def begin(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Job]]:
    """Start jobs of a moment: a tool over three pictures. `held` keeps one after so many, until it is asked to stop."""
    data = wb.datasets.load("phantom-xray", n=3, size=16)
    jobs: list[Job] = []

    def start(placement: Placement, *, held: int = 0) -> Job:
        with monkeypatch.context() as patched:
            if held:
                patched.setenv(VARIABLE, f"progress:{held}:hold")
            jobs.append(wb.tools.over("window", data, out=home / f"out-{len(jobs)}", background=placement))
        return jobs[-1]

    yield start
    for job in jobs:
        if job.state not in ENDED:
            job.stop().wait(60)
