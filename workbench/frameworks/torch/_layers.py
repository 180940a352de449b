"""Looking at what layers put out, and changing it."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence

import torch

from workbench._arrays import Array
from workbench.frameworks._layers import check_ran, checked_shape, hooked
from workbench.frameworks.torch._tensors import device_of, need_layers, run, to_output, to_tensor

_OTHERS = "saliency, integrated-gradients, occlusion"


def capture(module: torch.nn.Module, layers: Sequence[str], x: Array) -> dict[str, Array]:
    """Return the outputs of layers; evaluation mode is the caller's part."""
    need_layers(module, _OTHERS)
    seen: dict[str, Array] = {}

    def keep(name: str, output: torch.Tensor) -> None:
        seen[name] = to_output(output)

    with contextlib.ExitStack() as hooks, torch.inference_mode():
        for name in layers:
            hooks.enter_context(hooked(module, name, functools.partial(keep, name), torch.Tensor))
        run(module, to_tensor(x, device_of(module)))
    check_ran(layers, seen)
    return seen


@contextlib.contextmanager
def replace(module: torch.nn.Module, layer: str, change: Callable[[Array], Array]) -> Iterator[torch.nn.Module]:
    """Change the output of a layer."""
    need_layers(module, _OTHERS)

    def changed(output: torch.Tensor) -> torch.Tensor:
        wanted = checked_shape(layer, change(to_output(output)), tuple(output.shape))
        return to_tensor(wanted, output.device).to(output.dtype)

    with hooked(module, layer, changed, torch.Tensor):
        yield module
