from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from workbench.errors import StateError
from workbench.jobs import Placement
from workbench.jobs.executors import EXECUTORS
from workbench.jobs.executors import dask as executor
from workbench.jobs.faults import VARIABLE
from workbench.jobs.files import TICKET, read_json
from workbench.jobs.lock import holder
from workbench.testing.executors import ExecutorContract

from .conftest import is_held, until

distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
pytestmark = pytest.mark.slow
DASK = Placement("dask")


@contextmanager
def running(monkeypatch: pytest.MonkeyPatch, workers: int) -> Iterator[None]:
    options = {"threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(n_workers=workers, **options) as made:
        monkeypatch.setenv(executor.VARIABLE, made.scheduler_address)
        yield
        client = executor._clients.pop(made.scheduler_address, None)
        if client is not None:
            client.close()


@pytest.fixture
def cluster(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A scheduler with two workers, on which jobs are held after their second case."""
    monkeypatch.setenv(VARIABLE, "progress:2:hold")
    with running(monkeypatch, 2):
        monkeypatch.delenv(VARIABLE)
        yield


class TestDask(ExecutorContract):
    name = "dask"

    @pytest.fixture
    def ready(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with running(monkeypatch, 1):
            yield


def test_a_job_goes_on_when_its_worker_dies_with_its_machine(cluster, begin):
    job = begin(DASK)
    until(lambda: is_held(job))
    assert job.state == "running"
    at_work = holder(job.path).pid
    worker = psutil.Process(at_work).ppid()
    os.kill(worker, signal.SIGKILL)
    os.kill(at_work, signal.SIGKILL)
    # the two cases that were done are not done again: there is one left, and nothing that holds it
    assert job.wait(120).state == "finished"
    assert holder(job.path) is None
    assert job.result().done == [0, 1, 2]
    ticket = read_json(job.path / TICKET)["ticket"]
    until(lambda: EXECUTORS.get("dask").state(ticket) == "ended")


def test_a_job_outlives_its_dask_worker_and_is_not_done_twice(cluster, begin):
    job = begin(DASK)
    until(lambda: is_held(job))
    at_work = holder(job.path).pid
    os.kill(psutil.Process(at_work).ppid(), signal.SIGKILL)
    ticket = read_json(job.path / TICKET)["ticket"]
    until(lambda: EXECUTORS.get("dask").state(ticket) == "running")
    assert holder(job.path).pid == at_work
    assert job.stop().wait(60).state == "stopped"
    until(lambda: EXECUTORS.get("dask").state(ticket) == "ended")


def test_more_jobs_than_workers_wait_and_can_be_stopped_before_they_begin(cluster, begin, home):
    jobs = [begin(DASK) for _ in range(2)]
    until(lambda: all(map(is_held, jobs)))
    waiting = begin(DASK)
    until(lambda: waiting.state == "queued")
    assert waiting.stop().state == "stopped"
    assert not [*(home / "out-2").glob("0*")]
    waiting.resume()
    assert waiting.state in ("created", "queued")
    for job in jobs:
        assert job.stop().wait(60).state == "stopped"
    until(lambda: is_held(waiting))
    assert waiting.state == "running"


def test_without_a_scheduler_it_is_said_what_to_do(home, begin, monkeypatch):
    monkeypatch.delenv(executor.VARIABLE, raising=False)
    with pytest.raises(StateError, match=r"needs the address of a scheduler.*dask scheduler.*WORKBENCH_DASK"):
        begin(DASK)
    monkeypatch.setattr(executor, "_CONNECT_SECONDS", 0.2)
    monkeypatch.setenv(executor.VARIABLE, "tcp://127.0.0.1:1")
    with pytest.raises(StateError, match=r"must answer at tcp://127\.0\.0\.1:1, but does not"):
        begin(DASK)
    assert not [*(home / "runs").glob("*")]
