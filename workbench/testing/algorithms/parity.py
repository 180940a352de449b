"""What the two frameworks owe each other: from one weights file, the same answers, gradients and training steps.

A network is compared as it is, and once more with its kinks rounded off. A ReLU (a maximum) whose input lies within
rounding of the kink (of a tie) lets the gradient through on one framework and not on the other, and neither is wrong:
against torch in double precision both are as far off, and torch itself, from weights that differ by 1e-7, is off by as
much. One such value among the few of a coarse map, times a batch norm over as few, moves the gradient of everything
before it by several per cent, and the loss after a large step likewise (EllipseNet's default network: 1e-2 after one
step at a rate of 1e-3, torch against torch). Smooth, the same network with the same weights has no such luck in it:
every weight of it is compared, over three steps.
"""

from __future__ import annotations

import ctypes
import gc
import sys
import types
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench import frameworks
from workbench.frameworks import LinearScore
from workbench.testing.algorithms.gradients import Differentiated
from workbench.testing.marks import needs_mindspore, slow
from workbench.zoo import Model

STEPS = 3
#: What rounding does to weights in float32.
ROUNDING = 1e-7


def assert_same_gradient(one: np.ndarray, other: np.ndarray, what: str) -> None:
    """Check that two gradients agree to 1e-3 of the largest value of the first, however small that is."""
    assert one.shape == other.shape, what
    largest = np.abs(one).max()
    # where all of a gradient is zero there would be nothing to compare
    assert largest > 0, what
    assert np.abs(one - other).max() <= 1e-3 * largest, what


def smooth(nn: Any, F: Any) -> tuple[Any, Any]:
    """Return the vocabulary with SiLU in place of activations that have a kink, and means in place of maxima."""
    rounded = {"relu": lambda x, inplace=False: F.silu(x), "leaky_relu": lambda x, slope=0.01, inplace=False: F.silu(x)}
    layers = {"ReLU": lambda inplace=False: nn.SiLU(), "LeakyReLU": lambda slope=0.01, inplace=False: nn.SiLU()}
    for dimensions in ("2d", "3d"):
        rounded[f"max_pool{dimensions}"] = getattr(F, f"avg_pool{dimensions}")
        layers[f"MaxPool{dimensions}"] = getattr(nn, f"AvgPool{dimensions}")
    functional = _changed(F, rounded)
    return _changed(nn, {**layers, "functional": functional}), functional


def _changed(module: Any, names: dict[str, Any]) -> Any:
    made = types.ModuleType(module.__name__)
    vars(made).update(vars(module))
    vars(made).update(names)
    return made


