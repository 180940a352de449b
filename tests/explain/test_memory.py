from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import StateError
from workbench.explain.explaining import predicted_target
from workbench.frameworks.torch import TorchFramework
from workbench.testing import toys


class Small(TorchFramework):
    """A device with room for few inputs at once, that keeps a record of what it was given."""

    def __init__(self, room):
        self.room = room
        self.sizes = []
        self.formats = set()

    def scores(self, module, x, score):
        self.sizes.append(len(x))
        weight = getattr(module.conv2, "weight", None)  # a fused one has them laid out for oneDNN
        self.formats.add("fused" if weight is None else weight.is_contiguous())
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
    monkeypatch.setattr("workbench.frameworks.feeding._tuned", {})


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
    # first the baseline, by itself; the last batch is a rest
    assert model.framework.sizes[1:-1] == planned[:-1]


def test_layouts_are_tried_and_put_back(model):
    model.framework = Small(1000)
    wb.explain(model, toys.noise_volume((20, 20)), "occlusion", window=3, stride=1)
    assert len(model.framework.formats) >= 2
    assert all(weight.is_contiguous() for weight in model.module.parameters())


def test_what_a_lack_of_memory_has_taught_is_not_kept(model):
    model.framework = Small(2)
    wb.explain(model, VOLUME, "occlusion", window=3, stride=1)
    model.framework = Small(1000)
    wb.explain(model, VOLUME, "occlusion", window=3, stride=1)
    assert max(model.framework.sizes) >= 8
