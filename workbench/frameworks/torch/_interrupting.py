"""Stopping a network between two of its layers, forwards and backwards."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import torch

from workbench.errors import Cancelled

#: Marks hooks that change nothing of what a network answers.
ASKS_ONLY = "asks_only"


@contextlib.contextmanager
def interrupting(module: torch.nn.Module, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Raise `Cancelled` from the next layer, or from the next step back, once `cancelled` returns True.

    Another thread may run the same network meanwhile: it is not disturbed.
    """
    mine = threading.get_ident()

    def look(*_: Any) -> None:
        if cancelled():
            raise Cancelled("Cancelled between two layers of the network; nothing partial is returned.")

    def before(_layer: torch.nn.Module, _inputs: Any) -> None:
        if threading.get_ident() == mine:
            look()

    def after(_layer: torch.nn.Module, _inputs: Any, output: Any) -> None:
        # the way back has no layers: it is stopped where the gradient of a layer's output is known
        if threading.get_ident() == mine and isinstance(output, torch.Tensor) and output.requires_grad:
            output.register_hook(look)  # type: ignore[no-untyped-call]

    for hook in (before, after):
        hook.__dict__[ASKS_ONLY] = True
    leaves = [layer for layer in module.modules() if not any(layer.children())]
    handles = [layer.register_forward_pre_hook(before) for layer in leaves]
    handles += [layer.register_forward_hook(after) for layer in leaves]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
