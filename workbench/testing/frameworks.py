"""What every framework must do. A test class for a framework inherits `FrameworkContract` and sets `name`."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from workbench.errors import InputError, StateError
from workbench.frameworks import Framework, LinearScore, get, worker_environment
from workbench.testing.stepping import SteppingContract, tiny


def linear(nn: Any, F: Any, ops: Any) -> Any:
    class Linear(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = nn.Linear(2, 2)

        def forward(self, x):
            return self.fc(x)

    return Linear


def quadratic(nn: Any, F: Any, ops: Any) -> Any:
    """Known gradient: sum of squares through a layer that an in-place ReLU follows."""

    class Quadratic(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Identity()
            self.act = nn.ReLU(inplace=True)

        def forward(self, x):
            y = self.act(self.first(x * 2))
            return y * y

    return Quadratic


OUT_OF_MEMORY = (
    "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
    "[enforce fail at alloc_cpu.cpp:114] err == 0. DefaultCPUAllocator: not enough memory",
    "CUDA out of memory. Tried to allocate 20.00 MiB",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate",
    "std::bad_alloc",
    "could not create a primitive",
    "Allocate output memory failed, alloc node:Default/Conv3DTranspose-op5 alloc size:452984832B",
    "Allocate memory failed",
    "#umsg#Memory not enough:#umsg#Device(id:0) memory isn't enough and alloc failed, kernel name: Conv3D",
    "malloc memory failed.",
    "Malloc for kernel output failed, Memory isn't enough",
    "Alloc tensor mem failed and try to sync all events to release memory.",
    "AllocFeatureMemory error, memory not enough, memory size: 12",
    "Failed to allocate 12 bytes",
    "Can't allocate workspace memory size: 12",
    "Resource temporarily unavailable",
    "There is no enough memory on the device",
    "The required memory size 12 exceeds the free memory",
    "cudaErrorMemoryAllocation",
    "No memory left for the workspace",
)
OTHER_ERRORS = (
    "mat1 and mat2 shapes cannot be multiplied",
    "Expected 4D input, got 3D",
    "For 'Conv2D', the input channels must be 3, but got 1; see the memory format",
    "view size is not compatible with input tensor's size and stride (non-contiguous memory format)",
    "Kernel select failed",
    "could not create a primitive descriptor for a convolution forward propagation primitive",
)


class FrameworkContract(SteppingContract):
    """Inherit, and set `name`."""

    #: What `zoo.create(framework=...)` calls it.
    name: str

    @pytest.fixture
    def framework(self) -> Framework:
        return get(self.name)

    @pytest.fixture
    def x(self) -> np.ndarray:
        return np.random.default_rng(1).normal(size=(6, 1, 5, 4)).astype(np.float32)

    score = LinearScore(np.array([1.0, -0.5]))

    # building and weights

    def test_the_same_seed_builds_the_same_weights(self, framework):
        a, b, other = (framework.state(framework.build(tiny, {}, seed=seed)) for seed in (7, 7, 8))
        assert all(np.array_equal(a[key], b[key]) for key in a), "one seed built two networks"
        assert not np.array_equal(a["conv.weight"], other["conv.weight"]), "two seeds built one network"

    def test_no_seed_builds_fresh_weights(self, framework):
        a, b = (framework.state(framework.build(tiny, {}, seed=None)) for _ in range(2))
        assert not np.array_equal(a["conv.weight"], b["conv.weight"])

    def test_initial_weights_are_distributed_as_torchs(self, framework):
        state = framework.state(framework.build(tiny, {"width": 64}))
        bound = 1 / np.sqrt(64)
        weights = state["blocks.0.0.weight"]
        assert np.abs(weights).max() <= bound
        assert abs(weights.std() - bound / np.sqrt(3)) < 0.05 * bound
        assert np.abs(state["blocks.0.0.bias"]).max() <= bound
        assert np.array_equal(state["norm.running_var"], np.ones(64, np.float32))

    def test_names_are_torchs(self, framework):
        module = framework.build(tiny, {})
        parameters = ["conv.weight", "conv.bias", "norm.weight", "norm.bias", "blocks.0.0.weight", "blocks.0.0.bias"]
        parameters += ["head.weight", "head.bias", "unused.weight", "unused.bias"]
        assert framework.parameter_names(module) == parameters
        assert set(framework.state(module)) == {*parameters, "norm.running_mean", "norm.running_var"}
        assert framework.num_parameters(module) == 3 * 9 + 3 + 6 + 12 + 8 + 6

    def test_layers_are_listed_in_order(self, framework):
        found = {layer.name: layer for layer in framework.layers(framework.build(tiny, {}))}
        assert list(found) == ["conv", "norm", "act", "blocks.0", "blocks.0.0", "blocks.0.1", "drop", "head", "unused"]
        assert found["conv"].type == "Conv2d"
        assert found["blocks.0.1"].path == ("blocks", "0", "1")
        assert not found["blocks.0"].leaf
        assert found["blocks.0.1"].leaf

    def test_state_round_trip(self, framework, x):
        a, b = framework.build(tiny, {}, seed=1), framework.build(tiny, {}, seed=2)
        before = framework.forward(a, x)
        assert not np.allclose(before, framework.forward(b, x))
        report = framework.load_state(b, framework.state(a))
        assert report.complete
        assert len(report.matched) == 12
        assert np.array_equal(before, framework.forward(b, x))

    def test_state_is_a_copy(self, framework, x):
        module = framework.build(tiny, {})
        before = framework.forward(module, x)
        for array in framework.state(module).values():
            array[...] = 9.0
        assert np.array_equal(before, framework.forward(module, x))

    def test_strict_loading_names_what_differs_and_changes_nothing(self, framework):
        module = framework.build(tiny, {})
        state = framework.state(module)
        kept = {key: value.copy() for key, value in state.items()}
        state["head.weight"] = np.zeros((5, 3), np.float32)
        state["extra"] = np.zeros(1, np.float32)
        del state["conv.bias"]
        state["conv.weight"] = state["conv.weight"] + 1
        with pytest.raises(InputError, match=r"conv\.bias.*extra.*head\.weight \(5, 3\) for \(2, 3\)"):
            framework.load_state(module, state)
        assert all(np.array_equal(value, kept[key]) for key, value in framework.state(module).items())
        report = framework.load_state(module, state, strict=False)
        assert report.missing == ("conv.bias",)
        assert report.unexpected == ("extra",)
        assert report.mismatched == {"head.weight": ((5, 3), (2, 3))}
        assert np.array_equal(framework.state(module)["conv.weight"], state["conv.weight"])
        assert np.array_equal(framework.state(module)["head.weight"], kept["head.weight"])

    def test_batch_counters_are_ignored(self, framework):
        module = framework.build(tiny, {})
        state = framework.state(module) | {"norm.num_batches_tracked": np.array(3)}
        assert framework.load_state(module, state).complete

    # forward and gradients

    def test_forward_values(self, framework):
        module = framework.build(linear, {})
        framework.load_state(
            module,
            {"fc.weight": np.array([[1, 2], [3, 4]], np.float32), "fc.bias": np.array([0.5, -0.5], np.float32)},
        )
        got = framework.forward(module, np.array([[1, 1], [2, 0]], np.float32))
        assert got.dtype == np.float32
        assert np.allclose(got, [[3.5, 6.5], [2.5, 5.5]])

    def test_named_outputs(self, framework, x):
        module = framework.build(tiny, {"named": True})
        outputs = framework.forward(module, x)
        assert {key: value.shape for key, value in outputs.items()} == {"logits": (6, 2), "features": (6, 3, 5, 4)}
        weights = np.zeros((3, 5, 4))
        weights[1, 2, 3] = 2.0
        scores = framework.scores(module, x, LinearScore(weights, output="features"))
        assert np.allclose(scores, 2 * outputs["features"][:, 1, 2, 3], atol=1e-6)
        default = framework.scores(module, x, self.score)
        assert np.allclose(default, outputs["logits"] @ [1.0, -0.5], atol=1e-6)
        with pytest.raises(InputError, match=r"featurs.*features"):
            framework.scores(module, x, LinearScore(weights, output="featurs"))

    @pytest.mark.parametrize("activation", ["none", "softmax", "sigmoid"])
    def test_score_activations_and_weights_per_sample(self, framework, x, activation):
        module = framework.build(tiny, {})
        logits = framework.forward(module, x).astype(np.float64)
        value = {
            "none": logits,
            "softmax": np.exp(logits) / np.exp(logits).sum(1, keepdims=True),
            "sigmoid": 1 / (1 + np.exp(-logits)),
        }[activation]
        weights = np.arange(12.0).reshape(6, 2)
        got = framework.scores(module, x, LinearScore(weights, activation=activation))
        assert np.allclose(got, (value * weights).sum(1), atol=1e-4)

    def test_scores_are_added(self, framework, x):
        module = framework.build(tiny, {})
        one, other = LinearScore(np.arange(12.0).reshape(6, 2)), LinearScore(np.ones((6, 2)), activation="softmax")
        both = LinearScore(one.weights, plus=(other, other))
        parts = [framework.input_gradient(module, x, score) for score in (one, other, other)]
        scores, gradient = framework.input_gradient(module, x, both)
        assert np.allclose(scores, sum(part[0] for part in parts), atol=1e-4)
        assert np.allclose(gradient, sum(part[1] for part in parts), atol=1e-4)

    def test_weights_of_a_wrong_shape_are_refused(self, framework, x):
        with pytest.raises(InputError, match=r"\(2,\).*\(6, 2\).*got \(3,\)"):
            framework.scores(framework.build(tiny, {}), x, LinearScore(np.ones(3)))

    def test_input_gradient_equals_finite_differences(self, framework, x):
        module = framework.build(tiny, {})
        score = LinearScore(np.array([1.0, -0.5]), activation="softmax")
        untouched = x.copy()
        scores, gradient = framework.input_gradient(module, x, score)
        assert np.array_equal(x, untouched)
        assert gradient.shape == x.shape
        assert np.allclose(scores, framework.scores(module, x, score), atol=1e-6)
        direction = np.random.default_rng(3).normal(size=x.shape).astype(np.float32)
        step = 1e-2
        ahead, behind = (framework.scores(module, x + sign * step * direction, score) for sign in (1, -1))
        slope = (gradient * direction).sum((1, 2, 3))
        assert np.allclose(slope, (ahead - behind) / (2 * step), atol=2e-3), "the gradient is not that of the score"

    def test_layer_gradient_survives_an_in_place_activation(self, framework):
        module = framework.build(quadratic, {})
        x = np.array([[1.0, -2.0, 3.0]], np.float32)
        scores, activation, gradient = framework.layer_gradient(module, "first", x, LinearScore(np.ones(3)))
        assert np.allclose(scores, [4 + 36])
        assert np.array_equal(activation, [[2, -4, 6]])
        assert np.array_equal(gradient, [[4, 0, 12]])

    def test_gradients_of_several_layers_are_those_of_each(self, framework, x):
        module, layers = framework.build(tiny, {}), ["conv", "norm", "blocks.0.0", "head"]
        found = list(framework.layer_gradients(module, layers, x, self.score))
        for layer, (activation, gradient) in zip(layers, found, strict=True):
            _, output, slope = framework.layer_gradient(module, layer, x, self.score)
            assert np.allclose(activation, output, atol=1e-6)
            assert np.allclose(gradient, slope, atol=1e-6)

    @pytest.mark.parametrize("layer", ["conv", "norm", "blocks.0", "blocks.0.0", "head"])
    def test_layer_gradient_equals_finite_differences(self, framework, x, layer):
        module = framework.build(tiny, {})
        scores, activation, gradient = framework.layer_gradient(module, layer, x, self.score)
        assert activation.shape == gradient.shape
        assert np.allclose(scores, framework.scores(module, x, self.score), atol=1e-6)
        if f"{layer}.bias" not in framework.state(module):
            return
        # a small change of a layer's bias is a small change of its whole output
        state, step = framework.state(module), 2e-3
        moved = []
        for sign in (1, -1):
            changed = dict(state)
            changed[f"{layer}.bias"] = state[f"{layer}.bias"] + np.float32(sign * step)
            framework.load_state(module, changed)
            moved.append(framework.scores(module, x, self.score))
        framework.load_state(module, state)
        total = gradient.reshape(len(x), -1).sum(1)
        # a value that crosses the kink of the ReLU within the step costs half its share, hence the median
        assert np.median(np.abs(total - (moved[0] - moved[1]) / (2 * step))) < 2e-3

    def test_layer_errors(self, framework, x):
        module = framework.build(tiny, {})
        with pytest.raises(InputError, match=r"Did you mean 'conv'"):
            framework.layer_gradient(module, "convv", x, self.score)
        with pytest.raises(InputError, match="did not run"):
            framework.layer_gradient(module, "unused", x, self.score)
        with pytest.raises(InputError, match=r"Did you mean 'conv'"):
            framework.capture(module, ["head", "convv"], x)
        with pytest.raises(InputError, match="'unused' did not run"):
            framework.capture(module, ["head", "unused"], x)
        with pytest.raises(InputError, match=r"Did you mean 'conv'"), framework.replace(module, "convv", np.negative):
            pass

    def test_layers_are_captured_as_they_put_out(self, framework, x):
        module = framework.build(tiny, {})
        found = framework.capture(module, ["conv", "blocks.0"], x)
        assert list(found) == ["conv", "blocks.0"]
        for layer, output in found.items():
            assert output.dtype == np.float32
            # also where an in-place activation follows
            assert np.allclose(output, framework.layer_gradient(module, layer, x, self.score)[1], atol=1e-6)

    def test_what_a_layer_puts_out_is_replaced_inside_the_block_alone(self, framework):
        module = framework.build(quadratic, {})
        x, score = np.array([[1.0, -2.0, 3.0], [1.0, 1.0, 1.0]], np.float32), LinearScore(np.ones(3))

        def change(output):
            assert np.array_equal(output, 2 * x)
            output[0, 0] = 5
            return output

        with framework.replace(module, "first", change) as network:
            assert np.allclose(framework.scores(network, x, score), [25 + 36, 12])
            assert np.allclose(framework.forward(network, x), [[25, 0, 36], [4, 4, 4]])
        told = pytest.raises(InputError, match=r"must have its shape \(2, 3\), got \(2,\)")
        with told, framework.replace(module, "first", lambda output: output[:, 0]) as network:
            framework.forward(network, x)
        assert np.allclose(framework.scores(module, x, score), [4 + 36, 12])

    def test_a_thread_beside_is_not_disturbed_by_a_replaced_layer(self, framework):
        module = framework.build(quadratic, {})
        x = np.array([[1.0, 2.0]], np.float32)
        with framework.replace(module, "first", np.zeros_like), ThreadPoolExecutor(1) as beside:
            assert np.allclose(beside.submit(framework.forward, module, x).result(), [[4, 16]])
            assert np.allclose(framework.forward(module, x), 0)

    # devices and errors

    def test_the_cpu_is_a_device(self, framework):
        devices = framework.devices()
        assert devices[0].id == "cpu"
        assert devices[0].framework == self.name
        assert devices[0].cores >= 1
        assert 0 < devices[0].free_memory <= devices[0].memory
        assert framework.device_of(framework.build(tiny, {}, device="cpu")) == "cpu"

    def test_an_absent_device_is_an_error_that_lists_those_present(self, framework):
        with pytest.raises(StateError, match=r"no device 'cuda:77'.*'cpu'"):
            framework.build(tiny, {}, device="cuda:77")

    def test_memory_errors_are_recognised(self, framework):
        assert framework.out_of_memory(MemoryError())
        for words in OUT_OF_MEMORY:
            assert framework.out_of_memory(RuntimeError(words)), words
        for words in OTHER_ERRORS:
            assert not framework.out_of_memory(RuntimeError(words)), words
        assert not framework.out_of_memory(ValueError("out of memory"))

    # precision and weights

    def check_precision(self, framework, make, tolerance):
        """Check answers and gradients of a module that `make` has brought to another precision."""
        module = framework.build(tiny, {})
        x = np.random.default_rng(1).normal(size=(2, 1, 5, 4)).astype(np.float32)
        score = LinearScore(np.array([1.0, -0.5]))

        def everything():
            found = [framework.forward(module, x), framework.scores(module, x, score)]
            return [
                *found,
                *framework.input_gradient(module, x, score),
                *framework.layer_gradient(module, "conv", x, score),
            ]

        wanted = everything()
        make(module)
        for array, expected in zip(everything(), wanted, strict=True):
            assert array.dtype == np.float32
            assert np.abs(array - expected).max() <= tolerance * max(np.abs(expected).max(), 1e-3)

    def test_weights_that_are_not_finite_are_named(self, framework):
        module = framework.build(tiny, {})
        assert framework.non_finite(module) == []
        state = framework.state(module)
        for value in (np.nan, np.inf):
            broken = state["head.weight"].copy()
            broken.flat[0] = value
            framework.load_state(module, {**state, "head.weight": broken})
            assert framework.non_finite(module) == ["head.weight"]

    # the process that computes

    @pytest.mark.parametrize("deterministic", [False, True])
    def test_a_process_is_started_with_what_the_framework_says(self, framework, deterministic):
        inherited = {"HOME": "here", "OMP_NUM_THREADS": "1"}
        options = {"threads": 3, "deterministic": deterministic}
        needs = type(framework).worker_environment(inherited, **options)
        assert all(isinstance(part, str) for pair in needs.items() for part in pair)
        # known without importing the framework, and never another thing than what it says itself
        assert worker_environment(self.name, inherited, **options) == {**inherited, **needs}
        assert inherited == {"HOME": "here", "OMP_NUM_THREADS": "1"}

    def test_known_problems_say_what_to_do(self, framework):
        for problem in framework.known_problems():
            assert problem.about
            assert problem.found
            assert problem.remedy

    def test_versions_name_the_framework(self, framework):
        assert framework.versions()[self.name][0].isdigit()
