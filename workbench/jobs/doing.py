"""What a kind of job works with in the worker: whom it tells, and who may stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.jobs.status import StatusWriter, asks_to_stop
from workbench.work import Work


class Doing:
    """The worker's side of a job.

    Parameters
    ----------
    folder : Path
        The directory of the job.
    status : StatusWriter
        Where it is told how far the job is.
    order : mapping
        What the one who resumed it wants changed, such as ``{"epochs": 20}``.
    asked : callable
        Another way to be asked to stop, besides ``control.json``: a signal.

    Attributes
    ----------
    work : Work
        Progress told to it is that of the job, its text the message; it is cancelled when somebody asked to stop.
    """

    def __init__(
        self,
        folder: Path,
        status: StatusWriter,
        order: Mapping[str, Any] | None = None,
        asked: Callable[[], bool] = lambda: False,
    ) -> None:
        self.status = status
        self.order = dict(order or {})
        self._folder, self._asked = folder, asked
        self.work = Work(self._tell, _Wish(self.asked_to_stop))

    def asked_to_stop(self) -> bool:
        """Return whether somebody asked the job to stop, by ``control.json`` or by a signal."""
        return self._asked() or asks_to_stop(self._folder)

    def say(self, text: str) -> None:
        """Write a line into the log."""
        print(text, flush=True)  # noqa: T201 - into log.txt

    def _tell(self, fraction: float, text: str) -> None:
        self.status.update(progress=fraction, message=text or self.status.status.message)


class _Wish(threading.Event):
    """Set as soon as somebody asked, without a thread that looks."""

    def __init__(self, asked: Callable[[], bool]) -> None:
        super().__init__()
        self._asked_for = asked

    def is_set(self) -> bool:
        return super().is_set() or self._asked_for()
