"""What frameworks share where they look at layers: the checks, in the same words, and how a layer is watched."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, TypeVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose

T = TypeVar("T")


def checked(layer: str, output: Any, kind: type[T]) -> T:
    """Return a layer's output if it is one tensor.

    Raises
    ------
    InputError
        If it is not.
    """
    if not isinstance(output, kind):
        raise InputError(
            f"Layer {layer!r} returns {type(output).__name__}, not one tensor, as it takes to look at it or at "
            "its gradient. Choose a layer inside it."
        )
    return output


def check_ran(layers: Iterable[str], seen: Collection[str]) -> None:
    """Check that layers took part in a forward pass.

    Raises
    ------
    InputError
        If one did not.
    """
    for layer in layers:
        if layer not in seen:
            raise InputError(f"Layer {layer!r} did not run in this network's forward pass. Choose another layer.")


def named_layers(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield a network and every layer in it, each with its dotted name, whichever framework's words it has for that."""
    yield from (module.named_modules if hasattr(module, "named_modules") else module.cells_and_names)()


@contextlib.contextmanager
def hooked(module: Any, layer: str, call: Callable[[Any], Any], kind: type[Any]) -> Iterator[None]:
    """Call something with what a layer puts out, in this thread alone; what it returns stands in its place.

    Parameters
    ----------
    module : torch.nn.Module or mindspore.nn.Cell
    kind : type
        The framework's tensor.

    Raises
    ------
    InputError
        If there is no such layer, or it puts out no single tensor.
    """
    mine = threading.get_ident()

    def hook(_module: Any, _inputs: Any, output: Any) -> Any:
        # others may use the network meanwhile, and are to see it as it is
        return call(checked(layer, output, kind)) if threading.get_ident() == mine else None

    names = {name: found for name, found in named_layers(module) if name}
    handle = names[choose(layer, names, "layer")].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def checked_shape(layer: str, changed: Any, shape: tuple[int, ...]) -> Array:
    """Return what stands for a layer's output, as float32, if it has its shape.

    Raises
    ------
    InputError
        If it has another.
    """
    array = np.ascontiguousarray(changed, np.float32)
    if array.shape != shape:
        raise InputError(
            f"What stands for the output of layer {layer!r} must have its shape {shape}, got {array.shape}. "
            "Change its values alone."
        )
    return array


def one_by_one(
    framework: Any, module: Any, layers: Iterable[str], x: Array, score: Any
) -> Iterator[tuple[Array, Array] | None]:
    """Yield what `Framework.layer_gradients` does, with a pass for each layer."""
    for layer in layers:
        try:
            _, output, gradient = framework.layer_gradient(module, layer, x, score)
        except InputError:
            yield None
        else:
            yield output, gradient
