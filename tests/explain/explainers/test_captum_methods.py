from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.frameworks.torch import stepwise
from workbench.testing import toys
from workbench.testing.explainers import SHAPES, ExplainerContract
from workbench.volume import Volume


def define_gate(nn, F, ops):
    class Gate(nn.Module):
        """The score is what the sum of all voxels has above 1, once more what it has below it, and a constant."""

        def __init__(self, classes):
            super().__init__()
            self.weight = nn.Parameter(ops.ones(classes))

        def forward(self, x):
            total = x.flatten(1).sum(1, keepdim=True)
            return self.weight * (F.relu(total - 1) + 3)

    return Gate


def define_awkward(nn, F, ops):
    class Awkward(nn.Module):
        """All that hides a step: one module three times, in place, as functions, as methods, windows that overlap."""

        def __init__(self, ndim, classes):
            super().__init__()
            conv = {2: nn.Conv2d, 3: nn.Conv3d}[ndim]
            self.pools = {2: F.max_pool2d, 3: F.max_pool3d}[ndim]
            self.conv1, self.conv2, self.conv3 = conv(1, 4, 3, padding=1), conv(4, 4, 3), conv(4, 4, 3, padding=1)
            self.act = nn.ReLU(inplace=True)
            self.fc = nn.Linear(4, classes)

        def forward(self, x):
            x = self.act(self.conv1(x))
            x = self.pools(x, 3, stride=2, padding=1, ceil_mode=True)
            y = self.act(self.conv2(x))
            y.sub_(0.2).relu_()  # who goes on with the old name must find what was written
            y = F.gelu(self.conv3(y)) + ops.sigmoid(y) ** 2
            y = self.pools(F.leaky_relu(y, 0.1, inplace=True), 2, 1)
            tokens = y.flatten(2).permute(2, 0, 1)  # inputs along the second axis, as in some transformers
            return self.fc(self.act(tokens - 0.1).mean(0))

    return Awkward


def awkward_model(ndim):
    return toys.ToyModel(define_awkward, {"ndim": ndim, "classes": 3}, seed=4)


def scores_of(model, volume, baseline=0.0):
    """The scores of a volume and of an empty one."""
    full = model.prepare(volume).batch
    return model.forward(full)[0], model.forward(np.full_like(full, baseline))[0]


