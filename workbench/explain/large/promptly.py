"""Passes that are given up within a moment of a cancel, though a layer of a large input takes many seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from workbench.errors import Cancelled
from workbench.work import Work

T = TypeVar("T")

#: How often is looked whether to stop, in seconds.
_LOOK = 0.1


class Promptly:
    """A framework whose passes are made by a thread beside the caller's, which waits no longer than until a cancel.

    What was under way then ends by itself, between two layers, where the framework can be interrupted there; nobody
    hears of it, and the network is at once in the mode that it had. Only a network in training mode whose framework
    cannot be interrupted is waited for: its norms would take in what is left of the pass. Everything but passes is the
    framework's own.

    Parameters
    ----------
    framework : Framework
    work : Work
        Is asked whether to stop.
    end_to_end : bool
        Whether scores are made so, too. A change of a layer is seen in the thread that made it alone, so that they are
        not where a method may change one.
    """

    def __init__(self, framework: Any, work: Work, *, end_to_end: bool) -> None:
        self._framework, self._work, self._end_to_end = framework, work, end_to_end

    def __getattr__(self, name: str) -> Any:
        return getattr(self._framework, name)

    def forward(self, module: Any, *given: Any) -> Any:
        """As the framework does."""
        return self._beside(module, lambda: self._framework.forward(module, *given))

    def scores(self, module: Any, *given: Any) -> Any:
        """As the framework does."""
        if not self._end_to_end:
            return self._framework.scores(module, *given)
        return self._beside(module, lambda: self._framework.scores(module, *given))

    def input_gradient(self, module: Any, *given: Any) -> Any:
        """As the framework does."""
        return self._beside(module, lambda: self._framework.input_gradient(module, *given))

    def layer_gradient(self, module: Any, *given: Any) -> Any:
        """As the framework does."""
        return self._beside(module, lambda: self._framework.layer_gradient(module, *given))

    def _beside(self, module: Any, call: Callable[[], T]) -> T:
        found: list[T] = []
        failed: list[BaseException] = []

        def run() -> None:
            try:
                with self._framework.interruptible(module, lambda: self._work.cancelled):
                    found.append(call())
            except BaseException as error:  # noqa: BLE001 - raised in the caller's thread
                failed.append(error)

        # no daemon: a process that ends meanwhile has to wait for the layer, as libraries abort where theirs is cut off
        thread = threading.Thread(target=run, name="pass")
        thread.start()
        while thread.is_alive():
            thread.join(_LOOK)
            try:
                self._work.check()
            except Cancelled:
                if not self._framework.give_up(thread):
                    thread.join()
                raise
        if failed:
            raise failed[0]
        return found[0]
