"""A network in which every non-linear step is a module of its own.

Methods that change how gradients pass a non-linearity (DeepLIFT, guided backpropagation) hang their rule on modules.
A network hides most of its steps from them: ``F.relu`` is no module, one ``nn.ReLU`` may run ten times, and an in-place
one overwrites what the rule needs. `Stepwise` gives each *call* a module, so that none of that matters. The network
itself is not touched: its calls are redirected while it runs, in this thread alone.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.base import LinearScore
from workbench.frameworks.torch._evaluating import evaluation_mode
from workbench.frameworks.torch._tensors import (
    bare,
    device_of,
    differentiating,
    dtype_of,
    need_gradient,
    need_layers,
    run,
    score_of,
    to_array,
    to_tensor,
)

_RELU = ("relu",)
_ELEMENTWISE = (
    *_RELU, "abs", "celu", "clamp", "clip", "elu", "exp", "gelu", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu",
    "log", "log1p", "logsigmoid", "mish", "pow", "prelu", "relu6", "rsqrt", "selu", "sigmoid", "silu", "softplus",
    "softsign", "sqrt", "square", "tanh", "tanhshrink", "__pow__",
)  # fmt: skip
_POOLS: dict[Any, int] = {F.max_pool1d: 1, F.max_pool2d: 2, F.max_pool3d: 3}
_POOL_WORDS = ("kernel_size", "stride", "padding", "dilation", "ceil_mode", "return_indices")

Call = Callable[..., torch.Tensor]
Rule = Callable[["Stepwise", torch.Tensor, torch.Tensor], torch.Tensor]


def attribute(
    network: torch.nn.Module, score: LinearScore, x: Array, baseline: Array, rule: Rule, *, relu_only: bool = False
) -> tuple[Array, Array]:
    """Return what a rule makes of the steps of a network, and the scores of its last run.

    Parameters
    ----------
    x, baseline : ndarray
        ``[1, channels, *spatial]`` float32, as the network sees them.
    rule : callable
        ``rule(network, x, baseline)`` with a `Stepwise` and two tensors; returns a tensor like `x`.
    relu_only : bool
        See `Stepwise`.

    Raises
    ------
    InputError
        If the steps of the network cannot be told apart, or it does not show them.
    StateError
        If its weights were made inside `torch.inference_mode`, or its answer has no gradient.
    """
    network = bare(network)
    need_layers(network, "integrated-gradients, saliency, occlusion")
    with evaluation_mode(network), differentiating(network):
        place, dtype = device_of(network), dtype_of(network)
        inputs, other = (to_tensor(array, place).to(dtype).requires_grad_(True) for array in (x, baseline))
        steps = Stepwise(network, score, inputs, relu_only=relu_only)
        found = rule(steps, inputs, other)
        need_gradient(recorded=steps.recorded)
        return to_array(found.float()), to_array(steps.scores)


class Stepwise(torch.nn.Module):
    """The score of a network, its non-linear steps replaced by the modules in `steps`.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode.
    score : LinearScore
        What is computed of its outputs, one number per input.
    inputs : Tensor
        ``[1, channels, *spatial]``: the network is run on it to find its steps.
    relu_only : bool
        Replace rectifiers alone. Otherwise every function of single values is replaced, and every maximum over
        windows by a `torch.nn.MaxPool1d` over the windows' values, so that windows may overlap.

    Raises
    ------
    InputError
        If the network takes different steps for one input and for two.
    """

    def __init__(
        self, network: torch.nn.Module, score: LinearScore, inputs: torch.Tensor, *, relu_only: bool = False
    ) -> None:
        super().__init__()
        # not as children: rules are to be hung on the steps, and on nothing else
        self._network = (network,)
        self._score = score
        self._relu_only = relu_only
        self.scores = torch.zeros(0)  # of the last run
        self.recorded = False  # whether a gradient leads back from them
        self.steps = torch.nn.ModuleList()
        self._axes: list[int | None] = []
        one, two = self._look(inputs), self._look(torch.cat([inputs, inputs]))
        if len(one) != len(two):
            raise InputError(
                f"The network takes {len(one)} non-linear steps for one input and {len(two)} for two, so its steps "
                "cannot be told apart. Use a method that looks at its input and output alone: occlusion, "
                "integrated-gradients."
            )
        self._axes = [_batch_axis(a, b) for (a, _), (b, _) in zip(one, two, strict=True)]
        self.steps.extend(torch.nn.MaxPool1d(math.prod(window)) if window else torch.nn.ReLU() for _, window in one)

    @property
    def replaced(self) -> int:
        """Number of steps that have a module."""
        return sum(axis is not None for axis in self._axes)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        with _Redirecting(_calls(self._relu_only), self._step):
            scores = self._run(inputs)
        self.scores, self.recorded = scores.detach(), scores.requires_grad
        # a score that no voxel matters to has a gradient all the same: zero
        return scores + inputs.flatten(1)[:, :1].sum(1) * 0

    def _run(self, inputs: torch.Tensor) -> torch.Tensor:
        # a copy, as a network may begin with a step in place
        return score_of(run(self._network[0], inputs.clone()), self._score)

    def _look(self, inputs: torch.Tensor) -> list[tuple[torch.Size, tuple[int, ...]]]:
        seen: list[tuple[torch.Size, tuple[int, ...]]] = []

        def note(_index: int, plain: Call, x: torch.Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            seen.append((x.shape, _window(plain, args, kwargs)))
            return plain(x, *args, **kwargs)

        with _Redirecting(_calls(self._relu_only), note):
            self._run(inputs)
        return seen

    def _step(self, index: int, plain: Call, x: torch.Tensor, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        axis = self._axes[index]
        if axis is None or not x.requires_grad:
            return plain(x, *args, **kwargs)
        step = self.steps[index]
        first = x.movedim(axis, 0)
        if isinstance(step, torch.nn.MaxPool1d):
            patches = _patches(first, *_pooling(plain, args, kwargs)[:4])
            answer = step(patches.reshape(len(patches), -1, patches.shape[-1])).reshape(patches.shape[:-1])
        else:
            # rules are found by a module's type, and that of a rectifier holds for every function of single values
            step.forward = functools.partial(_apply, plain, args, kwargs)
            answer = step(first)
        return answer.movedim(0, axis)


class _Redirecting(TorchFunctionMode):
    """Hands the calls of some functions, counted, to another one."""

    def __init__(self, calls: dict[Any, Call], handle: Callable[..., torch.Tensor]) -> None:
        super().__init__()
        self._calls, self._handle, self._count = calls, handle, 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = dict(kwargs or {})
        plain = self._calls.get(func)
        if plain is None:
            return func(*args, **kwargs)
        x, *rest = args or (kwargs.pop("input"),)
        if not isinstance(x, torch.Tensor) or _skipped(plain, rest, kwargs):
            return func(x, *rest, **kwargs)
        in_place = kwargs.pop("inplace", False) or _in_place(func)
        answer = self._handle(self._count, plain, x, tuple(rest), kwargs)
        self._count += 1
        # who writes in place may go on with the old name
        return x.copy_(answer) if in_place else answer


@functools.cache
def _calls(relu_only: bool) -> dict[Any, Call]:
    """Return the functions that are redirected, each with its twin that does not write in place."""
    found = elementwise(_RELU if relu_only else _ELEMENTWISE)
    if relu_only:
        return found
    plainer = (torch.max_pool1d, torch.max_pool2d, torch.max_pool3d)
    return found | {pool: pool for pool in _POOLS} | dict(zip(plainer, _POOLS, strict=True))


def elementwise(names: Sequence[str] = _ELEMENTWISE) -> dict[Any, Call]:
    """Return functions of single values, each with its twin that does not write in place."""
    found: dict[Any, Call] = {}
    for name in names:
        plain = next(getattr(place, name) for place in (F, torch, torch.Tensor) if hasattr(place, name))
        for place in (F, torch, torch.Tensor):
            found |= {getattr(place, form): plain for form in (name, f"{name}_") if hasattr(place, form)}
    return found


def _in_place(func: Any) -> bool:
    name = getattr(func, "__name__", "")
    return name.endswith("_") and not name.endswith("__")


def _apply(plain: Call, args: tuple[Any, ...], kwargs: dict[str, Any], x: torch.Tensor) -> torch.Tensor:
    return plain(x, *args, **kwargs)


def _skipped(plain: Call, args: Sequence[Any], kwargs: dict[str, Any]) -> bool:
    """Tell whether a call is not a step of one tensor: two maps are combined, or its windows have holes."""
    tensors = [value for value in (*args, *kwargs.values()) if isinstance(value, torch.Tensor)]
    if plain in _POOLS:
        *_, holes, indices = _pooling(plain, tuple(args), kwargs)
        return indices or any(hole != 1 for hole in holes)
    return not all(tensor.is_leaf for tensor in tensors)


def _batch_axis(one: torch.Size, two: torch.Size) -> int | None:
    """Return the axis that holds the inputs; None for what does not depend on them."""
    if len(one) != len(two):
        return None
    differing = [axis for axis, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    return differing[0] if len(differing) == 1 and two[differing[0]] == 2 * one[differing[0]] else None


def _window(plain: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[int, ...]:
    return _pooling(plain, args, kwargs)[0] if plain in _POOLS else ()


def _pooling(plain: Call, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Any, ...]:
    """Return window, stride, padding, ceil_mode, dilation and return_indices of a call, one number per axis."""
    given = {**dict(zip(_POOL_WORDS, args, strict=False)), **kwargs}

    def each(value: Any) -> tuple[int, ...]:
        values = tuple(value) if isinstance(value, list | tuple) else (value,)
        return values * _POOLS[plain] if len(values) == 1 else values

    window = each(given["kernel_size"])
    stride = given.get("stride")
    return (
        window,
        window if stride is None or stride == [] else each(stride),
        each(given.get("padding", 0)),
        bool(given.get("ceil_mode", False)),
        each(given.get("dilation", 1)),
        bool(given.get("return_indices", False)),
    )


def _patches(
    x: torch.Tensor,
    window: tuple[int, ...],
    stride: tuple[int, ...],
    padding: tuple[int, ...],
    ceil_mode: bool,
) -> torch.Tensor:
    """Return the values in every window, ``[n, channels, *windows, values]``."""
    first = x.ndim - len(window)
    pads: list[int] = []
    for size, k, s, p in zip(x.shape[first:], window, stride, padding, strict=True):
        steps = (size + 2 * p - k) / s
        count = (math.ceil(steps) if ceil_mode else math.floor(steps)) + 1
        if ceil_mode and (count - 1) * s >= size + p:  # a window must begin inside of the map
            count -= 1
        pads = [p, (count - 1) * s + k - size - p, *pads]
    if any(pads):
        # lower than all values, so that it is never the maximum; infinity would spoil the differences
        x = F.pad(x, pads, value=float(x.detach().amin()) - 1)
    for axis, (k, s) in enumerate(zip(window, stride, strict=True), start=first):
        x = x.unfold(axis, k, s)
    return x.flatten(first + len(window))
