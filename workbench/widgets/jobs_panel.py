"""The jobs panel: all long work there is, whoever started it: how far it is, stopped, resumed, its result opened."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

import traitlets as t

from workbench.errors import StateError, choose
from workbench.evaluation import Table
from workbench.explain import OverScores
from workbench.jobs import Job, begun, jobs
from workbench.jobs.places import runs_folder
from workbench.tools import Report
from workbench.training import Run
from workbench.widgets._job_rows import JobRow, job_code, row_of
from workbench.widgets._tables import told
from workbench.widgets.code import page
from workbench.widgets.desk import Desk
from workbench.widgets.desk_panel import DeskPanel
from workbench.widgets.messages import TableRows, synced
from workbench.widgets.panel import bundle

#: As often as a run that is watched is read, and no oftener.
_POLL_SECONDS = 0.5
#: Jobs that are listed; reading what is told of each takes about two milliseconds.
_MOST_JOBS = 50


class JobsPanel(DeskPanel):
    """Lists jobs of every kind, and follows those that are under way.

    Examples
    --------
    >>> app = wb.App("phantom-xray", n=2, size=16)
    >>> app.model.algorithm, app.model.options = "2d-unet", {"width": 4, "depth": 2}
    >>> app.explain.method = "saliency"
    >>> job = app.explain.begin().wait()
    >>> app.jobs.open_result(job.id).method
    'saliency'
    """

    called: ClassVar = "jobs"
    order: ClassVar = 6

    _esm = bundle("jobs_panel")
    _css = bundle("jobs_panel", "css")

    rows = synced(list[JobRow], t.List(t.Dict(), help="The jobs, the newest first"))
    more = t.Int(0, help="How many older ones are not listed").tag(sync=True)
    result = synced(TableRows, t.Dict(help="Head and rows of the result that was opened last"))

    actions: ClassVar = {"stop": "stop", "resume": "resume", "open": "open_result", "refresh": "refresh"}
    quick: ClassVar = DeskPanel.quick | {"stop", "refresh"}

    def __init__(self, desk: Desk | None = None, **traits: Any) -> None:
        self._known: dict[str, Job] = {}
        self._listed: dict[str, JobRow] = {}
        self._reading = threading.Lock()
        self._closed = threading.Event()
        self._watcher: threading.Thread | None = None
        super().__init__(desk, **traits)
        self.desk.observe(lambda _change: setattr(self, "result", {}), "case")
        self.refresh()
        begun.watch(self._begun)

    # -- work ---------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Look for jobs, wherever they were started, and follow those that are under way."""
        with self._reading:
            found = self._found()
            self._known = {job.id: job for job in found}
            self._listed = {job.id: row_of(job) for job in found[:_MOST_JOBS]}
            if self._show() and self._watcher is None:
                self._watcher = threading.Thread(target=self._watch, name="jobs-watcher", daemon=True)
                self._watcher.start()

    def stop(self, job: str) -> None:
        """Ask a job to stop after the step under way."""
        self._job(job).stop()
        self.refresh()

    def resume(self, job: str) -> Job:
        """Go on with a job in a new worker.

        Raises
        ------
        InputError
            If there is no such job.
        StateError
            If somebody works on it, or it is finished.
        """
        with self.working("Resuming the job"):
            return self._job(job).resume()

    def open_result(self, job: str) -> Any:
        """Show the result of a job where it belongs, and return it.

        A map is laid over the image, a run is shown in the panel for training; tables, scores, leaderboards and reports
        are shown here.

        Raises
        ------
        InputError
            If there is no such job.
        StateError
            If it has no result yet, or its result is of another image than the one that is looked at.
        """
        chosen = self._job(job)
        with self.working("Opening the result"):
            if isinstance(chosen, Run):
                self.desk.run = chosen
                return chosen
            made = chosen.result()
            self.result = {}
            if not any(panel.receive(made, f"{job_code(chosen)}.result()") for panel in self.desk.panels):
                self.result = _shown(made, chosen)
        return made

    # -- for the desk -------------------------------------------------------------------------------------

    def code(self) -> str:
        """Return code that lists the jobs."""
        return page("jobs = wb.jobs()", show="jobs")

    # -- inside -------------------------------------------------------------------------------------------

    def _begun(self) -> None:
        self.refresh()

    def follow(self) -> bool:
        """Read again what is told of the jobs under way, and tell whether there are any left."""
        with self._reading:
            for name, row in self._listed.items():
                if row["alive"]:
                    self._listed[name] = row_of(self._known[name])
            if not self._show():
                self._watcher = None
            return self._watcher is not None

    def close(self) -> None:
        """Follow the jobs no more."""
        self._closed.set()
        super().close()

    def _watch(self) -> None:
        while not self._closed.wait(_POLL_SECONDS) and self.follow():
            pass

    def _show(self) -> int:
        """Show what was read, and return how many jobs are under way."""
        self.rows, self.more = [*self._listed.values()], len(self._known) - len(self._listed)
        alive = sum(bool(row["alive"]) for row in self._listed.values())
        self.note = f"{alive} under way" if alive else ""
        return alive

    def _found(self) -> list[Job]:
        folder = self.desk.folder
        # a folder that is named is made with its first job
        there = jobs(folder) if folder is not None and runs_folder(folder).is_dir() else []
        return sorted({*there, *jobs()}, key=lambda job: job.id, reverse=True)

    def _job(self, name: str) -> Job:
        return self._known[choose(name, self._known, "job")]


def _shown(made: Any, job: Job) -> TableRows:
    """Return a result as a table; of one that is none, how to get it."""
    if isinstance(made, Report):
        return told(made.table(), f"{job.title}: {made.counts}")
    if isinstance(made, OverScores):
        return told(made.leaderboard, made.headline)
    if isinstance(made, Table):
        return told(made, job.title)
    if isinstance(made, Mapping):
        return told(Table({"name": name, "value": value} for name, value in made.items()), job.title)
    what = f"The result of {job.title} is {type(made).__name__}, which is not shown here"
    raise StateError(f"{what}. In code: result = {job_code(job)}.result().")
