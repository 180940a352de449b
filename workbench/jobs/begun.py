"""Who wants to know, in this process, that a worker was started here."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

_watchers: list[weakref.WeakMethod[Callable[[], Any]]] = []


def watch(call: Callable[[], Any]) -> None:
    """Call a method whenever a worker was started from this process, as long as its object lives."""
    _watchers.append(weakref.WeakMethod(call))


def tell() -> None:
    """Call all who watch, and forget those that are gone."""
    _watchers[:] = [one for one in _watchers if one() is not None]
    for call in [one() for one in _watchers]:
        if call is not None:
            call()
