"""Looking at what layers put out, and changing it."""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

from workbench._arrays import Array
from workbench.errors import choose
from workbench.frameworks._layers import check_ran, checked, checked_shape
from workbench.frameworks.torch._tensors import device_of, need_layers, run, to_output, to_tensor

_OTHERS = "saliency, integrated-gradients, occlusion"


def capture(module: torch.nn.Module, layers: Sequence[str], x: Array) -> dict[str, Array]:
    """Return the outputs of layers; evaluation mode is the caller's part."""
    seen: dict[str, Array] = {}

    def keep(name: str, output: torch.Tensor) -> None:
        seen[name] = to_output(output)

    with contextlib.ExitStack() as hooks, torch.inference_mode():
        for name in layers:
            hooks.enter_context(_hooked(module, name, functools.partial(keep, name)))
        run(module, to_tensor(x, device_of(module)))
    check_ran(layers, seen)
    return seen


@contextlib.contextmanager
def replace(module: torch.nn.Module, layer: str, change: Callable[[Array], Array]) -> Iterator[torch.nn.Module]:
    """Change the output of a layer."""

    def changed(output: torch.Tensor) -> torch.Tensor:
        wanted = checked_shape(layer, change(to_output(output)), tuple(output.shape))
        return to_tensor(wanted, output.device).to(output.dtype)

    with _hooked(module, layer, changed):
        yield module


@contextlib.contextmanager
def _hooked(module: torch.nn.Module, layer: str, call: Callable[[torch.Tensor], Any]) -> Iterator[None]:
    need_layers(module, _OTHERS)
    mine = threading.get_ident()

    def hook(_module: torch.nn.Module, _inputs: Any, output: Any) -> Any:
        if threading.get_ident() != mine:
            return None
        return call(checked(layer, output, torch.Tensor))

    names = {name: found for name, found in module.named_modules() if name}
    handle = names[choose(layer, names, "layer")].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
