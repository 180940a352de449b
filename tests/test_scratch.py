"""Arrays in memory and in temporary files."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from workbench import _scratch
from workbench._scratch import Scratch, room


@pytest.mark.parametrize(("memory", "spilled"), [(4 * 60, False), (4 * 60 - 1, True)])
def test_what_is_written_stays(memory, spilled):
    made = Scratch((3, 4, 5), memory)
    assert made.spilled == spilled
    assert made.array.dtype == np.float32
    assert not made.array.any()
    made.array[1, 2] = np.arange(5)
    made.release()
    made.array[1, 2] += 1
    made.release()
    assert made.array[1, 2].tolist() == [1, 2, 3, 4, 5]
    assert made.array.sum() == 15


def test_nobody_can_find_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    made = Scratch((1000,), 0)
    assert made.spilled
    if os.name == "posix":
        assert not list(tmp_path.iterdir())
    del made
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system writes zeros instead")
def test_a_full_disk_leaves_it_in_memory(monkeypatch):
    def full(*given):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    made = Scratch((1000,), 0)
    assert not made.spilled
    assert made.array.sum() == 0


def test_zeros_are_written_where_the_system_cannot_reserve_them(monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate", raising=False)
    monkeypatch.setattr(_scratch, "_ZEROS", 1000)
    made = Scratch((700,), 0)
    assert made.spilled
    made.array[-1] = 2
    assert made.array.sum() == 2


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory by kind is told by Linux alone")
def test_what_was_let_go_of_is_not_in_memory():
    made = Scratch((1 << 22,), 0)
    made.array[:] = 3
    full = _resident()
    made.release()
    assert full - _resident() > 15 << 20
    assert made.array[12345] == 3


def _resident() -> int:
    status = Path("/proc/self/status").read_text()
    return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def test_room_is_half_of_the_disk_up_to_a_limit(monkeypatch):
    monkeypatch.setattr(_scratch.shutil, "disk_usage", lambda path: type("", (), {"free": 1000})())
    assert room() == 500
    monkeypatch.setattr(_scratch.shutil, "disk_usage", lambda path: type("", (), {"free": 1 << 50})())
    assert room() == 1 << 34


def test_without_a_folder_for_files_it_is_in_memory(monkeypatch):
    def none(**given):
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "TemporaryFile", none)
    assert not Scratch((1000,), 0).spilled
