"""The base of every panel: an anywidget whose work runs in the background and whose errors are never lost."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import anywidget
import traitlets as t

from workbench.errors import Cancelled, InputError, StateError
from workbench.widgets._problems import describe
from workbench.widgets._work import Work
from workbench.widgets.messages import CodeAnswer, Live, Problem, Question, Refusal, synced

_STATIC = Path(__file__).parent / "static"
_NOT_BUILT = """export default {{ render({{ el }}) {{
  el.textContent = "The browser half of {name} is not built. In a checkout run `make widgets` and restart the kernel.";
}} }}"""


#: How long is waited for work that gives way, in seconds: ten times what it may take to let go on an idle machine.
_YIELD_SECONDS = 5.0


def bundle(name: str, suffix: str = "js") -> Path | str:
    """Return the built file of a widget, or a module that says how to build it."""
    path = _STATIC / f"{name}.{suffix}"
    if path.is_file():
        return path
    return _NOT_BUILT.format(name=name) if suffix == "js" else ""


class Panel(anywidget.AnyWidget):
    """What all panels share: busy, progress, note, problem, question; and actions that the front end may ask for.

    A method that does work wraps it in ``with self.working("Loading ...") as work:``. Called from Python it raises as
    any function does; asked for by a click it runs in a thread, and what it raises is shown in the panel.
    Both ways ``problem`` tells the cause and the remedy until the next attempt.

    Notes
    -----
    Subclasses list in `actions` what a click may ask for: name of the action -> name of the method. Nothing else can be
    called from the browser. A click while something is under way is refused, visibly, unless the action is `quick`
    (it runs at once) or `patient` (the last one asked for runs next).
    """

    busy = t.Unicode("", help="What is under way; empty when idle").tag(sync=True)
    progress = t.Float(-1.0, help="0 to 1; below zero when it is not known").tag(sync=True)
    note = t.Unicode("", help="One short line in the panel's heading").tag(sync=True)
    cancellable = t.Bool(False).tag(sync=True)
    problem = synced(Problem, t.Dict(help="What failed last; no names of files"))
    question = synced(Question, t.Dict(help="What is asked first; empty when nothing is"))
    begun = t.Unicode("", help="What goes on in a process of its own since the last click").tag(sync=True)
    number = t.Unicode("", help="Its number in the App; empty where it has none").tag(sync=True)

    actions: ClassVar[Mapping[str, str]] = {}
    #: Actions that change traits only and take no time: they run at once, also while something else is under way.
    quick: ClassVar[frozenset[str]] = frozenset({"cancel", "dismiss", "code", "answer"})
    #: Actions of which the last one asked for is done after what is under way.
    patient: ClassVar[frozenset[str]] = frozenset()
    #: What the page may ask and gets an answer to: name of the question -> method that returns plain data.
    questions: ClassVar[Mapping[str, str]] = {}
    #: What is sent to the page unasked: the types of these messages.
    says: ClassVar[tuple[type, ...]] = (Live,)

    def __init__(self, **traits: Any) -> None:
        self._mutex = threading.Condition(threading.RLock())
        self._work: Work | None = None
        self._depth = 0
        self._owner: int | None = None
        self._thread: threading.Thread | None = None
        self._next: tuple[Callable[..., Any], dict[str, Any]] | None = None
        self._asked: tuple[Callable[..., Any], dict[str, Any]] | None = None
        self._failures = 0
        super().__init__(**traits)
        self.on_msg(self._on_message)

    # -- work ---------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def working(
        self, doing: str, *, cancellable: bool = False, yielding: bool = False, secrets: tuple[str, ...] = ()
    ) -> Iterator[Work]:
        """Show that something is under way; on an exception keep what it says, then let it go on.

        Parameters
        ----------
        doing : str
            What is said meanwhile.
        cancellable : bool
            Whether there is a Cancel button.
        yielding : bool
            Whether it gives way to anything else, as what nobody asked for does.
        secrets : tuple of str
            Paths that the person typed. The message names them in the page that is open, and nowhere else.

        Raises
        ------
        StateError
            If something else is under way in this panel.
        Cancelled
            If it is, and this gives way: nobody asked for it, so that nobody is told.
        """
        work, nested = self._enter(yielding)
        outer = (self.busy, self.cancellable)
        try:
            self.progress, self.cancellable, self.busy = -1.0, cancellable or (nested and self.cancellable), doing
            if not nested:
                self.problem, self.question, self.begun = {}, {}, ""
            yield work
        except BaseException as error:
            if not nested and not (work.yielding and isinstance(error, Cancelled)):
                self._failed(error, doing, secrets)
            raise
        finally:
            self.busy, self.cancellable = outer if nested else ("", False)
            self.progress = -1.0
            self._leave(work)

    def tell(self, fraction: float, text: str | None = None) -> None:
        """Report progress (0 to 1) of what is under way; see `Work.tell`."""
        if self._work is not None:
            self._work.tell(fraction, text)

    def cancel(self) -> None:
        """Stop what is under way, and what waits for it."""
        with self._mutex:
            self._next = None
            if self._work is not None:
                self._work.cancel.set()

    @property
    def cancelled(self) -> bool:
        """Whether what is under way was asked to stop."""
        return self._work is not None and self._work.cancelled

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
        """Put away the message about the last failure, and the question that was not answered."""
        self.problem = {}
        self.withdraw()

    def withdraw(self) -> None:
        """Ask no more what is being asked."""
        self.question, self._asked = {}, None

    def ask(self, title: str, text: str, yes: str, then: Callable[..., Any] | None, **values: Any) -> None:
        """Ask before something large is done.

        Parameters
        ----------
        title, text : str
            What it is about, and what it would take.
        yes : str
            What the button that does it says.
        then : callable or None
            Called with `values` in the background if the answer is yes; None if it cannot be done at all.
        """
        self._asked = None if then is None else (then, values)
        self.question = {"title": title, "text": text, "yes": yes if then is not None else ""}

    def answer(self, yes: bool) -> None:
        """Answer the question that is asked."""
        asked, self._asked, self.question = self._asked, None, {}
        if yes and asked is not None:
            self.in_background(asked[0], **asked[1])

    def code(self) -> str:
        """Return Python code that does what this panel did."""
        raise NotImplementedError

    # -- messages from the browser ------------------------------------------------------------------------

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        action = content.get("action") if isinstance(content, dict) else None
        values = {key: value for key, value in (content or {}).items() if key not in ("action", "ask")}
        if action in self.quick and action not in self.actions and action != "code":
            self._attempt(getattr(self, str(action)), values)
        elif action == "code" or action in self.questions:
            self._reply(content.get("ask"), str(action), values)
        elif isinstance(action, str) and action in self.actions:
            method = getattr(self, self.actions[action])
            if action in self.quick:
                self._attempt(method, values)
            elif not self._is_busy():
                self.in_background(method, **values)
            elif action in self.patient:
                self._next = (method, values)
            else:
                self._refuse()
        else:
            self._failed(InputError(f"The page asked for {action!r}, which this panel does not do."), "The request", ())

    def _reply(self, number: Any, question: str, values: dict[str, Any]) -> None:
        """Answer a question of the page; the answer is a message and never state, so that no notebook keeps it."""
        try:
            told: Any = (
                CodeAnswer(code=self.code())
                if question == "code"
                else getattr(self, self.questions[question])(**values)
            )
        except Exception as error:  # noqa: BLE001 - the dialog shows it, whatever it is
            words = str(error) or type(error).__name__
            commented = "".join(f"# {line}\n" for line in words.splitlines())
            told = CodeAnswer(code=commented) if question == "code" else Refusal(error=words)
        self.send({"answer": number, **told})

    def in_background(self, method: Callable[..., Any], **values: Any) -> None:
        """Run a method in a thread, so that the kernel stays free; what it raises is shown in the panel."""
        self._thread = threading.Thread(
            target=self._carry_out, args=(method, values), name=f"{type(self).__name__}-job", daemon=True
        )
        self._thread.start()

    def afterwards(self, method: Callable[..., Any], **values: Any) -> bool:
        """Run a method in the background, after what is under way; return whether it has to wait."""
        with self._mutex:
            if self._is_busy():
                self._next = (method, values)
                return True
        self.in_background(method, **values)
        return False

    def _carry_out(self, method: Callable[..., Any], values: dict[str, Any]) -> None:
        self._attempt(method, values)
        while True:
            with self._mutex:
                waiting, self._next = self._next, None
                if waiting is None:
                    self._thread = None if self._thread is threading.current_thread() else self._thread
                    return
            self._attempt(*waiting)

    def _attempt(self, method: Callable[..., Any], values: dict[str, Any]) -> None:
        before = self._failures
        try:
            method(**values)
        except Cancelled:
            pass  # told where it was noticed
        except Exception as error:  # noqa: BLE001 - shown in the panel, whatever it is
            if self._failures == before:
                self._failed(error, "That", ())

    def _refuse(self) -> None:
        cause = "The click was not carried out: one thing at a time."
        remedy = "Wait until it is done, or press Cancel." if self.cancellable else "Wait until it is done."
        self._tell_problem({"title": f"{self.busy or 'Something'} is under way.", "cause": cause, "remedy": remedy})

    # -- one thing at a time ------------------------------------------------------------------------------

    def _is_busy(self) -> bool:
        thread = self._thread
        if self._work is not None and self._work.yielding:
            return False
        return bool(self._depth) or (
            thread is not None and thread.is_alive() and thread is not threading.current_thread()
        )

    def _enter(self, yielding: bool) -> tuple[Work, bool]:
        with self._mutex:
            me = threading.get_ident()
            if self._work is not None and self._work.yielding and self._owner != me:
                self._work.cancel.set()
                self._mutex.wait_for(lambda: not self._depth, _YIELD_SECONDS)
            if self._depth and self._owner != me:
                told = f"{self.busy or 'Something else'} is under way."
                raise Cancelled(told) if yielding else StateError(f"{told} Wait until it is done, or cancel it.")
            nested = self._depth > 0
            if not nested:
                self._work = Work(self, yielding=yielding)
            self._depth, self._owner = self._depth + 1, me
            assert self._work is not None
            return self._work, nested

    def _leave(self, work: Work) -> None:
        with self._mutex:
            self._depth -= 1
            if not self._depth:
                self._owner, self._work = None, None
                work.end()
                self._mutex.notify_all()

    def _failed(self, error: BaseException, doing: str, secrets: tuple[str, ...]) -> None:
        self._failures += 1
        if isinstance(error, Cancelled):
            self.note = "cancelled"
            return
        self._tell_problem(describe(error, doing, secrets), describe(error, doing))

    def _tell_problem(self, problem: Problem, live: Problem | None = None) -> None:
        """Tell a failure. `live` has the names of files in it: for the page that is open, not for what is saved."""
        self.problem = {"remedy": "", "details": "", **problem, "number": self._failures}
        if live is not None and live != problem:
            self.send(Live(live={**live, "number": self._failures}))
