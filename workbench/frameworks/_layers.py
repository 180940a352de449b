"""What every framework checks where it looks at layers, in the same words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, TypeVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError

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
