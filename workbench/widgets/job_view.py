"""What a cell that ends in `job` shows: the job, live."""

from __future__ import annotations

import threading
from typing import Any, ClassVar

import traitlets as t

from workbench.jobs import Job
from workbench.jobs.display import ANY
from workbench.widgets._job_rows import JobRow, job_code, row_of
from workbench.widgets.code import page
from workbench.widgets.messages import synced
from workbench.widgets.panel import Panel, bundle

#: As often as the jobs panel reads.
_POLL_SECONDS = 0.5


class JobView(Panel):
    """A live view of one job of any kind: how far it is, what it waits for or why it failed, stop and resume.

    The job goes on without it: it lives in its own process, and this view only reads its folder.

    Parameters
    ----------
    job : Job
    """

    #: Of the jobs that it shows: all that have no view of their own.
    kind: ClassVar = ANY

    _esm = bundle("job_view")
    _css = bundle("job_view", "css")

    row = synced(JobRow, t.Dict())

    actions: ClassVar = {"stop": "stop", "resume": "resume"}
    quick: ClassVar = Panel.quick | {"stop"}

    def __init__(self, job: Job, **traits: Any) -> None:
        self.job = job
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        super().__init__(**traits)
        self.follow()

    def stop(self) -> None:
        """Ask the job to stop after the step under way."""
        self.job.stop()
        self.refresh()

    def resume(self) -> None:
        """Go on with the job in a new worker."""
        with self.working("Resuming the job"):
            self.job.resume()
            self.follow()

    def follow(self) -> None:
        """Show where the job stands, and go on in the background while it is alive."""
        if self.refresh() and (self._watcher is None or not self._watcher.is_alive()):
            self._watcher = threading.Thread(target=self._watch, name="job-watcher", daemon=True)
            self._watcher.start()

    def refresh(self) -> bool:
        """Show where the job stands now, and tell whether it is alive."""
        # what came of it is had by code here: there is no desk that it could be laid on
        self.row = {**row_of(self.job), "can_open": False}
        return self.row["alive"]

    def code(self) -> str:
        """Return code that finds the job again."""
        return page(f"job = {job_code(self.job)}", show="job")

    def close(self) -> None:
        """Follow the job no more."""
        self._closed.set()
        super().close()

    def _watch(self) -> None:
        while not self._closed.wait(_POLL_SECONDS) and self.refresh():
            pass
