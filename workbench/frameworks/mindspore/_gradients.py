"""Forward passes, and gradients of a score with respect to the input and to a layer's output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import ops
from mindspore.common.api import _pynative_executor

from workbench.errors import InputError, choose
from workbench.frameworks.base import Array, LinearScore, Outputs


def to_tensor(array: Array) -> ms.Tensor:
    """Return a tensor with the array's values and dtype."""
    return ms.Tensor(np.asarray(array, order="C"))


@contextlib.contextmanager
def recording() -> Iterator[None]:
    """Take a gradient, and leave nothing of it behind if that ends in an error.

    MindSpore 2.8 keeps the record of a gradient that an error has ended. Whatever is compiled and differentiated after
    that runs forward twice, and its batch norms count every batch twice.
    """
    try:
        yield
    except BaseException:
        _pynative_executor.clear_res()
        raise


def _copy(tensor: Any) -> Array:
    array: Array = tensor.asnumpy().copy()
    return array


def _score(outputs: Any, score: LinearScore) -> Any:
    output = score.select(outputs)
    weights = ms.Tensor(score.weights_for(output.shape))
    if score.activation == "softmax":
        output = ops.softmax(output, 1)
    elif score.activation == "sigmoid":
        output = ops.sigmoid(output)
    return (output * weights).reshape(output.shape[0], -1).sum(1)


def forward(module: Any, x: Array) -> Outputs:
    """Return the outputs as arrays."""
    outputs = module(to_tensor(x))
    if isinstance(outputs, Mapping):
        return {name: _copy(value) for name, value in outputs.items()}
    return _copy(outputs)


def scores(module: Any, x: Array, score: LinearScore) -> Array:
    """Return the score of each sample."""
    return _copy(_score(module(to_tensor(x)), score))


def input_gradient(module: Any, x: Array, score: LinearScore) -> tuple[Array, Array]:
    """Return the scores and their gradient with respect to the input."""

    def total(inputs: Any) -> tuple[Any, Any]:
        values = _score(module(inputs), score)
        return values.sum(), values

    with recording():
        (_, values), gradient = ms.value_and_grad(total, 0, has_aux=True)(to_tensor(x))
    return _copy(values), _copy(gradient)


def layer_gradient(module: Any, layer: str, x: Array, score: LinearScore) -> tuple[Array, Array, Array]:
    """Return the scores, the layer's output and the gradient with respect to it.

    The gradient with respect to a layer's output is that with respect to a zero added to it. The zero needs the
    output's shape, hence a first forward pass.
    """
    names = {name: found for name, found in module.named_modules() if name}
    target = names[choose(layer, names, "layer")]
    seen: list[Any] = []

    def record(_cell: Any, _inputs: Any, output: Any) -> None:
        if not isinstance(output, ms.Tensor):
            raise InputError(
                f"Layer {layer!r} returns {type(output).__name__}, not one tensor, so there is no gradient with "
                "respect to it. Choose a layer inside it."
            )
        seen.append(output)

    inputs = to_tensor(x)
    handle = target.register_forward_hook(record)
    try:
        module(inputs)
    finally:
        handle.remove()
    if not seen:
        raise InputError(f"Layer {layer!r} did not run in this network's forward pass. Choose another layer.")

    activation, runs = seen[-1], len(seen)

    def total(zero: Any) -> tuple[Any, Any]:
        calls = 0

        def disturb(_cell: Any, _inputs: Any, output: Any) -> Any:
            nonlocal calls
            calls += 1
            return output + zero if calls == runs else output

        inner = target.register_forward_hook(disturb)
        try:
            values = _score(module(inputs), score)
        finally:
            inner.remove()
        return values.sum(), values

    with recording():
        (_, values), gradient = ms.value_and_grad(total, 0, has_aux=True)(ops.zeros_like(activation))
    return _copy(values), _copy(activation), _copy(gradient)
