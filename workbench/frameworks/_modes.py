"""Evaluation mode for as long as a network is asked, and the modes that it had before, afterwards."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from workbench.errors import Cancelled

_lock = threading.Lock()
#: Networks that are being asked, by their identity.
_asked: dict[int, _Asked] = {}
#: Threads that nobody waits for any more.
_given_up: weakref.WeakSet[threading.Thread] = weakref.WeakSet()


@dataclass
class _Asked:
    #: Once for each time.
    by: list[threading.Thread]
    #: Brings the modes back, where they were changed.
    restore: Callable[[], None] | None
    #: Whether passes that are given up run no further layer.
    stops: bool


@contextlib.contextmanager
def evaluating(
    module: Any, evaluate: Callable[[], Callable[[], None] | None], *, stops: bool = False
) -> Iterator[None]:
    """Let a network be in evaluation mode for the length of a ``with`` block.

    Several threads may ask one network: the first of them changes its mode, the last brings it back.

    Parameters
    ----------
    module : torch.nn.Module or mindspore.nn.Cell
    evaluate : callable
        Puts the network into evaluation mode, and returns what puts every layer back into the mode that it had; None
        where all of them are in evaluation mode already.
    stops : bool
        Whether a pass that is given up runs no further layer.

    Raises
    ------
    Cancelled
        If this thread has been given up.
    """
    key, me = id(module), threading.current_thread()
    with _lock:
        if me in _given_up:
            raise Cancelled("Cancelled before the network was asked; nothing partial is returned.")
        if key not in _asked:
            _asked[key] = _Asked([], evaluate(), stops)
        _asked[key].by.append(me)
    try:
        yield
    finally:
        with _lock:
            # the modes are no concern of a pass that has been given up: whoever has the network may have changed them
            if me not in _given_up:
                _leave(key, me)


def give_up(thread: threading.Thread) -> bool:
    """Bring back the modes of the networks that a thread asks now, not when it ends; it touches them no more.

    Returns
    -------
    bool
        False, with nothing done, where the pass goes on and would run in training mode, which changes the network: then
        it has to be waited for.
    """
    with _lock:
        held = [key for key, asked in _asked.items() if thread in asked.by]
        if any(_asked[key].restore is not None and not _asked[key].stops for key in held):
            return False
        _given_up.add(thread)
        for key in held:
            while key in _asked and thread in _asked[key].by:
                _leave(key, thread)
    return True


def _leave(key: int, thread: threading.Thread) -> None:
    asked = _asked[key]
    asked.by.remove(thread)
    if not asked.by:
        del _asked[key]
        if asked.restore is not None:
            asked.restore()
