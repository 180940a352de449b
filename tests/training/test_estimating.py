"""What a run would take, from a few steps that are really made."""

import json
import subprocess
import sys

import numpy as np
import pytest

from workbench import datasets
from workbench.errors import Cancelled, InputError, StateError
from workbench.training import Recipe, estimate
from workbench.training.estimating import _conclude

RECIPE = Recipe(algorithm="3d-unet", epochs=10, batch_size=4, splits={"train": list(range(10))})


def step(cases, seconds, peak):
    return {"cases": cases, "seconds": seconds, "peak": peak}


def test_time_and_memory_lie_on_the_line_through_two_steps():
    made = [step(1, 9.0, 90), step(1, 2.0, 100), step(2, 3.0, 150), step(2, 3.5, 160)]
    found = _conclude(made, RECIPE)
    assert (found.steps, found.batch_size) == (30, 4)
    assert found.seconds == pytest.approx(30 * (2.0 + 3 * 1.0))
    assert found.memory == 100 + 3 * 60
    assert "2 s for a step of 1 and 3 s for a step of 2, measured on this machine" in found.measured


def test_a_step_takes_no_more_cases_than_there_are():
    found = _conclude([step(1, 1.0, 100), step(2, 1.5, 120)], RECIPE.model_copy(update={"batch_size": 10_000}))
    assert (found.steps, found.batch_size) == (10, 10)
    assert found.seconds == pytest.approx(10 * (1.0 + 9 * 0.5))


def test_one_step_alone_is_taken_for_each_case():
    found = _conclude([step(1, 40.0, 100)], RECIPE)
    assert found.seconds == pytest.approx(30 * 4 * 40.0)


def test_networks_that_cannot_train_on_one_case_are_measured_on_two_and_four():
    found = _conclude([step(2, 2.0, 100), step(4, 3.0, 140)], RECIPE.model_copy(update={"batch_size": 8}))
    assert found.seconds == pytest.approx(20 * (2.0 + 6 * 0.5))
    assert found.memory == 100 + 6 * 20


@pytest.mark.slow
def test_a_real_estimate_is_of_the_order_of_the_real_thing(boxes):
    found = estimate("3d-unet", boxes, epochs=10**6, batch_size=2, num_threads=1, width=2, depth=2)
    assert found.steps == 3 * 10**6
    assert 1e-4 < found.seconds / found.steps < 5
    assert 50e6 < found.memory < 5e9
    assert str(found).startswith("about ")


@pytest.mark.slow
def test_what_cannot_be_measured_is_told_and_it_can_be_cancelled(boxes, monkeypatch):
    with pytest.raises(InputError, match="Did you mean 'width'"):
        estimate("3d-unet", boxes, widht=2)
    with pytest.raises(Cancelled):
        estimate("3d-unet", boxes, cancelled=lambda: True)
    really = subprocess.Popen

    def broken(command, **options):
        return really([sys.executable, "-c", "raise SystemExit('no such device')"], **options)

    monkeypatch.setattr(subprocess, "Popen", broken)
    with pytest.raises(StateError, match="No training step could be measured: no such device"):
        estimate("3d-unet", boxes)


@pytest.mark.slow
def test_a_network_with_one_value_per_channel_is_measured_all_the_same(tmp_path):
    data = datasets.load("phantom-xray", n=6, size=(16, 16), task="classification")
    found = estimate("covid-resnet", data, epochs=2, batch_size=4, num_threads=1, variant="small", width=4)
    assert found.seconds > 0
    assert json.dumps(found.measured)


def test_memory_is_that_of_the_process_that_trains_and_not_of_the_one_that_asks():
    held = np.ones(10**8)  # 800 MB
    code = "from workbench.training.probe import peak_memory; print(peak_memory())"
    peak = int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert 10e6 < peak < held.nbytes / 2
