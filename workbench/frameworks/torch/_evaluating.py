"""Networks of torch in evaluation mode for as long as they are asked."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import torch

from workbench.errors import InputError
from workbench.frameworks._modes import evaluating


@contextlib.contextmanager
def evaluation_mode(module: torch.nn.Module) -> Iterator[None]:
    """Have a network, and each of its layers, in evaluation mode for the length of a ``with`` block."""
    if not isinstance(module, torch.nn.Module):
        raise InputError(f"The torch framework runs a torch.nn.Module, got {type(module).__name__}.")
    with evaluating(module, lambda: _evaluate(module), stops=True):
        yield


def _evaluate(module: torch.nn.Module) -> Callable[[], None] | None:
    training = [layer for layer in module.modules() if layer.training]
    if not training:
        return None
    module.eval()

    def restore() -> None:
        for layer in training:
            layer.training = True

    return restore
