from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from workbench.errors import InputError, StateError
from workbench.jobs import Resources
from workbench.jobs.executors import _limits as limits
from workbench.jobs.executors._limits import Limits

GB = 10**9


@pytest.fixture
def set_jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("WORKBENCH_CONFIG", str(tmp_path))

    def put(value: Any) -> None:
        (tmp_path / "settings.json").write_text(json.dumps({"jobs": value}), encoding="utf-8")

    return put


def test_what_the_settings_do_not_say_is_the_machines_own(set_jobs: Any) -> None:
    plain = Limits.here()
    set_jobs({"at_once": 3})
    some = Limits.here()
    assert (some.at_once, some.cores, some.memory) == (3, plain.cores, plain.memory)
    set_jobs({"cores": 7, "memory": GB, "gpus": 1})
    assert Limits.here() == Limits(cores=7, memory=GB, gpus=1)


def test_accelerators_are_those_that_are_found_unless_the_settings_say_otherwise(
    set_jobs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "count_accelerators", lambda: 2)
    assert Limits.here().gpus == 2
    assert (
        Limits.here().hinders(Resources(cores=1, gpus=1), [Resources(cores=1, gpus=2)]).startswith("1 accelerator, of")
    )
    with pytest.raises(StateError, match=r"may take gpus=2 together, got one that needs 3\. Ask for less, or raise"):
        Limits.here().check(Resources(gpus=3))
    set_jobs({"gpus": 1})
    assert Limits.here().gpus == 1
    set_jobs({})
    monkeypatch.setattr(limits, "count_accelerators", lambda: None)
    Limits.here().check(Resources(gpus=3))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"core": 2}, "Did you mean 'cores'"),
        ({"cores": 0}, "cores must be a whole number, at least 1, got 0"),
        ({"memory": "much"}, "memory must be a whole number of bytes, at least 1, got 'much'"),
        ([2], "must be an object such as"),
    ],
)
def test_settings_that_break_a_rule(set_jobs: Any, given: Any, told: str) -> None:
    set_jobs(given)
    with pytest.raises(InputError, match=told):
        Limits.here()


def test_a_job_gets_the_cores_it_asks_for_as_far_as_there_are_as_many() -> None:
    limits = Limits(cores=4, memory=GB)
    assert [limits.cores_of(Resources(cores=n)) for n in (None, 1, 4, 9)] == [4, 1, 4, 4]


@pytest.mark.parametrize(
    ("wanted", "working", "hindrance"),
    [
        (2, [], ""),
        (2, [2], ""),
        (2, [3], "2 cores, of which 1 are free"),
        (None, [1], ""),
        (None, [1, 1], "4 cores, of which 2 are free"),
        (1, [4], ""),
        (1, [4, 1], "1 core, of which 0 are free"),
        (1, [1, 1, 1], ""),
        (1, [1, 1, 1, 1], "1 core, of which 0 are free"),
    ],
)
def test_cores_and_one_short_job_beside(wanted: int | None, working: list[int], hindrance: str) -> None:
    limits = Limits(cores=4, memory=GB)
    assert limits.hinders(Resources(cores=wanted), [Resources(cores=n) for n in working]) == hindrance


def test_with_a_single_core_nobody_is_short() -> None:
    limits = Limits(cores=1, memory=GB)
    assert not limits.is_short(Resources(cores=1))
    assert limits.hinders(Resources(cores=1), [Resources()]) == "1 core, of which 0 are free"


def test_memory_accelerators_and_number() -> None:
    limits = Limits(cores=8, memory=10 * GB, gpus=2, at_once=3)
    half = Resources(cores=2, memory=5 * GB, gpus=1)
    assert limits.hinders(half, [half]) == ""
    assert limits.hinders(Resources(cores=2, memory=GB), [half, half]) == "1 GB of memory, of which 0 bytes are free"
    assert (
        limits.hinders(Resources(cores=2, gpus=1), [Resources(cores=2, gpus=2)]) == "1 accelerator, of which 0 are free"
    )
    assert limits.hinders(Resources(cores=1), [Resources(cores=1)] * 3) == "no more than 3 jobs at a time"


def test_what_could_never_begin_is_refused() -> None:
    limits = Limits(cores=2, memory=GB, gpus=0)
    limits.check(Resources(cores=64, memory=GB))
    with pytest.raises(StateError, match=r"may take memory=1 GB together, got one that needs 2 GB.*settings\.json"):
        limits.check(Resources(memory=2 * GB))
    with pytest.raises(StateError, match=r"gpus=0 together, got one that needs 1"):
        limits.check(Resources(gpus=1))
