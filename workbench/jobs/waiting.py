"""Waiting for a job, with a line below the cell of a notebook that says how far it is."""

from __future__ import annotations

import html
import sys
import time
from typing import TYPE_CHECKING, Any

from workbench.errors import StateError
from workbench.jobs.display import bar
from workbench.jobs.status import ENDED, said

if TYPE_CHECKING:
    from workbench.jobs.job import Job

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.02, 0.25


def until_ended(job: Job, timeout: float | None) -> None:
    """Return once a job has ended.

    Raises
    ------
    StateError
        If it has not after `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    pause, line = _SHORTEST_PAUSE, _Line(job) if in_notebook() else None
    while (state := job.state) not in ENDED:
        if deadline is not None and time.monotonic() > deadline:
            called = f"{job.noun.capitalize()} {job.id}"
            raise StateError(f"{called} is still {said(state)} after {timeout:g} s. Wait longer, or stop() it.")
        if line:
            line.show()
        time.sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 1.5)
    if line:
        line.show()


def in_notebook() -> bool:
    """Return whether what is displayed appears below a cell."""
    # who works in a notebook has imported it
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class _Line:
    """What is displayed of a job, always in the same place."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._shown = ""
        self._handle: Any = None

    def show(self) -> None:
        """Display how far the job is now."""
        text = repr(self._job)
        if text == self._shown:
            return
        self._shown = text
        words = html.escape(text).replace("\n", "<br>")
        told = {"text/plain": text, "text/html": f"<div>{bar(self._job.status)} {words}</div>"}
        if self._handle is None:
            from IPython.display import display

            self._handle = display(told, raw=True, display_id=True)  # type: ignore[no-untyped-call]
        else:
            self._handle.update(told, raw=True)
