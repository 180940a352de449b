"""What can be found out about a network that somebody else wrote."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import mindspore as ms

from workbench._arrays import Array
from workbench.frameworks._layers import named_layers
from workbench.frameworks.base import Outputs
from workbench.frameworks.mindspore._gradients import in_its_precision, run, to_output

_DIMENSIONS = {
    name: ndim for ndim in (1, 2, 3) for name in (f"Conv{ndim}d", f"Conv{ndim}dTranspose", f"ConvTranspose{ndim}d")
}


def first_convolution(module: Any) -> tuple[int, int] | None:
    """Return how many spatial axes and channels the first convolution takes."""
    for _, layer in named_layers(module):
        ndim = next((_DIMENSIONS[one.__name__] for one in type(layer).__mro__ if one.__name__ in _DIMENSIONS), None)
        channels = getattr(layer, "in_channels", None)
        if ndim is not None and channels is not None:
            return ndim, int(channels)
    return None


def traced(module: Any, x: Array) -> tuple[Outputs, dict[str, tuple[int, ...]]]:
    """Return the outputs, and the shapes of what layers put out as they ran; evaluation mode is the caller's part.

    Blocks of layers are among them where they do something themselves, such as adding what goes past their layers.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    last: list[Any] = []
    with contextlib.ExitStack() as hooks, in_its_precision(module, x) as inputs:
        for name, layer in named_layers(module):
            if name:
                note = _noting(name, shapes, last, block=bool(layer._cells))
                hooks.callback(layer.register_forward_hook(note).remove)
        outputs = run(module, inputs)
        if isinstance(outputs, ms.Tensor):
            return to_output(outputs), shapes
        return {name: to_output(value) for name, value in outputs.items()}, shapes


def evaluate(module: Any) -> Callable[[], None] | None:
    """Put a network into evaluation mode; returns what puts every layer back into the mode that it had, if any is."""
    modes = [(layer, bool(layer.training)) for _, layer in named_layers(module)]
    if not any(mode for _, mode in modes):
        return None
    module.set_train(False)

    def restore() -> None:
        # it sets the mode of all layers inside as well, so the outer ones come first
        for layer, mode in modes:
            layer.set_train(mode)

    return restore


def _noting(name: str, shapes: dict[str, tuple[int, ...]], last: list[Any], *, block: bool) -> Any:
    def note(_cell: Any, _inputs: Any, output: Any) -> None:
        # a block that hands on what its last layer puts out says nothing that this layer did not say
        if block and last and output is last[0]:
            return
        shapes.pop(name, None)
        if isinstance(output, ms.Tensor):
            shapes[name] = tuple(output.shape)
            last[:] = [output]

    return note
