"""What can be found out about a network that somebody else wrote."""

from __future__ import annotations

import contextlib
from typing import Any

import torch

from workbench._arrays import Array
from workbench.frameworks.base import Outputs
from workbench.frameworks.torch._tensors import bare, device_of, run, to_output, to_tensor

_DIMENSIONS = {f"{kind}{ndim}d": ndim for ndim in (1, 2, 3) for kind in ("Conv", "LazyConv", "ConvTranspose")}


def first_convolution(module: torch.nn.Module) -> tuple[int, int] | None:
    """Return how many spatial axes and channels the first convolution takes."""
    for layer in bare(module).modules():
        # one that was scripted is of another class, and tells what it was
        kind = getattr(layer, "original_name", type(layer).__name__)
        ndim = next((_DIMENSIONS[one.__name__] for one in type(layer).__mro__ if one.__name__ in _DIMENSIONS), None)
        ndim = _DIMENSIONS.get(kind, ndim)
        weight = getattr(layer, "weight", None)
        if ndim is None or not isinstance(weight, torch.Tensor) or weight.dim() != ndim + 2:
            continue
        channels = getattr(layer, "in_channels", None)
        return ndim, int(weight.shape[1] if channels is None else channels)
    return None


def traced(module: torch.nn.Module, x: Array) -> tuple[Outputs, dict[str, tuple[int, ...]]]:
    """Return the outputs, and the shapes of what layers put out as they ran; evaluation mode is the caller's part.

    Blocks of layers are among them where they do something themselves, such as adding what goes past their layers.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    last: list[Any] = []
    network = bare(module)
    inside = not isinstance(network, torch.jit.ScriptModule)
    with contextlib.ExitStack() as hooks, torch.inference_mode():
        for name, layer in network.named_modules() if inside else ():
            if name:
                note = _noting(name, shapes, last, block=any(layer.children()))
                hooks.callback(layer.register_forward_hook(note).remove)
        outputs = run(network, to_tensor(x, device_of(module)))
        if isinstance(outputs, torch.Tensor):
            return to_output(outputs), shapes
        return {name: to_output(value) for name, value in outputs.items()}, shapes


def _noting(name: str, shapes: dict[str, tuple[int, ...]], last: list[Any], *, block: bool) -> Any:
    def note(_module: Any, _inputs: Any, output: Any) -> None:
        # a block that hands on what its last layer puts out says nothing that this layer did not say
        if block and last and output is last[0]:
            return
        shapes.pop(name, None)
        if isinstance(output, torch.Tensor):
            shapes[name] = tuple(output.shape)
            last[:] = [output]

    return note
