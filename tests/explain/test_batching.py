from __future__ import annotations

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import workbench as wb
from tests.explain import toys
from workbench.errors import StateError
from workbench.explain import batching
from workbench.explain.batching import Batches, Plan, Tuner
from workbench.explain.explaining import predicted_target
from workbench.frameworks.torch import TorchFramework


class Small(TorchFramework):
    """A device with room for few inputs at once, that keeps a record of what it was given."""

    def __init__(self, room):
        self.room = room
        self.sizes = []
        self.formats = set()

    def scores(self, module, x, score):
        self.sizes.append(len(x))
        self.formats.add(module.conv2.weight.is_contiguous())
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB")
        return super().scores(module, x, score)

    def input_gradient(self, module, x, score):
        if len(x) > self.room:
            raise RuntimeError(
                "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"
            )
        return super().input_gradient(module, x, score)


@pytest.fixture(autouse=True)
def nothing_measured(monkeypatch):
    monkeypatch.setattr("workbench.explain.batching._tuned", {})


@pytest.fixture
def model():
    return toys.cnn_model(2)


VOLUME = toys.noise_volume((9, 8))


@pytest.mark.parametrize("room", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [None, 7])
def test_when_memory_runs_out_batches_shrink_and_the_map_is_the_same(model, room, size):
    expected = wb.explain(model, VOLUME, "occlusion", 1, window=3, stride=1).data
    model.framework = Small(room)
    why = wb.explain(model, VOLUME, "occlusion", 1, window=3, stride=1, batch_size=size)
    assert np.allclose(why.data, expected, atol=1e-6)
    assert max(model.framework.sizes) > room
    assert all(n <= room for n, _, _ in why.schedule)
    assert sum(size > room for size in model.framework.sizes) <= 3, "it must not try the same size again and again"


def test_a_gradient_that_runs_out_of_memory_is_split_too(model):
    expected = wb.explain(model, VOLUME, "integrated-gradients", 1).data
    model.framework = Small(2)
    why = wb.explain(model, VOLUME, "integrated-gradients", 1, points=32)
    assert np.allclose(why.data, expected, atol=1e-6)


@pytest.mark.parametrize("method", ["occlusion", "saliency", "integrated-gradients"])
def test_a_single_input_that_does_not_fit_says_what_to_do(model, method):
    model.framework = Small(0)
    with pytest.raises(StateError, match=r"9 x 8 voxels does not fit.*Crop"):
        wb.explain(model, VOLUME, method)


def test_a_forward_that_does_not_fit_says_what_to_do(model):
    class Full(TorchFramework):
        def forward(self, module, x):
            raise MemoryError

    model.framework = Full()
    with pytest.raises(StateError, match="does not fit"):
        wb.explain(model, VOLUME, "saliency")


@pytest.mark.parametrize(
    ("method", "stage"),
    [
        *itertools.product(["occlusion", "saliency", "grad-cam"], ["prepare", "forward", "presence", "restore"]),
        ("grad-cam", "layer_gradient"),
    ],
)
def test_a_segmentation_that_does_not_fit_says_what_to_do(stage, method, monkeypatch):
    model = toys.segmentation_model(3)

    def full(*_args, **_kwargs):
        raise MemoryError

    place = {
        "presence": model.algorithm.task,
        "layer_gradient": TorchFramework,
        "restore": toys.ToyPrepared,
    }.get(stage, model)
    monkeypatch.setattr(place, stage, full)
    with pytest.raises(StateError, match=r"whole input.*6 x 5 x 7 voxels does not fit.*Volume\.crop.*Volume\.resample"):
        wb.explain(model, toys.noise_volume((6, 5, 7)), method, 1)


@pytest.mark.parametrize("stage", ["prepare", "forward"])
def test_a_default_target_that_does_not_fit_says_what_to_do(model, stage, monkeypatch):
    def full(*_args):
        raise MemoryError

    monkeypatch.setattr(model, stage, full)
    with pytest.raises(StateError, match=r"9 x 8 voxels does not fit.*Crop"):
        predicted_target(model, VOLUME)


def test_other_errors_pass_unchanged(model):
    class Broken(TorchFramework):
        def scores(self, module, x, score):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    model.framework = Broken()
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        wb.explain(model, VOLUME, "occlusion")


def test_a_replay_follows_the_schedule_of_the_first_run(model):
    why = wb.explain(model, VOLUME, "occlusion", window=3, stride=1)
    model.framework = Small(1000)
    again = why.replay()
    assert again.schedule == why.schedule
    assert np.array_equal(again.data, why.data)
    planned = [min(size, 56) for size, _, times in why.schedule for _ in range(times)]
    assert model.framework.sizes[1:-1] == planned[:-1]  # the first is the whole input, the last batch a rest


def test_layouts_are_tried_and_put_back(model):
    model.framework = Small(1000)
    wb.explain(model, toys.noise_volume((20, 20)), "occlusion", window=3, stride=1)
    assert model.framework.formats == {True, False}
    assert all(weight.is_contiguous() for weight in model.module.parameters())


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
    framework = Small(1000)
    model = toys.cnn_model(2)
    shape = (1, 9, 8)
    done = [0.0]

    def work(part):
        done[0] += len(part)
        return part

    # by this clock every sample takes equally long; on a busy machine the tuning may need more samples than there are
    monkeypatch.setattr(batching, "time", SimpleNamespace(perf_counter=lambda: done[0]))
    runs = []
    for _ in range(2):
        batches = Batches(framework, model.module, shape, "a network on a device")
        for _part, _result in batches.map(600, lambda part: np.zeros((len(part), *shape), np.float32), work):
            pass
        runs.append(batches.schedule)
    assert len(runs[0]) > 2
    assert len(runs[1]) == 1
    assert runs[1][0][:2] in [entry[:2] for entry in runs[0]]


def test_what_a_lack_of_memory_has_taught_is_not_kept(model):
    model.framework = Small(2)
    wb.explain(model, VOLUME, "occlusion", window=3, stride=1)
    model.framework = Small(1000)
    wb.explain(model, VOLUME, "occlusion", window=3, stride=1)
    assert max(model.framework.sizes) >= 8


def test_the_order_and_the_parts_are_complete():
    batches = Batches(Small(1000), toys.cnn_model(2).module, (1, 2, 2), object(), size=4)
    parts = [list(part) for part, _ in batches.map(10, lambda part: np.zeros((len(part), 1)), lambda x: x)]
    assert parts == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
