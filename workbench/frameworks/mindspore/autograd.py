"""`ops.autograd` on MindSpore: the gradient of a module with respect to its input, as a part of a loss."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import mindspore as ms

from workbench.errors import InputError
from workbench.frameworks.mindspore._graph import hold


def vjp(func: Any, inputs: Any, v: Any, create_graph: bool = False) -> tuple[Any, Any]:
    """Return ``func(inputs)`` and the gradient of ``sum(v * func(inputs))`` with respect to `inputs`.

    Parameters
    ----------
    func : module
        Returns one tensor. With `create_graph` it is compiled the first time (and for each new shape), so its `forward`
        keeps to what graph mode reads; layers without a second derivative on a CPU (group normalisation, average
        pooling; a batch norm in evaluation mode) are errors of MindSpore.
    inputs : tensor
        The only argument of `func`.
    v : tensor
        Of the shape of the output.
    create_graph : bool
        Whether gradients can be taken through the result, with respect to the parameters of `func`.
    """
    if not isinstance(func, ms.nn.Cell):
        raise InputError(
            f"On MindSpore the gradient is taken through a module, got {type(func).__name__}. Give the module itself, "
            "not a function that calls it."
        )
    outputs, gradient = _compiled(func)(inputs, v) if create_graph else _pulled(func)(inputs, v)
    return outputs, gradient


def _pulled(func: Any) -> Any:
    def weighted(inputs: Any, v: Any) -> Any:
        outputs = func(inputs)
        return (outputs * v).sum(), outputs

    gradient = ms.value_and_grad(weighted, 0, has_aux=True)

    def pulled(inputs: Any, v: Any) -> Any:
        values, gradients = gradient(inputs, v)
        return values[1], gradients

    return pulled


def _compiled(func: Any) -> Any:
    # In PyNative mode a gradient of a gradient goes wrong without a word: whatever comes to the parameters through a
    # view (reshape, transpose, the broadcast behind a mean) in the inner gradient is lost. Graph mode differentiates
    # programs, not records, and has them all. A graph is of one mode of each layer inside.
    found = func.__dict__.get("_compiled_vjp")
    if found is None:
        found = func.__dict__["_compiled_vjp"] = {}
        hold(func)
    mode = tuple(layer.training for layer in func.modules())
    if mode not in found:
        found[mode] = ms.jit(_pulled(func))
    return found[mode]


functional = SimpleNamespace(vjp=vjp)