class TestDeepLift(ExplainerContract):
    method = "deep-lift"

    def test_it_counts_what_a_step_had_to_pass_first(self):
        model = toys.ToyModel(define_gate, {"classes": 1})
        volume = toys.noise_volume((2, 2)).with_data(np.array([[1.5, 1.0], [0.5, 0.0]], np.float32))
        # 3 in all, 1 of which only fills the gate: two thirds of every voxel count
        expected = volume.data * 2 / 3
        assert np.allclose(self.explain(model, volume, target=0).data, expected, atol=1e-6)
        # the gradient knows nothing of the gate
        assert np.allclose(wb.explain(model, volume, "input-x-gradient", 0).data, volume.data, atol=1e-6)

    @pytest.mark.parametrize("baseline", [0.0, 0.4])
    def test_the_map_of_a_linear_network_is_its_weights_times_the_difference(self, baseline):
        model, weights = toys.linear_model((4, 5, 3), classes=2)
        volume = toys.noise_volume((4, 5, 3), toys.OBLIQUE)
        why = self.explain(model, volume, target=1, baseline=baseline)
        assert np.allclose(why.data, weights[1, 0] * (volume.data - baseline), atol=1e-5)

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_it_equals_captum_where_captum_sees_every_step(self, ndim):
        captum = pytest.importorskip("captum.attr")
        model, volume = toys.cnn_model(ndim), toys.noise_volume(SHAPES[ndim])
        inputs = torch.from_numpy(model.prepare(volume).batch).requires_grad_(True)
        theirs = captum.DeepLift(model.module).attribute(inputs, torch.full_like(inputs, 0.3), target=1)[0, 0]
        ours = self.explain(model, volume, target=1, baseline=0.3)
        assert np.abs(ours.data - theirs.detach().numpy()).max() <= 1e-6

    @pytest.mark.parametrize("activation", ["none", "sigmoid"])
    @pytest.mark.parametrize("ndim", [2, 3])
    def test_it_is_complete_on_networks_that_hide_their_steps(self, ndim, activation):
        model, volume = awkward_model(ndim), toys.noise_volume({2: (17, 14), 3: (11, 12, 9)}[ndim], seed=3)
        why = self.explain(model, volume, target=1, activation=activation)
        full, empty = (logits[1] for logits in scores_of(model, volume))
        if activation == "sigmoid":
            full, empty = 1 / (1 + np.exp(-full)), 1 / (1 + np.exp(-empty))
        assert abs(full - empty) > 1e-3
        assert why.data.sum() == pytest.approx(full - empty, rel=1e-3)
        assert why.notes == ()

    @pytest.mark.parametrize(
        ("name", "shape", "options"),
        [
            ("covid-resnet", (40, 36), {"depth": 18, "width": 8}),
            ("2d-unet", (36, 33), {"width": 8, "depth": 3}),
            ("3d-unet", (20, 19, 17), {"width": 8, "depth": 3}),
            ("lod-net", (40, 48), {}),
        ],
    )
    def test_it_is_complete_on_the_zoos_convolutional_networks(self, name, shape, options):
        model = wb.zoo.create(name, in_channels=1, num_classes=3, **options)
        model.preprocess = {"intensity": {"kind": "none"}}
        # a region keeps the score the same, whatever is predicted for the empty input
        volume, region = toys.noise_volume(shape), np.zeros(shape, np.uint8)
        region[tuple(slice(n // 3, n // 2) for n in shape)] = 1
        target = 1 if name == "covid-resnet" else wb.explain.Region(Volume(region, kind="labels"), 1)
        why = self.explain(model, volume, target=target)
        empty = self.explain(model, volume.with_data(np.zeros(shape, np.float32)), target=target)
        assert abs(why.score - empty.score) > 1e-6
        assert why.data.sum() == pytest.approx(why.score - empty.score, rel=0.01)
        assert not any("sum up to" in note for note in why.notes)

    @pytest.mark.parametrize(("name", "shape"), [("covid-transformer", (48, 40)), ("unetr", (16, 14, 15))])
    def test_where_it_has_no_rule_the_map_says_how_much_is_missing(self, name, shape):
        model = wb.zoo.create(name, in_channels=1, num_classes=3)
        why = self.explain(model, toys.noise_volume(shape), target=1)
        assert any("sum up to" in note and "integrated-gradients" in note for note in why.notes)

    def test_a_product_of_two_maps_is_said_with_its_figures(self):
        model = toys.energy_model(2)
        volume = toys.noise_volume((4, 4)).with_data(np.full((4, 4), 0.5, np.float32))
        why = self.explain(model, volume, target=1)
        assert why.data.sum() == pytest.approx(50)  # x times the slope 2 x, of a score x^2
        assert why.notes == (next(note for note in why.notes if "sum up to 50, " in note and "by 25:" in note),)

    def test_a_network_that_takes_other_steps_for_two_inputs_is_refused(self):
        def define(nn, F, ops):
            class Fickle(nn.Module):
                def __init__(self, classes):
                    super().__init__()
                    self.fc = nn.Linear(16, classes)

                def forward(self, x):
                    return self.fc((F.relu(x) if len(x) == 1 else x).flatten(1))

            return Fickle

        with pytest.raises(InputError, match=r"1 non-linear steps for one input and 0 for two.*integrated-gradients"):
            self.explain(toys.ToyModel(define, {"classes": 2}), toys.noise_volume((4, 4)), target=1)


class TestGuidedBackprop(ExplainerContract):
    method = "guided-backprop"

    @pytest.mark.parametrize("ndim", [2, 3])
    def test_it_equals_captum_where_captum_sees_every_step(self, ndim):
        captum = pytest.importorskip("captum.attr")
        model, volume = toys.cnn_model(ndim), toys.noise_volume(SHAPES[ndim])
        inputs = torch.from_numpy(model.prepare(volume).batch).requires_grad_(True)
        theirs = captum.GuidedBackprop(model.module).attribute(inputs, target=1)[0, 0].numpy()
        ours = self.explain(model, volume, target=1, absolute=False)
        assert np.abs(ours.data - theirs).max() <= 1e-6
        assert np.abs(ours.data - wb.explain(model, volume, "saliency", 1, absolute=False).data).max() > 1e-4

    def test_rectifiers_that_are_functions_count_as_well(self):
        def define(nn, F, ops):
            class Two(nn.Module):
                def __init__(self, classes):
                    super().__init__()
                    self.fc = nn.Linear(2, classes)

                def forward(self, x):
                    return self.fc(F.relu(x.flatten(1)))

            return Two

        state = {"fc.weight": np.array([[2.0, -3.0]], np.float32), "fc.bias": np.zeros(1, np.float32)}
        model = toys.ToyModel(define, {"classes": 1}, state=state)
        volume = toys.noise_volume((2, 1)).with_data(np.ones((2, 1), np.float32))
        why = self.explain(model, volume, target=0, absolute=False)
        assert np.allclose(why.data[:, 0], [2, 0])  # what is passed on as negative is dropped

    def test_a_network_without_rectifiers_is_refused(self):
        model, _ = toys.linear_model((4, 5))
        with pytest.raises(InputError, match=r"has none.*'saliency'"):
            self.explain(model, toys.noise_volume((4, 5)), target=1)


class Later:
    """A cancel event that is set once it was looked at so often."""

    def __init__(self, looks: int) -> None:
        self.left = looks

    def is_set(self) -> bool:
        self.left -= 1
        return self.left < 0


METHODS = pytest.mark.parametrize("method", ["deep-lift", "guided-backprop"])


@METHODS
def test_cancel_acts_between_the_layers_forwards_and_backwards(method: str) -> None:
    model, volume = toys.cnn_model(3), toys.noise_volume(SHAPES[3])
    looks = Later(10**6)
    wb.explain(model, volume, method, 1, cancel=looks)
    needed = 10**6 - looks.left
    layers = sum(not any(layer.children()) for layer in model.module.modules())
    assert needed > 5 * layers, "it is looked at in every pass, and on the way back"
    for part in (0.3, 0.6, 0.9):
        with pytest.raises(wb.explain.Cancelled):
            wb.explain(model, volume, method, 1, cancel=Later(int(part * needed)))


@METHODS
def test_what_does_not_fit_into_memory_is_said_in_words(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(stepwise.Stepwise, "forward", full)
    with pytest.raises(StateError, match=r"9 x 8 voxels does not fit.*Crop"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((9, 8)), method, 1)


@METHODS
def test_the_network_is_left_as_it_was(method: str) -> None:
    model, volume = toys.cnn_model(2), toys.noise_volume(SHAPES[2])
    before = {name: value.copy() for name, value in model.framework.state(model.module).items()}
    wb.explain(model, volume, method, 1)
    for layer in model.module.modules():
        assert [*layer._forward_hooks, *layer._forward_pre_hooks, *layer._backward_hooks] == []
        assert not hasattr(layer, "input")
    after = model.framework.state(model.module)
    assert all(np.array_equal(value, after[name]) for name, value in before.items())
    assert all(weight.grad is None for weight in model.module.parameters())


@METHODS
def test_it_is_quiet_and_works_in_inference_mode(method: str, recwarn: pytest.WarningsRecorder) -> None:
    model, volume = toys.cnn_model(2), toys.noise_volume(SHAPES[2])
    expected = wb.explain(model, volume, method, 1).data
    with torch.inference_mode():
        assert np.array_equal(wb.explain(model, volume, method, 1).data, expected)
    assert [str(one.message) for one in recwarn] == []


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("method", ["deep-lift", "guided-backprop"])
def test_a_traced_network_shows_no_steps(method):
    model, volume = toys.cnn_model(2), toys.noise_volume(SHAPES[2])
    model.module = torch.jit.trace(model.module, torch.zeros(model.prepare(volume).batch.shape))
    with pytest.raises(InputError, match=r"traced or scripted.*integrated-gradients"):
        wb.explain(model, volume, method, target=1)


@pytest.mark.parametrize("method", ["deep-lift", "guided-backprop"])
def test_a_wrapped_network_is_explained_as_the_bare_one(method):
    model, volume = toys.cnn_model(2), toys.noise_volume(SHAPES[2])
    wanted = wb.explain(model, volume, method, target=1).data
    model.module = torch.compile(model.module, backend="eager")
    assert np.allclose(wb.explain(model, volume, method, target=1).data, wanted, atol=1e-6)


@pytest.mark.parametrize("precision", ["half", "bfloat16", "double"])
def test_a_map_is_of_numbers_in_every_precision_or_refused(precision):
    model = wb.zoo.create("covid-resnet", depth=18, width=4)
    volume = Volume(np.random.default_rng(0).random((32, 32), np.float32))
    wanted = wb.explain(model, volume, method="deep-lift", target=1).data
    getattr(model.module, precision)()
    if precision == "half":
        # differences below its smallest number: 0 / 0
        with pytest.raises(StateError, match=r"DeepLIFT.*NaN or infinity.*half precision.*float32"):
            wb.explain(model, volume, method="deep-lift", target=1)
        return
    found = wb.explain(model, volume, method="deep-lift", target=1).data
    np.testing.assert_allclose(found, wanted, rtol=0, atol=0.05 * np.abs(wanted).max())
