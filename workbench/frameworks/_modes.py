"""Evaluation mode for as long as a network is asked, and the modes that it had before, afterwards."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

_lock = threading.Lock()
#: Networks that are being asked, by their identity: how many ask, and what brings the modes back.
_asked: dict[int, tuple[int, Callable[[], None]]] = {}


@contextlib.contextmanager
def evaluating(module: Any, evaluate: Callable[[], Callable[[], None]]) -> Iterator[None]:
    """Let a network be in evaluation mode for the length of a ``with`` block.

    Several threads may ask one network: the first of them changes its mode, the last brings it back.

    Parameters
    ----------
    module : torch.nn.Module or mindspore.nn.Cell
    evaluate : callable
        Puts the network into evaluation mode, and returns what puts every layer back into the mode that it had.
    """
    key = id(module)
    with _lock:
        count, restore = _asked[key] if key in _asked else (0, evaluate())
        _asked[key] = (count + 1, restore)
    try:
        yield
    finally:
        with _lock:
            count, restore = _asked.pop(key)
            if count > 1:
                _asked[key] = (count - 1, restore)
            else:
                restore()
