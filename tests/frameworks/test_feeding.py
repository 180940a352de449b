from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from workbench.frameworks import feeding, get
from workbench.frameworks.feeding import Feeder, Plan, Tuner


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
