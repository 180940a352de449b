"""What a worker is started with."""

import os
from pathlib import Path

import pytest

from workbench.frameworks._environment import BRIEF_SPINNING
from workbench.jobs.threads import available_cores
from workbench.training.needs import worker_environment
from workbench.training.recipe import Recipe

RECIPE = Recipe(algorithm="3d-unet", data={"kind": "phantom-ct"})


def test_threads_are_as_many_as_asked_for_and_do_not_spin_for_long(monkeypatch):
    for name in ("OMP_WAIT_POLICY", *BRIEF_SPINNING):
        monkeypatch.delenv(name, raising=False)
    made = worker_environment(RECIPE)
    assert (made["OMP_NUM_THREADS"], made["GOMP_SPINCOUNT"]) == (str(available_cores()), "10000")
    assert worker_environment(RECIPE.model_copy(update={"num_threads": 3}))["OMP_NUM_THREADS"] == "3"


def test_who_said_how_threads_wait_is_heard(monkeypatch):
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    assert worker_environment(RECIPE)["GOMP_SPINCOUNT"] == "7"
    monkeypatch.delenv("GOMP_SPINCOUNT")
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert "GOMP_SPINCOUNT" not in worker_environment(RECIPE)


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_the_worker_finds_the_package_it_was_started_from(monkeypatch, before):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before:
        monkeypatch.setenv("PYTHONPATH", before)
    first, *rest = worker_environment(RECIPE)["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "workbench").is_dir()
    assert rest == ([before] if before else [])
