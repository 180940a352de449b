"""What a worker is started with."""

import os
from pathlib import Path

import pytest

from workbench.training.launch import worker_environment
from workbench.training.recipe import Recipe
from workbench.training.threads import available_cores

RECIPE = Recipe(algorithm="3d-unet", data={"kind": "phantom-ct"})


def test_threads_are_as_many_as_asked_for_and_sleep_while_they_wait(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    made = worker_environment(RECIPE)
    assert (made["OMP_NUM_THREADS"], made["OMP_WAIT_POLICY"]) == (str(available_cores()), "PASSIVE")
    assert worker_environment(RECIPE.model_copy(update={"num_threads": 3}))["OMP_NUM_THREADS"] == "3"


def test_who_set_the_policy_keeps_it(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    assert worker_environment(RECIPE)["OMP_WAIT_POLICY"] == "ACTIVE"


@pytest.mark.parametrize("before", [None, "elsewhere"])
def test_the_worker_finds_the_package_it_was_started_from(monkeypatch, before):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    if before:
        monkeypatch.setenv("PYTHONPATH", before)
    first, *rest = worker_environment(RECIPE)["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "workbench").is_dir()
    assert rest == ([before] if before else [])
