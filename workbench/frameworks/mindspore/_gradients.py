"""Forward passes, and gradients of a score with respect to the input and to a layer's output."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import ops
from mindspore.common.api import _pynative_executor

from workbench._arrays import Array
from workbench.errors import InputError, WorkbenchError, choose
from workbench.frameworks._layers import check_ran, checked, named_layers
from workbench.frameworks._memory import says_out_of_memory
from workbench.frameworks.base import LinearScore, Outputs
from workbench.frameworks.outputs import named

_REAL = (ms.float16, ms.bfloat16, ms.float32, ms.float64)
#: MindSpore's names for what layers were told to compute in.
_CASTS = {"FP16": "Float16", "BF16": "BFloat16"}


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


@contextlib.contextmanager
def in_its_precision(module: Any, x: Array) -> Iterator[ms.Tensor]:
    """Give float32 inputs in the precision of a network's weights, and say so where MindSpore cannot run it.

    Raises
    ------
    InputError
        If weights, or what layers were told to compute in, are not float32 and the device lacks an operator for it.
    """
    dtype = next((weight.dtype for weight in module.get_parameters() if weight.dtype in _REAL), ms.float32)
    try:
        given = to_tensor(x)
        yield given.astype(dtype) if given.dtype in _REAL else given
    except (TypeError, ValueError, RuntimeError) as error:
        cast = _cast_to(module)
        if (dtype == ms.float32 and cast is None) or isinstance(error, WorkbenchError) or says_out_of_memory(error):
            raise
        target = ms.get_context("device_target")
        lines = [line.strip() for line in str(error).splitlines()]
        reason = next((line for line in lines if line and not line.startswith("-")), type(error).__name__)
        if cast is None:
            what, back = f"weights are {dtype}", "set_dtype(mindspore.float32) on each of its parameters"
        else:
            what, back = f"layers compute in {cast}", "module.to_float(mindspore.float32)"
        raise InputError(
            f"The network's {what}, and MindSpore on {target} cannot run it so ({reason}). Bring them back to float32: "
            f"wb.zoo.load its file again, or {back}."
        ) from error


def _cast_to(module: Any) -> str | None:
    """Return what `Cell.to_float` has a layer of the network compute in; None where that is float32."""
    found = (getattr(cell.mixed_precision_type, "name", "") for _, cell in module.cells_and_names())
    return next((_CASTS[name] for name in found if name in _CASTS), None)


def run(module: Any, inputs: ms.Tensor) -> Any:
    """Run a network; returns a tensor, or tensors by name."""
    return named(module(inputs), ms.Tensor)


def to_output(tensor: Any) -> Array:
    """Return the values as float32 that share no memory with the tensor."""
    array: Array = (tensor if tensor.dtype == ms.float32 else tensor.astype(ms.float32)).asnumpy().copy()
    return array


def _score(outputs: Any, score: LinearScore) -> Any:
    output = score.select(outputs).astype(ms.float32)
    weights = ms.Tensor(score.weights_for(output.shape))
    if score.activation == "softmax":
        output = ops.softmax(output, 1)
    elif score.activation == "sigmoid":
        output = ops.sigmoid(output)
    value = (output * weights).reshape(output.shape[0], -1).sum(1)
    for other in score.plus:
        value = value + _score(outputs, other)
    return value


def forward(module: Any, x: Array) -> Outputs:
    """Return the outputs as arrays."""
    with in_its_precision(module, x) as inputs:
        outputs = run(module, inputs)
        if isinstance(outputs, Mapping):
            return {name: to_output(value) for name, value in outputs.items()}
        return to_output(outputs)


def scores(module: Any, x: Array, score: LinearScore) -> Array:
    """Return the score of each sample."""
    with in_its_precision(module, x) as inputs:
        return to_output(_score(run(module, inputs), score))


def input_gradient(module: Any, x: Array, score: LinearScore) -> tuple[Array, Array]:
    """Return the scores and their gradient with respect to the input."""

    def total(inputs: Any) -> tuple[Any, Any]:
        values = _score(run(module, inputs), score)
        return values.sum(), values

    with in_its_precision(module, x) as given, recording():
        (_, values), gradient = ms.value_and_grad(total, 0, has_aux=True)(given)
    return to_output(values), to_output(gradient)


def layer_gradient(module: Any, layer: str, x: Array, score: LinearScore) -> tuple[Array, Array, Array]:
    """Return the scores, the layer's output and the gradient with respect to it.

    The gradient with respect to a layer's output is that with respect to a zero added to it. The zero needs the
    output's shape, hence a first forward pass.
    """
    names = {name: found for name, found in named_layers(module) if name}
    target = names[choose(layer, names, "layer")]
    seen: list[Any] = []

    def record(_cell: Any, _inputs: Any, output: Any) -> None:
        seen.append(checked(layer, output, ms.Tensor))

    with in_its_precision(module, x) as inputs:
        handle = target.register_forward_hook(record)
        try:
            module(inputs)
        finally:
            handle.remove()
        check_ran([layer], [layer] * len(seen))
        activation, runs = seen[-1], len(seen)

        def total(zero: Any) -> tuple[Any, Any]:
            calls = 0

            def disturb(_cell: Any, _inputs: Any, output: Any) -> Any:
                nonlocal calls
                calls += 1
                return output + zero if calls == runs else output

            inner = target.register_forward_hook(disturb)
            try:
                values = _score(run(module, inputs), score)
            finally:
                inner.remove()
            return values.sum(), values

        with recording():
            (_, values), gradient = ms.value_and_grad(total, 0, has_aux=True)(ops.zeros_like(activation))
        return to_output(values), to_output(activation), to_output(gradient)
