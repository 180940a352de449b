"""Gradients of a score with respect to the input and to a layer's output."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import torch

from workbench._arrays import Array
from workbench.errors import choose
from workbench.frameworks._layers import check_ran, checked
from workbench.frameworks.base import LinearScore
from workbench.frameworks.torch._tensors import (
    device_of,
    differentiating,
    need_gradient,
    need_layers,
    run,
    score_of,
    to_array,
    to_output,
    to_tensor,
)


def input_gradient(module: torch.nn.Module, x: Array, score: LinearScore) -> tuple[Array, Array]:
    """Return the scores and their gradient with respect to the input; evaluation mode is the caller's part."""
    with differentiating(module):
        inputs = to_tensor(x, device_of(module)).requires_grad_(True)
        # a network that starts with an in-place operation may not write into a leaf, nor into the caller's array
        scores = score_of(run(module, inputs.clone()), score)
        need_gradient(recorded=scores.requires_grad)
        (gradient,) = torch.autograd.grad(scores.sum(), inputs, allow_unused=True)
        # None, not zeros: the weights behind a detach() have gradients, and the input has none
        need_gradient(recorded=gradient is not None)
    return to_array(scores), to_array(gradient)


def layer_gradient(module: torch.nn.Module, layer: str, x: Array, score: LinearScore) -> tuple[Array, Array, Array]:
    """Return the scores, the layer's output and the gradient of the scores with respect to it.

    The graph is recorded from the layer on only: what lies before it is run without gradients, which saves its memory.
    """
    need_layers(module, "saliency, integrated-gradients, occlusion")
    names = {name: found for name, found in module.named_modules() if name}
    target = names[choose(layer, names, "layer")]
    seen: list[torch.Tensor] = []

    def record(_module: torch.nn.Module, _inputs: Any, output: Any) -> torch.Tensor:
        tensor = checked(layer, output, torch.Tensor)
        torch.set_grad_enabled(True)
        seen[:] = [tensor.detach().clone().requires_grad_(True)]
        # the network goes on with a copy: an in-place activation after the layer must not change what was recorded
        return seen[0].clone()

    handle = target.register_forward_hook(record)
    try:
        with differentiating(module), torch.no_grad():
            scores = score_of(run(module, to_tensor(x, device_of(module))), score)
            check_ran([layer], [layer] * len(seen))
            gradient = None
            if scores.requires_grad:
                (gradient,) = torch.autograd.grad(scores.sum(), seen[0], allow_unused=True)
    finally:
        handle.remove()
    if gradient is None:
        # no way leads from the layer to the score: it lies beside it, or there is none from the input either
        input_gradient(module, x, score)
        gradient = torch.zeros_like(seen[0])
    return to_array(scores), to_output(seen[0]), to_output(gradient)


def layer_gradients(
    module: torch.nn.Module, layers: Sequence[str], x: Array, score: LinearScore
) -> list[tuple[Array, Array] | None]:
    """Return what `layer_gradient` does of several layers, in one pass forward and one backward."""
    need_layers(module, "saliency, integrated-gradients, occlusion")
    names = {name: found for name, found in module.named_modules() if name}
    seen: dict[str, torch.Tensor] = {}

    def record(layer: str, _module: torch.nn.Module, _inputs: Any, output: Any) -> Any:
        if not isinstance(output, torch.Tensor) or not output.is_floating_point():
            return output
        seen[layer] = output if output.requires_grad else output.detach().requires_grad_(True)
        # the network goes on with a copy, as in `layer_gradient`
        return seen[layer].clone()

    handles = [names[choose(one, names, "layer")].register_forward_hook(partial(record, one)) for one in layers]
    try:
        with differentiating(module):
            inputs = to_tensor(x, device_of(module)).requires_grad_(True)
            scores = score_of(run(module, inputs.clone()), score)
            need_gradient(recorded=scores.requires_grad)
            found = [seen[one] for one in layers if one in seen]
            gradients = torch.autograd.grad(scores.sum(), found, allow_unused=True, materialize_grads=True)
    finally:
        for handle in handles:
            handle.remove()
    known = dict(zip([one for one in layers if one in seen], gradients, strict=True))
    return [(to_output(seen[one]), to_output(known[one])) if one in known else None for one in layers]
