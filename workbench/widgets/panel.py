"""The base of every panel: an anywidget whose work runs in the background and whose errors are never lost."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets as t

from workbench.errors import InputError, StateError
from workbench.explain import Cancelled
from workbench.widgets._problems import describe

_STATIC = Path(__file__).parent / "static"
_NOT_BUILT = """export default {{ render({{ el }}) {{
  el.textContent = "The browser half of {name} is not built. In a checkout run `make widgets` and restart the kernel.";
}} }}"""
#: Progress is sent at most this often (per second): more cannot be seen, and the server counts every message.
_PROGRESS_RATE = 10


def bundle(name: str, suffix: str = "js") -> Path | str:
    """Return the built file of a widget, or a module that says how to build it."""
    path = _STATIC / f"{name}.{suffix}"
    if path.is_file():
        return path
    return _NOT_BUILT.format(name=name) if suffix == "js" else ""


class Panel(anywidget.AnyWidget):
    """What all panels share: busy, progress, note, problem; and actions that the front end may ask for.

    A method that does work wraps it in ``with self.working("Loading ..."):``. Called from Python it raises as any
    function does; asked for by a click it runs in a thread, and what it raises is shown in the panel.
    Both ways ``problem`` tells the cause and the remedy until the next attempt.

    Notes
    -----
    Subclasses list in `actions` what a click may ask for: name of the action -> name of the method and whether it
    runs in the background. Nothing else can be called from the browser.
    """

    busy = t.Unicode("", help="What is under way; empty when idle").tag(sync=True)
    progress = t.Float(-1.0, help="0 to 1; below zero when it is not known").tag(sync=True)
    note = t.Unicode("", help="One short line in the panel's heading").tag(sync=True)
    cancellable = t.Bool(False).tag(sync=True)
    problem = t.Dict(help="title, cause, remedy, details of the last failure").tag(sync=True)

    actions: ClassVar[Mapping[str, str]] = {}
    #: Actions that change traits only and take no time: they run at once, also while something else is under way.
    quick: ClassVar[frozenset[str]] = frozenset({"cancel", "dismiss", "code"})

    def __init__(self, **traits: Any) -> None:
        self._cancel = threading.Event()
        self._mutex = threading.RLock()
        self._depth = 0
        self._owner: int | None = None
        self._thread: threading.Thread | None = None
        self._last_progress = 0.0
        super().__init__(**traits)
        self.on_msg(self._on_message)

    # -- work ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def working(self, doing: str, *, cancellable: bool = False, secrets: tuple[str, ...] = ()) -> Iterator[None]:
        """Show that something is under way; on an exception keep what it says, then let it go on.

        Raises
        ------
        StateError
            If something else is under way in this panel.
        """
        nested = self._enter()
        outer = (self.busy, self.cancellable)
        try:
            self.progress, self.cancellable, self.busy = -1.0, cancellable, doing
            if not nested:
                self.problem = {}
            yield
        except BaseException as error:
            if not nested:
                self._failed(error, doing, secrets)
            raise
        finally:
            self.busy, self.cancellable = outer if nested else ("", False)
            self.progress = -1.0
            self._leave()

    def tell(self, fraction: float, text: str | None = None) -> None:
        """Report progress (0 to 1) of what is under way.

        Raises
        ------
        Cancelled
            If the person pressed Cancel: work that tells its progress is stopped here.
        """
        if self._cancel.is_set():
            raise Cancelled("Cancelled; nothing was changed.")
        fraction = float(min(max(fraction, 0.0), 1.0))
        now = time.monotonic()
        if fraction >= 1.0 or now - self._last_progress >= 1 / _PROGRESS_RATE:
            self._last_progress = now
            self.progress = fraction
            if text is not None:
                self.busy = text

    def cancel(self) -> None:
        """Stop what is under way at its next step."""
        if self.busy:
            self._cancel.set()

    @property
    def cancelled(self) -> bool:
        """Whether what is under way was asked to stop."""
        return self._cancel.is_set()

    def wait(self, timeout: float | None = None) -> None:
        """Wait until what a click started is finished.

        Raises
        ------
        StateError
            If it is not finished after `timeout` seconds.
        """
        thread = self._thread
        if thread is None or thread is threading.current_thread():
            return
        thread.join(timeout)
        if thread.is_alive():
            raise StateError(
                f"{self.busy or 'The work'} is still going on after {timeout:g} s. Wait longer or cancel()."
            )

    def dismiss(self) -> None:
        """Put away the message about the last failure."""
        self.problem = {}

    def code(self) -> str:
        """Return Python code that does what this panel did."""
        raise NotImplementedError

    # -- messages from the browser ------------------------------------------------------------------------

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        action = content.get("action") if isinstance(content, dict) else None
        values = {key: value for key, value in (content or {}).items() if key not in ("action", "ask")}
        if action in ("cancel", "dismiss"):
            getattr(self, action)()
        elif action == "code":
            self._answer(content)
        elif isinstance(action, str) and action in self.actions:
            method = getattr(self, self.actions[action])
            if action in self.quick:
                self._attempt(method, values)
            else:
                self.in_background(method, **values)
        else:
            self._failed(InputError(f"The page asked for {action!r}, which this panel does not do."), "The request", ())

    def _answer(self, content: dict[str, Any]) -> None:
        try:
            code = self.code()
        except Exception as error:  # noqa: BLE001 - the dialog shows it, whatever it is
            code = "".join(f"# {line}\n" for line in str(error).splitlines()) or f"# {type(error).__name__}\n"
        self.send({"answer": content.get("ask"), "code": code})

    def in_background(self, method: Callable[..., Any], **values: Any) -> None:
        """Run a method in a thread, so that the kernel stays free; what it raises is shown in the panel."""
        self._thread = threading.Thread(
            target=self._attempt, args=(method, values), name=f"{type(self).__name__}-job", daemon=True
        )
        self._thread.start()

    def _attempt(self, method: Callable[..., Any], values: dict[str, Any]) -> None:
        before = self.problem
        try:
            method(**values)
        except Exception as error:  # noqa: BLE001 - shown in the panel, whatever it is
            if self.problem is before or not self.problem:
                self._failed(error, "That", ())

    # -- one thing at a time ------------------------------------------------------------------------------

    def _enter(self) -> bool:
        with self._mutex:
            me = threading.get_ident()
            if self._depth and self._owner != me:
                raise StateError(f"{self.busy or 'Something else'} is under way. Wait until it is done, or cancel it.")
            nested = self._depth > 0
            if not nested:
                self._cancel.clear()
            self._depth, self._owner = self._depth + 1, me
            return nested

    def _leave(self) -> None:
        with self._mutex:
            self._depth -= 1
            if not self._depth:
                self._owner = None

    def _failed(self, error: BaseException, doing: str, secrets: tuple[str, ...]) -> None:
        if isinstance(error, Cancelled):
            self.note = "cancelled"
        else:
            self.problem = describe(error, doing, secrets)
