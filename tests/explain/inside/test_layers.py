"""Feature maps on the volume's grid, and the gradient layer by layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import InputError
from workbench.explain.making import Making
from workbench.explain.resize import resize_linear
from workbench.frameworks import LinearScore
from workbench.frameworks._layers import one_by_one
from workbench.testing import toys
from workbench.testing.marks import FRAMEWORKS, need


@pytest.fixture(scope="module")
def model():
    preprocess = {"orientation": "RAS", "spacing": (1.1, 1.0, 1.6), "intensity": {"kind": "none"}}
    return wb.zoo.create("3d-unet", num_classes=3, width=4, depth=2, seed=1, preprocess=preprocess)


@pytest.fixture(scope="module")
def volume():
    return toys.blob_volume((12, 14, 10), toys.OBLIQUE[:3] @ [5, 8, 4, 1], 3.0, toys.OBLIQUE)


def test_features_lie_on_the_volumes_grid(model, volume):
    name = model.default_layer()
    found = wb.explain.features(model, volume, name)
    assert found.same_grid(volume)
    assert found.kind == "scores"
    prepared = model.prepare(volume)
    there = model.framework.capture(model.module, [name], prepared.batch)[name][0]
    assert found.num_channels == len(there)
    assert found.channels[0] == f"{name} 0"
    one = wb.explain.features(model, volume, name, channels=[2])
    assert np.array_equal(one.data[..., 0] if "c" in one.axes else one.data, found.data[..., 2])
    assert np.allclose(found.data[..., 2], prepared.restore(there[2], order=1).data, atol=1e-6)


def test_features_of_a_coarse_layer_keep_their_place(volume):
    net = wb.zoo.create("3d-unet", num_classes=2, width=2, depth=3, seed=1)
    prepared = net.prepare(volume)
    coarse = net.framework.capture(net.module, ["encoders.2"], prepared.batch)["encoders.2"][0]
    assert coarse.shape[1:] == tuple(size // 4 for size in prepared.spatial_shape)
    live = int(coarse.reshape(len(coarse), -1).std(axis=1).argmax())
    found = wb.explain.features(net, volume, "encoders.2", channels=[live])
    assert found.same_grid(volume)
    fine = prepared.restore(resize_linear(coarse[live], prepared.spatial_shape).astype(np.float32), order=1)
    assert np.corrcoef(found.data.ravel(), fine.data.ravel())[0, 1] > 0.98


def test_what_is_no_map_is_refused(model, volume):
    with pytest.raises(InputError, match=r"channels must be numbers from 0 to \d+, got 99"):
        wb.explain.features(model, volume, channels=[99])
    with pytest.raises(InputError, match="Unknown layer"):
        wb.explain.features(model, volume, "nowhere")
    net = wb.zoo.create("covid-resnet", in_channels=1, num_classes=3, variant="small")
    flat = next(one.name for one in reversed(net.layers()) if one.type == "Linear")
    with pytest.raises(InputError, match=f"layer must put out a map over the 2 spatial axes, got '{flat}'"):
        wb.explain.features(net, toys.noise_volume((32, 32)), flat)


def define_chain(nn, F, ops):
    class Chain(nn.Module):
        """Three convolutions; what the second gives is rectified, and a fourth layer takes no part."""

        def __init__(self, classes):
            super().__init__()
            self.one, self.two = nn.Conv2d(1, 2, 1, bias=False), nn.Conv2d(2, 2, 1)
            self.act = nn.ReLU()
            self.three, self.idle = nn.Conv2d(2, 2, 1, bias=False), nn.Conv2d(2, 2, 1)
            self.gap, self.flatten = nn.AdaptiveAvgPool2d(1), nn.Flatten()
            self.fc = nn.Linear(2, classes)

        def forward(self, x):
            return self.fc(self.flatten(self.gap(self.three(self.act(self.two(self.one(x)))))))

    return Chain


def chain(framework="torch", **changed):
    rng = np.random.default_rng(0)
    shapes = {"one.weight": (2, 1, 1, 1), "two.weight": (2, 2, 1, 1), "two.bias": (2,), "three.weight": (2, 2, 1, 1),
              "idle.weight": (2, 2, 1, 1), "idle.bias": (2,), "fc.weight": (2, 2), "fc.bias": (2,)}  # fmt: skip
    state = {name: (np.abs(rng.normal(size=shape)) + 0.2).astype(np.float32) for name, shape in shapes.items()}
    for name, value in changed.items():
        state[name.replace("_", ".")] = np.asarray(value, np.float32).reshape(shapes[name.replace("_", ".")])
    return toys.ToyModel(define_chain, {"classes": 2}, framework=framework, state=state)


PICTURE = toys.noise_volume((6, 5), np.diag([0.7, -1.3, 1, 1])).with_data(np.ones((6, 5), np.float32))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_a_sound_network_has_a_gradient_everywhere(framework):
    need(framework)
    flow = wb.explain.gradient_flow(chain(framework), PICTURE, 1)
    assert flow.of("not run") == ["idle"]
    assert set(flow.of("good")) == {"one", "two", "act", "three", "gap", "flatten", "fc"}
    row = next(row for row in flow.rows if row["layer"] == "fc")
    assert row["gradient"] == pytest.approx(1)  # the score is one of its outputs
    assert row["shape"] == "2"


def test_dead_layers_are_named():
    flow = wb.explain.gradient_flow(chain(two_bias=[-100, -100]), PICTURE, 1)
    assert {"one", "act", "two"} <= set(flow.of("dead"))
    with pytest.raises(InputError, match=r"'explodes'\. Did you mean 'exploding'"):
        flow.of("explodes")
    half = wb.explain.gradient_flow(chain(two_bias=[-100, 0.5]), PICTURE, 1)
    assert half.of("partly dead") == ["act"]
    assert next(row for row in half.rows if row["layer"] == "act")["silent"] == 0.5


def test_exploding_and_vanishing_layers_are_named():
    flow = wb.explain.gradient_flow(chain(two_weight=[1e6] * 4), PICTURE, 1)
    assert flow.of("exploding") == ["one"]
    small = wb.explain.gradient_flow(chain(two_weight=[1e-6] * 4), PICTURE, 1)
    assert small.of("vanishing") == ["one"]
    with np.errstate(all="ignore"):
        wide = wb.explain.gradient_flow(chain(fc_weight=[3e38] * 4, three_weight=[1e5] * 4), PICTURE, 1)
    assert "two" in wide.of("exploding")


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_gradients_are_those_of_the_layers_that_are_seen_not_of_a_folded_network(framework):
    need(framework)
    model = wb.zoo.create("2d-unet", framework, num_classes=2, width=2, depth=2)
    model.predict(PICTURE)  # which folds the norms
    flow = wb.explain.gradient_flow(model, PICTURE, 1)
    seen = [layer for layer in model.layers() if layer.leaf]
    assert [(row["layer"], row["type"]) for row in flow.rows] == [(layer.name, layer.type) for layer in seen]
    assert any("BatchNorm" in row["type"] and row["gradient"] > 0 for row in flow.rows)
    # a norm scales what comes from a convolution, and by that the gradient of each channel
    norm = next(row["layer"] for row in flow.rows if "BatchNorm" in row["type"])
    making = Making(wb.explain.Request(model, PICTURE, "saliency", 1))
    state = model.framework.state(model.module)
    slope = state[f"{norm}.weight"] / np.sqrt(state[f"{norm}.running_var"] + 1e-5)
    before = seen[[layer.name for layer in seen].index(norm) - 1].name
    gradients = [
        model.framework.layer_gradient(model.module, name, making.problem.input, making.problem.score)[2]
        for name in (before, norm)
    ]
    by_layer = {row["layer"]: row["gradient"] for row in flow.rows}
    for name, gradient in zip((before, norm), gradients, strict=True):
        assert by_layer[name] == pytest.approx(np.linalg.norm(gradient), rel=1e-4)
    assert np.allclose(gradients[0][0], gradients[1][0] * slope[:, None, None], rtol=1e-3, atol=1e-9)


class Odd(torch.nn.Module):
    """A layer that runs twice, activations in place, one layer that does not run, one with two outputs."""

    def __init__(self):
        super().__init__()
        self.twice, self.act = torch.nn.Conv2d(1, 1, 3, padding=1), torch.nn.ReLU(inplace=True)
        self.idle, self.pool = torch.nn.Linear(2, 2), torch.nn.MaxPool2d(2, return_indices=True)
        self.head = torch.nn.Linear(1, 2)

    def forward(self, x):
        x = self.act(self.twice(self.act(self.twice(x))))
        return self.head(self.pool(x)[0].mean((2, 3)))


@pytest.mark.parametrize("trainable", [True, False])
def test_one_pass_gives_what_a_pass_for_each_layer_gives(trainable, monkeypatch):
    torch.manual_seed(0)
    framework, module = wb.frameworks.get("torch"), Odd().eval().requires_grad_(trainable)
    names = ["twice", "act", "idle", "pool", "head"]
    x = np.random.default_rng(0).normal(size=(1, 1, 6, 8)).astype(np.float32)
    score = LinearScore(np.array([0, 1], np.float32))
    wanted = list(one_by_one(framework, module, names, x, score))
    passes = []
    module.register_forward_pre_hook(lambda *_: passes.append(1))
    found = list(framework.layer_gradients(module, names, x, score))
    assert len(passes) == 1
    assert [one is None for one in found] == [one is None for one in wanted] == [False, False, True, True, False]
    for ours, theirs in zip(found, wanted, strict=True):
        for a, b in zip(ours or (), theirs or (), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7)
    assert module.training is False
    assert all(len(one._forward_hooks) == 0 for one in module.children())

    def full(*_given):
        raise MemoryError

    monkeypatch.setattr("workbench.frameworks.torch._gradients.layer_gradients", full)
    passes.clear()
    again = list(framework.layer_gradients(module, names, x, score))
    assert len(passes) == len(names), "all at once did not fit"
    np.testing.assert_allclose(again[0][1], wanted[0][1])