class ParityContract:
    """Part of the contract of every algorithm."""

    name: ClassVar[str]
    #: Seed of the weights and rate of the steps that are compared as they are. Where they meet a kink, choose others,
    #: with which weights that differ by 1e-7 give torch itself the same losses.
    parity_seed: ClassVar[int] = 3
    parity_lr: ClassVar[float] = 2e-3

    # ---- answered by the contract of algorithms ------------------------------------------------------------------

    model: Callable[..., Any]
    inputs: Callable[..., np.ndarray]
    main: Callable[..., np.ndarray]
    batch_targets: Callable[..., dict[str, np.ndarray]]

    # ---- helpers -------------------------------------------------------------------------------------------------

    def settle(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return weights that rounding does not drive apart within three steps; fresh ones, unless said otherwise."""
        return state

    def same_weights(self, tmp_path: Any) -> tuple[Any, Any]:
        one = self.model("torch", seed=self.parity_seed)
        other = self.model("mindspore", seed=4)
        one.framework.load_state(one.module, self.settle(one.state()))
        other.load(one.save(tmp_path / "weights.safetensors"))
        return one, other

    def smooth_model(self, framework: str, weights: dict[str, np.ndarray], *, like: Any = None, **options: Any) -> Any:
        """Return a model with these weights and no kink; else it is as `like`, or as one with these options."""
        like = like or self.model(framework, **options)

        def define(nn: Any, F: Any, ops: Any) -> Any:
            return like.algorithm.define(*smooth(nn, F), ops)

        backend = frameworks.get(framework)
        module = backend.build(define, like.config)
        backend.load_state(module, weights)
        return Model(like.algorithm, backend, like.device, like.config, module)

    def compare_every_weight(self, **options: Any) -> None:
        """Check that no weight is farther from torch's than torch is from itself after a rounding of all weights.

        What is compared is the momentum after each of three steps of SGD: the gradients of all of them.
        """
        batch = self.inputs(STEPS), self.batch_targets(STEPS)
        model = self.model("torch", seed=self.parity_seed, **options)
        weights = self.settle(model.state())
        moved = {name: shaken(name, value) for name, value in weights.items()}
        one, again, other = (
            Differentiated(self.smooth_model(framework, state, like=model), *batch, lr=self.parity_lr, compiled=False)
            for framework, state in (("torch", weights), ("torch", moved), ("mindspore", weights))
        )
        for _ in range(STEPS):
            for trained in (one, again, other):
                trained.step()
            assert list(one.weights) == list(other.weights)
            largest = {name: np.abs(gradient).max() for name, gradient in one.weights.items()}
            # a bias before a norm has a gradient of zero, and what is found for it is rounding
            noise = 1e-6 * max(largest.values())
            for name, gradient in one.weights.items():
                apart = np.abs(gradient - again.weights[name]).max()
                allowed = max(1e-3 * largest[name], 10 * apart, noise)
                assert np.abs(gradient - other.weights[name]).max() <= allowed, name
        own = np.abs(np.subtract(one.losses, again.losses))
        assert (np.abs(np.subtract(one.losses, other.losses)) <= np.maximum(1e-3 * np.abs(one.losses), 10 * own)).all()

    # ---- tests ---------------------------------------------------------------------------------------------------

    @needs_mindspore
    def test_parity(self, tmp_path: Any) -> None:
        one, other = self.same_weights(tmp_path)
        assert one.weights_fingerprint() == other.weights_fingerprint()
        inputs = self.inputs(2)
        outputs = [model.forward(inputs) for model in (one, other)]
        mine, theirs = (found if isinstance(found, dict) else {"logits": found} for found in outputs)
        assert list(mine) == list(theirs)
        for name, output in mine.items():
            assert output.shape == theirs[name].shape, name
            assert np.abs(output - theirs[name]).max() <= 1e-4, name
        shape = self.main(outputs[0]).shape[1:]
        weights = np.random.default_rng(1).normal(size=shape).astype(np.float32)
        score = LinearScore(weights / weights.size)
        gradients = [m.framework.input_gradient(m.module, inputs, score)[1] for m in (one, other)]
        assert_same_gradient(gradients[0], gradients[1], "that of a score with respect to the input")

    @slow
    @needs_mindspore
    def test_parity_of_training(self, tmp_path: Any) -> None:
        inputs, targets = self.inputs(3), self.batch_targets(3)
        one, other = (
            Differentiated(model, inputs, targets, lr=self.parity_lr) for model in self.same_weights(tmp_path)
        )
        first: list[np.ndarray] = []
        for _ in range(STEPS):
            one.step()
            other.step()
            first = first or [one.input, other.input]
        assert_same_gradient(first[0], first[1], "that of the loss with respect to the input")
        assert np.allclose(one.losses, other.losses, rtol=1e-3, atol=0)
        if wb.zoo.card(self.name).graph_mode and not other.players:
            assert other.compiled == [list(inputs.shape)], "it was no graph that was compared"

    @slow
    @needs_mindspore
    def test_parity_of_every_weight(self) -> None:
        self.compare_every_weight()


class ParityByDefault(ParityContract):
    """Inherit it too, once for each algorithm: its default network keeps parity as the tiny one does.

    Classes made from that one are about other networks.
    """

    #: Spatial size of an input whose coarsest maps still have some values for a norm to be taken over.
    default_size: ClassVar[tuple[int, ...]]
    #: What cannot be as by default, such as dropout, which the frameworks draw in ways of their own.
    default_options: ClassVar[dict[str, Any]] = {}

    @slow
    @needs_mindspore
    def test_parity_of_every_weight_by_default(self) -> None:
        if "default_size" not in vars(type(self)):
            pytest.skip("the default network is compared once, in the class that this one is made from")
        whole = type(self)()
        whole.size, whole.tiny = self.default_size, self.default_options  # type: ignore[attr-defined]
        try:
            whole.compare_every_weight()
        finally:
            give_back()


def give_back() -> None:
    """Hand unused memory back to the system, which glibc does not do by itself: tests run side by side."""
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)


def shaken(name: str, value: np.ndarray) -> np.ndarray:
    """Return a weight moved by as much as rounding moves it."""
    if value.dtype.kind != "f":
        return value
    noise = np.random.default_rng(len(name)).standard_normal(value.shape)
    return (value * (1 + ROUNDING * noise)).astype(value.dtype)
