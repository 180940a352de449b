"""Work under way in a panel: how far it is, whether it was cancelled, and how it is let go of within a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from workbench import work
from workbench._words import left
from workbench.errors import Cancelled

if TYPE_CHECKING:
    from workbench.widgets.panel import Panel

T = TypeVar("T")

#: Progress is sent at most this often (per second): more cannot be seen, and the server counts every message.
_PROGRESS_RATE = 10
#: How long cancelled work may take to notice by itself before it is let go of, in seconds.
_GRACE = 0.4
_LOOK_SECONDS = 0.05


class Work(work.Work):
    """One piece of work of a panel, from its start to its end; it can be handed on to whoever takes a `work.Work`.

    What was cancelled and let go of may still end by itself in its own thread; it holds this object and no longer the
    panel's attention, so that nothing it tells is heard.

    Attributes
    ----------
    cancel : threading.Event
        Set when the person pressed Cancel.
    yielding : bool
        Whether it gives way to other work of the panel.
    """

    cancel: threading.Event
    _cancelled_words = "Cancelled; nothing was changed."

    def __init__(self, panel: Panel, *, yielding: bool = False) -> None:
        super().__init__()
        self.yielding = yielding
        self._panel = panel
        self._last = 0.0
        #: When progress was first told of what is being done, and how far it was then.
        self._began: tuple[float, float] | None = None
        self._over = False

    def tell(self, fraction: float, text: str | None = None) -> None:
        """Report progress (0 to 1), and how long the rest takes as soon as that is known.

        Work that tells its progress is stopped here when it is cancelled.

        Raises
        ------
        Cancelled
            If the person pressed Cancel.
        """
        self.check()
        fraction = float(min(max(fraction, 0.0), 1.0))
        now = time.monotonic()
        if self._began is None or fraction < self._began[1]:
            self._began = now, fraction
        if not self._over and (fraction >= 1.0 or now - self._last >= 1 / _PROGRESS_RATE):
            self._last = now
            self._panel.progress = fraction
            if text:
                began, already = self._began
                rest = left(now - began, (fraction - already) / (1 - already) if already < 1 else 1.0)
                self._panel.busy = f"{text}, {rest}" if rest else text

    def say(self, text: str) -> None:
        """Say what is being done now, how far it is being unknown; progress that follows is this one's."""
        self._began = None
        if not self._over:
            self._panel.progress, self._panel.busy = -1.0, text

    def apart(self, function: Callable[[], T]) -> T:
        """Do something long that changes nothing, and return its result; cancelled, it is let go of.

        It runs in a thread of its own, because most libraries cannot be stopped from outside. `function` may look at
        `cancel` and raise `Cancelled` by itself; if it does not within half a second, its result will be thrown away.

        Raises
        ------
        Cancelled
            If the person pressed Cancel.
        """
        made: Future[T] = Future()

        def work() -> None:
            try:
                made.set_result(function())
            except BaseException as error:  # noqa: BLE001 - handed on to who waits
                made.set_exception(error)

        threading.Thread(target=work, name=f"{type(self._panel).__name__}-apart", daemon=True).start()
        try:
            while not made.done():
                if self.cancel.wait(_LOOK_SECONDS):
                    self._let_go(made)
            return made.result()
        except KeyboardInterrupt:
            self.cancel.set()
            raise

    def end(self) -> None:
        """Note that the panel has turned to something else."""
        self._over = True

    def _let_go(self, made: Future[T]) -> None:
        deadline = time.monotonic() + _GRACE
        while not made.done() and time.monotonic() < deadline:
            time.sleep(0.01)
        if not made.done() or made.exception() is None:
            raise Cancelled(self._cancelled_words)
