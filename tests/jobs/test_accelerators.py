"""How many accelerators there are, by the marks that drivers leave."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from workbench.jobs import accelerators
from workbench.jobs.accelerators import count_accelerators

MARKS = {
    "nvidia": ["dev/nvidia0", "dev/nvidia1", "dev/nvidiactl", "dev/nvidia-uvm"],
    "nvidia, asleep": ["proc/driver/nvidia/gpus/0000:3b:00.0/information"],
    "ascend": ["dev/davinci0", "dev/davinci1", "dev/davinci2", "dev/davinci_manager"],
    "amd": [f"sys/class/kfd/kfd/topology/nodes/{node}/properties" for node in range(3)],
    "nothing": ["dev/null", "proc/cpuinfo"],
}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make this a machine with the marks of some cards."""
    for name in [name for names in accelerators._VISIBLE.values() for name in names]:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(accelerators.platform, "system", lambda: "Linux")

    def make(*kinds: str) -> None:
        for number, mark in enumerate(mark for kind in kinds for mark in MARKS[kind]):
            (tmp_path / mark).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / mark).write_text(f"cpu_cores_count 8\nsimd_count {0 if number == 0 else 120}\n")
        count = accelerators._cards.__wrapped__
        monkeypatch.setattr(accelerators, "_cards", lambda: count(tmp_path))

    return make


@pytest.mark.parametrize(
    ("kinds", "number"),
    [
        (["nvidia"], 2), (["nvidia, asleep"], 1), (["nvidia", "nvidia, asleep"], 2), (["ascend"], 3), (["amd"], 2),
        (["nvidia", "ascend"], 5), (["nothing"], None),
    ],
)  # fmt: skip
def test_cards_are_counted_by_the_marks_of_their_drivers(machine: Any, kinds: list[str], number: int | None) -> None:
    machine(*kinds)
    assert count_accelerators() == number


@pytest.mark.parametrize(
    ("listed", "number"),
    [("0", 1), ("1,0", 2), ("GPU-8a,GPU-9b,GPU-7c", 2), ("0,-1,1", 1), ("", None), ("-1", None)],
)
def test_those_that_are_hidden_do_not_count(
    machine: Any, monkeypatch: pytest.MonkeyPatch, listed: str, number: int | None
) -> None:
    machine("nvidia")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", listed)
    assert count_accelerators() == number


def test_an_apple_has_one(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    machine("nothing")
    monkeypatch.setattr(accelerators.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(accelerators.platform, "machine", lambda: "arm64")
    assert count_accelerators() == 1


@pytest.mark.skipif(os.name == "nt", reason="a program is a shell script here")
@pytest.mark.parametrize(("said", "number"), [("GPU 0: One (UUID: a)\\nGPU 1: Two (UUID: b)", 2), ("no devices", 0)])
def test_where_there_are_no_marks_the_driver_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, number: int
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\nprintf '{said}\\n'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert accelerators._told_by_smi(Path("/")) == number
    program.write_text("#!/bin/sh\nexit 9\n")
    assert accelerators._told_by_smi(Path("/")) == 0
