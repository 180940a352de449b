"""Looking at what layers put out, and changing it."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mindspore as ms

from workbench._arrays import Array
from workbench.errors import choose
from workbench.frameworks._layers import check_ran, checked, checked_shape
from workbench.frameworks.mindspore._gradients import in_its_precision, to_output, to_tensor


def capture(module: Any, layers: Sequence[str], x: Array) -> dict[str, Array]:
    """Return the outputs of layers; evaluation mode is the caller's part."""
    seen: dict[str, Array] = {}

    def keep(name: str, output: Any) -> None:
        seen[name] = to_output(output)

    with contextlib.ExitStack() as hooks, in_its_precision(module, x) as inputs:
        for name in layers:
            hooks.enter_context(_hooked(module, name, functools.partial(keep, name)))
        module(inputs)
    check_ran(layers, seen)
    return seen


@contextlib.contextmanager
def replace(module: Any, layer: str, change: Callable[[Array], Array]) -> Iterator[Any]:
    """Change the output of a layer."""

    def changed(output: Any) -> Any:
        wanted = checked_shape(layer, change(to_output(output)), tuple(output.shape))
        return to_tensor(wanted).astype(output.dtype)

    with _hooked(module, layer, changed):
        yield module


@contextlib.contextmanager
def _hooked(module: Any, layer: str, call: Callable[[Any], Any]) -> Iterator[None]:
    mine = threading.get_ident()

    def hook(_cell: Any, _inputs: Any, output: Any) -> Any:
        if threading.get_ident() != mine:
            return None
        return call(checked(layer, output, ms.Tensor))

    names = {name: found for name, found in module.named_modules() if name}
    handle = names[choose(layer, names, "layer")].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
