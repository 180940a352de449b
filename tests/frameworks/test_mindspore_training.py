"""Training with a compiled network: the contract of stepping again, and what compiling must not change."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings
from typing import Any, ClassVar

import numpy as np
import pytest

from workbench.frameworks import OptimizerSpec, get
from workbench.testing.stepping import SteppingContract, assert_same_bits, classification, tiny

pytest.importorskip("mindspore", reason="the mindspore extra is not installed")
pytestmark = pytest.mark.mindspore

LABELS = {"label": np.array([0, 1, 0, 1, 1, 0])}


def unreadable(nn, F, ops):
    """A network that graph mode cannot read: it computes with NumPy between two layers."""

    class Unreadable(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm, self.head = nn.BatchNorm2d(1), nn.Linear(1, 2)

        def forward(self, x):
            scale = max({float(np.abs(x.asnumpy()).max()): "largest"})
            return self.head(ops.mean(self.norm(x) / scale, dim=(2, 3)))

    return Unreadable


def unreadable_when_small(nn, F, ops):
    """A network that graph mode can read for batches of more than four only."""

    class Partly(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.norm, self.head = nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.Linear(8, 2)

        def forward(self, x):
            scale = 1.0
            if x.shape[0] <= 4:
                scale = max({float(np.abs(x.asnumpy()).max()): "largest"})
            return self.head(ops.mean(F.relu(self.norm(self.conv(x / scale))), dim=(2, 3)))

    return Partly


@pytest.fixture
def framework():
    return get("mindspore")


@pytest.fixture
def x():
    return np.random.default_rng(1).normal(size=(6, 1, 5, 4)).astype(np.float32)


def trained(framework, define, config, batches, *, compiled, spec=None):
    """Return (weights, slots, terms of the last loss, scalars) after a step on each batch."""
    module = framework.build(define, config)
    spec = spec or OptimizerSpec("sgd", momentum=0.9)
    trainer = framework.trainer(module, classification, spec, compiled=compiled)
    terms = {}
    for step, inputs in enumerate(batches):
        labels = {"label": LABELS["label"][: len(inputs)]}
        terms = trainer.step(inputs, labels, step_seed=step, lr=0.05)
    return framework.state(module), *trainer.state()[:1], terms, trainer.state()[1]


class TestCompiledStepping(SteppingContract):
    config: ClassVar[dict[str, Any]] = {"dropout": 0.0}  # a network with dropout is not compiled

    @pytest.fixture
    def framework(self):
        return get("mindspore")

    @pytest.fixture
    def x(self):
        return np.random.default_rng(1).normal(size=(6, 1, 5, 4)).astype(np.float32)

    def _trainer(self, framework, module, spec=None, **options):
        return super()._trainer(framework, module, spec, compiled=True, **options)

    def test_it_is_a_graph_that_is_stepped(self, framework, x, targets):
        trainer = self._trainer(framework, framework.build(tiny, self.config))
        trainer.step(x, targets, step_seed=0, lr=0.1)
        assert trainer.state()[1]["compiled"] == [[6, 1, 5, 4]]


@pytest.mark.parametrize("named", [False, True])
def test_a_graph_trains_as_pynative_does(framework, x, named):
    if named:

        def loss(nn, F, ops):
            plain = classification(nn, F, ops)
            return lambda outputs, targets: plain(outputs["logits"], targets)
    else:
        loss = classification
    found = []
    for compiled in (True, False):
        module = framework.build(tiny, {"dropout": 0.0, "named": named})
        trainer = framework.trainer(module, loss, OptimizerSpec("sgd", momentum=0.9), compiled=compiled)
        losses = [trainer.step(x, LABELS, step_seed=step, lr=0.05)["loss"] for step in range(4)]
        found.append((losses, framework.state(module), trainer.state()[1]))
    (losses, state, scalars), (wanted, reference, without) = found
    assert scalars["compiled"] == [[6, 1, 5, 4]]
    assert without["compiled"] is None
    assert np.allclose(losses, wanted, rtol=1e-5)
    # running statistics among them: looking at the network before it is compiled counted for nothing
    assert all(np.allclose(state[name], reference[name], rtol=1e-4, atol=1e-6) for name in reference)


def shared(nn, F, ops):
    """A convolution and an attention that are used at several places, on several sizes."""

    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 2, 1)
            self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x):
            fine = F.relu(self.conv(x))
            coarse = self.conv(F.max_pool2d(fine, 4))
            tokens = ops.transpose(ops.flatten(coarse, 2), 1, 2)
            few = tokens[:, :8]
            attended = self.attention(tokens, tokens, tokens)[0], self.attention(few, few, few)[0]
            both = ops.mean(self.head(self.conv(fine)), dim=(2, 3)) + ops.mean(self.head(coarse), dim=(2, 3))
            return both + sum(ops.mean(values, dim=1)[:, :2] for values in attended)

    return Shared


@pytest.mark.parametrize("compiled", [False, True])
def test_layers_used_several_times_have_the_gradients_of_torch(framework, compiled):
    x = np.random.default_rng(0).normal(size=(3, 4, 32, 32)).astype(np.float32)
    reference = get("torch")
    modules = [side.build(shared, {}) for side in (reference, framework)]
    framework.load_state(modules[1], reference.state(modules[0]))
    slots = []
    for side, module in zip((reference, framework), modules, strict=True):
        trainer = side.trainer(module, classification, OptimizerSpec("sgd", momentum=0.9), compiled=compiled)
        trainer.step(x, {"label": np.array([0, 1, 0])}, step_seed=0, lr=0.05)
        slots.append(trainer.state()[0])
    # what SGD remembers after one step is the gradient
    wanted, found = slots
    assert all(np.allclose(found[name], wanted[name], rtol=1e-4, atol=1e-6) for name in wanted)


def test_what_draws_at_random_is_not_compiled(framework, x):
    wanted = trained(framework, tiny, {"dropout": 0.5}, [x] * 3, compiled=False)
    found = trained(framework, tiny, {"dropout": 0.5}, [x] * 3, compiled=True)
    assert found[3]["compiled"] == []
    assert_same_bits(found[:3], wanted[:3])


def test_what_cannot_be_compiled_trains_all_the_same(framework, x, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # a failure of the compiler leaves a folder where it happens
    wanted = trained(framework, unreadable, {}, [x] * 3, compiled=False)
    with pytest.warns(UserWarning, match="cannot compile Unreadable for training .*PyNative mode"):
        found = trained(framework, unreadable, {}, [x] * 3, compiled=True)
    assert_same_bits(found[:3], wanted[:3])
    assert found[3]["compiled"] is None


def test_a_run_that_gave_up_compiling_is_resumed_without(framework, x, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    batches = [x, x[:4], x, x[:4], x]

    def run(interrupt):
        module = framework.build(unreadable_when_small, {})
        trainer = framework.trainer(module, classification, OptimizerSpec(), compiled=True)
        for step, inputs in enumerate(batches):
            if step == interrupt:
                state, (tensors, scalars) = framework.state(module), trainer.state()
                assert scalars["compiled"] is None
                module = framework.build(unreadable_when_small, {}, seed=9)
                framework.load_state(module, state)
                trainer = framework.trainer(module, classification, OptimizerSpec(), compiled=True)
                trainer.load_state(tensors, json.loads(json.dumps(scalars)))
            terms = trainer.step(inputs, {"label": LABELS["label"][: len(inputs)]}, step_seed=step, lr=0.05)
        return framework.state(module), trainer.state()[0], terms

    with pytest.warns(UserWarning, match="cannot compile"):
        whole = run(None)
    with pytest.warns(UserWarning, match="cannot compile"):
        resumed = run(2)
    assert_same_bits(whole, resumed)


def test_two_shapes_are_compiled_and_no_more(framework, x):
    batches = [x, x[:4], x[:, :, :4], x, x[:4], x[:, :, :4]]
    found = trained(framework, tiny, {"dropout": 0.0}, batches, compiled=True)
    wanted = trained(framework, tiny, {"dropout": 0.0}, batches, compiled=False)
    assert found[3]["compiled"] == [[6, 1, 5, 4], [4, 1, 5, 4]]
    assert found[2]["loss"] == pytest.approx(wanted[2]["loss"], rel=1e-4)


def test_a_resumed_run_compiles_what_it_had_compiled(framework, x):
    batches = [x, x[:4], x[:3], x[:2], x[:4], x[:3]]

    def run(interrupt):
        module = framework.build(tiny, {"dropout": 0.0})
        trainer = framework.trainer(module, classification, OptimizerSpec(), compiled=True)
        for step, inputs in enumerate(batches):
            if step == interrupt:
                state, (tensors, scalars) = framework.state(module), trainer.state()
                module = framework.build(tiny, {"dropout": 0.0}, seed=99)
                framework.load_state(module, state)
                trainer = framework.trainer(module, classification, OptimizerSpec(), compiled=True)
                trainer.load_state(tensors, scalars)
            terms = trainer.step(inputs, {"label": LABELS["label"][: len(inputs)]}, step_seed=step, lr=0.05)
        assert trainer.state()[1]["compiled"] == [[6, 1, 5, 4], [4, 1, 5, 4]]
        return framework.state(module), trainer.state()[0], terms

    assert_same_bits(run(None), run(2))


def test_an_error_within_a_gradient_leaves_nothing_behind(framework, x):
    def failing(nn, F, ops):
        def loss(outputs, targets):
            raise ValueError("no loss today")

        return loss

    wanted = trained(framework, tiny, {"dropout": 0.0}, [x] * 3, compiled=True)
    with pytest.raises(ValueError, match="no loss today"):
        framework.trainer(framework.build(tiny, {}), failing, OptimizerSpec()).step(x, LABELS, step_seed=0, lr=0.05)
    # MindSpore would count each batch twice in the running statistics of what it compiles after that
    assert_same_bits(trained(framework, tiny, {"dropout": 0.0}, [x] * 3, compiled=True)[:3], wanted[:3])


@pytest.mark.parametrize("error", [ValueError("bad target"), RuntimeError("Allocate memory failed")])
def test_what_the_loss_raises_is_raised(framework, x, error):
    def failing(nn, F, ops):
        def loss(outputs, targets):
            raise error

        return loss

    trainer = framework.trainer(framework.build(tiny, {"dropout": 0.0}), failing, OptimizerSpec(), compiled=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(type(error), match=str(error)):
            trainer.step(x, LABELS, step_seed=0, lr=0.05)


def test_an_error_in_the_network_leaves_no_trace_in_running_statistics(framework, x):
    from workbench.errors import InputError

    def pooled(nn, F, ops):
        class Pooled(nn.Module):
            def __init__(self):
                super().__init__()
                self.first, self.second, self.head = nn.BatchNorm2d(1), nn.BatchNorm2d(1), nn.Linear(1, 2)

            def forward(self, x):
                means = ops.mean(self.first(x), dim=(2, 3), keepdim=True)
                return self.head(self.second(means)[:, :, 0, 0])

        return Pooled

    module = framework.build(pooled, {})
    trainer = framework.trainer(module, classification, OptimizerSpec(), compiled=True)
    before = framework.state(module)
    with pytest.raises(InputError, match="one value per channel"):
        trainer.step(x[:1], {"label": LABELS["label"][:1]}, step_seed=0, lr=0.1)
    assert np.array_equal(framework.state(module)["first.running_mean"], before["first.running_mean"])


def test_a_wrong_annotation_is_no_failure_to_compile(framework, x):
    from workbench.errors import InputError

    def strict(nn, F, ops):
        def loss(outputs, targets):
            raise InputError("The label must be 0 or 1, got 7.")

        return loss

    trainer = framework.trainer(framework.build(tiny, {"dropout": 0.0}), strict, OptimizerSpec(), compiled=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        with pytest.raises(InputError, match="got 7"):
            trainer.step(x, LABELS, step_seed=0, lr=0.05)


_STEPS = """
import hashlib
import numpy as np
from workbench.testing.stepping import classification, tiny
from workbench.frameworks import OptimizerSpec, get
framework = get("mindspore")
module = framework.build(tiny, {"dropout": DROPOUT})
trainer = framework.trainer(module, classification, OptimizerSpec("adamw"), compiled=True)
x = np.random.default_rng(1).normal(size=(6, 1, 5, 4)).astype(np.float32)
for step in range(4):
    trainer.step(x, {"label": np.array([0, 1, 0, 1, 1, 0])}, step_seed=step, lr=0.01)
digest = hashlib.sha256()
for name, value in sorted(framework.state(module).items()):
    digest.update(name.encode() + value.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_two_processes_train_to_the_same_bits(pytestconfig, dropout):
    run = [sys.executable, "-c", _STEPS.replace("DROPOUT", str(dropout))]
    digests = {
        subprocess.run(run, cwd=pytestconfig.rootpath, check=True, capture_output=True, text=True).stdout.split()[-1]
        for _ in range(2)
    }
    assert len(digests) == 1
