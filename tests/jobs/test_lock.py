import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, replace

import pytest

from workbench.errors import StateError
from workbench.jobs.files import LOCK, write_json
from workbench.jobs.lock import JobLock, Owner, holder

HOLD = """
import sys, time
from pathlib import Path
from workbench.jobs.lock import JobLock
lock = JobLock(Path(sys.argv[1])); lock.acquire(); print("held", flush=True); time.sleep(60)
"""


@pytest.fixture
def other(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def test_only_one_process_may_hold_it_and_the_other_is_told_the_pid(tmp_path, other):
    assert holder(tmp_path).pid == other.pid
    with pytest.raises(StateError, match=str(other.pid)):
        JobLock(tmp_path).acquire()
    assert holder(tmp_path).pid == other.pid


def test_a_killed_process_does_not_block_the_next_even_as_a_zombie(tmp_path, other):
    os.kill(other.pid, signal.SIGKILL)
    deadline = time.monotonic() + 5
    while holder(tmp_path) is not None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    lock = JobLock(tmp_path)
    lock.acquire()
    assert holder(tmp_path).pid == os.getpid()
    lock.release()
    assert holder(tmp_path) is None


@pytest.mark.parametrize("change", [{"start": 1.0}, {"boot": "an earlier boot"}], ids=["pid reused", "rebooted"])
def test_a_pid_alone_proves_nothing(tmp_path, change):
    me = Owner.of(os.getpid())
    write_json(tmp_path / LOCK, asdict(me))
    assert holder(tmp_path) == me
    write_json(tmp_path / LOCK, asdict(replace(me, **change)))
    assert holder(tmp_path) is None
    lock = JobLock(tmp_path)
    lock.acquire()
    lock.release()


def test_a_worker_on_another_machine_lives_as_long_as_its_heart_beats(tmp_path):
    write_json(tmp_path / LOCK, asdict(Owner("elsewhere", "", 1, 1.0)))
    with pytest.raises(StateError, match="process 1 on elsewhere"):
        JobLock(tmp_path).acquire()
    past = time.time() - 3600
    os.utime(tmp_path / LOCK, (past, past))
    lock = JobLock(tmp_path)
    lock.acquire()
    lock.release()


def test_the_heart_beats(tmp_path, monkeypatch):
    monkeypatch.setattr("workbench.jobs.lock.HEARTBEAT_SECONDS", 0.02)
    lock = JobLock(tmp_path)
    lock.acquire()
    os.utime(tmp_path / LOCK, (0, 0))
    deadline = time.monotonic() + 5
    while (tmp_path / LOCK).stat().st_mtime == 0:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    lock.release()
