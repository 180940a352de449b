from __future__ import annotations

import contextlib
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.frameworks import feeding, get
from workbench.frameworks.feeding import Feeder, Less, Plan, Tuner


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch):
    monkeypatch.setattr("workbench.frameworks.feeding._tuned", {})


def network():
    return torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2)).eval()


class TestTuner:
    def settle(self, seconds, *, first=8, layouts=("contiguous", "channels-last"), **options):
        tuner = Tuner(layouts, first, **options)
        tried = []
        for _ in range(60):
            plan = tuner.propose()
            if tuner.settled:
                return plan, tried
            tried.append(plan)
            tuner.record(plan, seconds(plan) if plan in tried[:-1] else 100.0)  # the first run warms up
        raise AssertionError("it never settles")

    def test_it_finds_the_faster_layout(self):
        best, _ = self.settle(lambda plan: 1.0 if plan.layout == "contiguous" else 0.5)
        assert best == Plan(8, "channels-last")

    def test_it_goes_up_while_that_pays(self):
        best, tried = self.settle(lambda plan: max(1 / plan.size, 1 / 32))
        assert best.size == 32
        assert max(plan.size for plan in tried) == 64

    def test_it_goes_down_where_caches_are_small(self):
        best, _ = self.settle(lambda plan: 1.0 + plan.size)
        assert best.size == 1

    def test_it_stays_below_what_did_not_fit(self):
        tuner = Tuner(("contiguous",), 8)
        tuner.out_of_memory(Plan(8, "contiguous"))
        for _ in range(20):
            plan = tuner.propose()
            assert plan.size <= 4
            tuner.record(plan, 1 / plan.size)
        assert tuner.settled == Plan(4, "contiguous")

    def test_a_size_that_was_chosen_stays(self):
        best, tried = self.settle(lambda plan: 1 / plan.size, first=5, fixed=True)
        assert {plan.size for plan in tried} == {best.size} == {5}


def test_what_was_measured_is_used_again(monkeypatch):
    framework = get("torch")
    module = network()
    shape = (1, 9, 8)
    done = [0.0]

    def work(part):
        done[0] += len(part)
        return part

    # by this clock every sample takes equally long; on a busy machine the tuning may need more samples than there are
    monkeypatch.setattr(feeding, "time", SimpleNamespace(perf_counter=lambda: done[0]))
    runs = []
    for _ in range(2):
        feeder = Feeder(framework, module, shape, "a network on a device")
        for _part, _result in feeder.map(600, lambda part: np.zeros((len(part), *shape), np.float32), work):
            pass
        runs.append(feeder.schedule)
    assert len(runs[0]) > 2
    assert len(runs[1]) == 1
    assert runs[1][0][:2] in [entry[:2] for entry in runs[0]]


def test_the_order_and_the_parts_are_complete():
    feeder = Feeder(get("torch"), network(), (1, 2, 2), object(), size=4)
    parts = [list(part) for part, _ in feeder.map(10, lambda part: np.zeros((len(part), 1)), lambda x: x)]
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


class Rounding:
    """A framework of which the form "rough" rounds to halves."""

    def layouts(self, _module, *, forward_only=False):
        return ("exact",)

    def reduced(self, _module):
        return "rough"

    def out_of_memory(self, _error):
        return False

    @contextlib.contextmanager
    def layout(self, module, name):
        yield (lambda x: np.round(2 * x) / 2) if name == "rough" else module


def fed(values, precision, monkeypatch, framework=None, schedule=(), slow=0):
    """Return what a network that answers with its input makes of values, and the feeder; rough takes `slow` more."""
    framework, clock = framework or Rounding(), [0.0]
    monkeypatch.setattr(feeding, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def network(x):
        return x

    def call(x):
        clock[0] += 1 + (feeder.network is not network) * slow
        return feeder.network(x)

    less = Less.asked(precision, framework, network)
    feeder = Feeder(framework, network, (1,), object(), count=len(values), less=less, size=4, schedule=schedule)
    answers = [found for _, found in feeder.map(len(values), lambda n: values[n.start : n.stop], call)]
    return np.concatenate(answers), feeder


def test_less_precision_is_taken_where_the_first_answers_agree_and_come_sooner(monkeypatch):
    wide = np.arange(64) * 100 + 0.2  # rounded by .2, of 700
    found, feeder = fed(wide, "auto", monkeypatch, slow=-0.5)
    assert np.array_equal(found, np.round(2 * wide) / 2)
    words = "on 8 inputs scores in rough differed by up to 0.2 from those in float32, which lay 7e+02 apart."
    assert feeder.notes == (f"Computed in rough: {words}",)
    assert feeder.schedule == [[4, "rough", 16]]

    found, feeder = fed(wide, "auto", monkeypatch, slow=1)
    assert np.array_equal(found, wide)
    assert feeder.notes == ("Computed in float32: rough took 2.0 times as long on 8 inputs.",)

    narrow = np.arange(64) + 0.2  # of 7
    found, feeder = fed(narrow, "auto", monkeypatch, slow=-0.5)
    assert np.array_equal(found, narrow)
    assert feeder.notes[0].startswith("Computed in float32: on 8 inputs")
    assert {form for _, form, _ in feeder.schedule} == {"exact"}


def test_less_precision_that_is_asked_for_is_taken_and_told(monkeypatch):
    values = np.arange(64) + 0.2
    found, feeder = fed(values, "bfloat16", monkeypatch, slow=1)
    assert np.array_equal(found, np.arange(64))
    assert feeder.schedule == [[4, "rough", 16]]
    assert "differed by up to 0.2" in feeder.notes[0]
    again, feeder = fed(values, "bfloat16", monkeypatch, schedule=feeder.schedule)
    assert np.array_equal(again, found)
    assert feeder.notes == (), "a replay compares nothing"


def test_a_device_without_less_precision_says_so(monkeypatch):
    framework = Rounding()
    framework.reduced = lambda _module: None
    values = np.arange(64) + 0.2
    found, feeder = fed(values, "bfloat16", monkeypatch, framework)
    assert np.array_equal(found, values)
    assert feeder.notes == ("This device has no faster arithmetic of less precision; float32 was used.",)
