"""Looking at what layers put out, and changing it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mindspore as ms

from workbench._arrays import Array
from workbench.frameworks._layers import check_ran, checked_shape, hooked
from workbench.frameworks.mindspore._gradients import in_its_precision, to_output, to_tensor


def capture(module: Any, layers: Sequence[str], x: Array) -> dict[str, Array]:
    """Return the outputs of layers; evaluation mode is the caller's part."""
    seen: dict[str, Array] = {}

    def keep(name: str, output: Any) -> None:
        seen[name] = to_output(output)

    with contextlib.ExitStack() as hooks, in_its_precision(module, x) as inputs:
        for name in layers:
            hooks.enter_context(hooked(module, name, functools.partial(keep, name), ms.Tensor))
        module(inputs)
    check_ran(layers, seen)
    return seen


@contextlib.contextmanager
def replace(module: Any, layer: str, change: Callable[[Array], Array]) -> Iterator[Any]:
    """Change the output of a layer."""

    def changed(output: Any) -> Any:
        wanted = checked_shape(layer, change(to_output(output)), tuple(output.shape))
        return to_tensor(wanted).astype(output.dtype)

    with hooked(module, layer, changed, ms.Tensor):
        yield module
