"""Job: a directory and a process, seen from outside. Everything here is read from the directory."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from workbench.errors import FileError, StateError, WorkbenchError
from workbench.jobs import begun, display, waiting
from workbench.jobs.executors import _base as executors
from workbench.jobs.executors import local
from workbench.jobs.files import CONTROL, LOG, NAME, ORDER, STATUS, check_name, read_json, write_json
from workbench.jobs.kind import JobKind, Unusable, delete_folder, is_job, kind_of, read_note
from workbench.jobs.lock import Owner, holder
from workbench.jobs.resources import Resources
from workbench.jobs.status import ENDED, StatusWriter, read_status, read_tail, said
from workbench.signatures import Field, Range, checked

_LEAVING_SECONDS = 5.0


class Job:
    """Long work in a directory and a process of its own.

    The directory is the only truth: a Job can be made from it at any time, in any process, while the worker works or
    long after. A Job reads; the one thing it writes is a request (``control.json``, ``order.json``).

    Parameters
    ----------
    path : str or Path
        The directory.

    Raises
    ------
    FileError
        If `path` is not the directory of a job.
    """

    @checked("Job")
    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).resolve()
        self._kind = self._find_kind()

    def _find_kind(self) -> JobKind:
        try:
            return kind_of(self.path)
        except WorkbenchError as error:
            if not is_job(self.path):
                raise
            return Unusable(error)

    @property
    def noun(self) -> str:
        """What such a job is called in sentences: "job", "run"."""
        return self._kind.words.noun

    @property
    def id(self) -> str:
        """Name of the directory."""
        return self.path.name

    @property
    def kind(self) -> str:
        """Name of the kind of job: ``"training"``, ``"tool"``."""
        return self._kind.name

    @property
    def name(self) -> str:
        """What a person calls it; empty where no name was given."""
        return str((read_json(self.path / NAME) or {}).get("name", ""))

    @checked(lambda job: f"{job.noun}.rename()")
    def rename(self, name: Annotated[str, Field(kind="any")]) -> Self:
        """Give it a name for lists, or take it away with ``""``; its folder keeps its own.

        Raises
        ------
        InputError
            If it is longer than a line.
        """
        called = check_name(name, self.noun)
        self._check_there()
        write_json(self.path / NAME, {"name": called})
        return self

    @property
    def title(self) -> str:
        """What tells it from others in a word or two: its name, or what it does."""
        return self.name or self._kind.title_of(self.path)

    @property
    def needs(self) -> Resources:
        """What it needs of a machine."""
        return self._kind.resources(self.path)

    @property
    def executor(self) -> str:
        """Name of who puts it to work."""
        return str(read_note(self.path).get("executor", executors.DEFAULT))

    @property
    def priority(self) -> int:
        """Of the jobs that wait, the highest comes first."""
        return int(read_note(self.path).get("priority", 0))

    @property
    def status(self) -> dict[str, Any]:
        """Where it stands now; see `workbench.jobs.Status` for the fields."""
        self._check_there()
        local.bury()
        return read_status(self.path, self._kind.status, self._kind.words, executors.asked(self.path))

    @property
    def state(self) -> str:
        """One of `workbench.jobs.status.STATES`: created, queued, running, stopping, stopped, finished, failed, lost.

        People are told ``lost`` as interrupted.
        """
        return str(self.status["state"])

    @property
    def facts(self) -> str:
        """How far it is, in a few words; of one that waits, what for."""
        return self._so_far(self.status)

    @property
    def details(self) -> list[tuple[str, str]]:
        """The same as rows of a table, each with what it is called."""
        return self._kind.details(self.path, self.status)

    @checked(lambda job: f"{job.noun}.log()")
    def log(self, size: Annotated[int, Range(low=0, unit="bytes")] = 100_000) -> str:
        """Return the last `size` bytes of what the worker printed; before there was one, a line that says so."""
        text = read_tail(self.path / LOG, size)
        return text or f"Nothing is logged: no worker has begun. {self._called} is {said(self.state)}.\n"

    @checked(lambda job: f"{job.noun}.stop()")
    def stop(self) -> Self:
        """Ask the worker to stop after the step under way; nothing happens to a job that has ended."""
        state = self.state
        if state not in ENDED:
            write_json(self.path / CONTROL, {"command": "stop", "time": time.time()}, durable=False)
        if state == "queued" and holder(self.path) is None:
            # nobody is there yet who would look at the request
            executors.cancel(self.path)
            message = "Stopped before it began; resume() goes on from here."
            StatusWriter(self.path, self._kind.status).update(force=True, state="stopped", message=message)
        return self

    @checked(lambda job: f"{job.noun}.resume()")
    def resume(self) -> Self:
        """Go on where it stands in a new worker, and return at once.

        Raises
        ------
        StateError
            If a worker is at it (the message tells its pid), or it is finished.
        """
        if self._free()["state"] == "finished":
            raise StateError(f"{self._called} is finished: nothing is left to do. Its result: {self.noun}.result().")
        return self._start({})

    @checked(lambda job: f"{job.noun}.delete()")
    def delete(self) -> None:
        """Delete its folder with everything in it, for good; what it wrote elsewhere stays.

        Raises
        ------
        StateError
            If a worker is at it, or will be.
        FileError
            If something in it cannot be deleted; what is left of it is still listed.
        """
        self._check_there()
        try:
            self._free()
        except FileError:
            # where it stood can no longer be read; it is enough that nobody works on it
            if holder(self.path) is not None:
                raise
        try:
            delete_folder(self.path)
        except OSError as error:
            raise FileError(
                f"The folder of {self.noun} {self.id} must be one whose files may all be deleted; some may not "
                f"({error.strerror or error}). Change their permissions, or close what has them open; then try again."
            ) from error

    @checked(lambda job: f"{job.noun}.wait()")
    def wait(self, timeout: Annotated[float | None, Range(low=0, unit="s")] = None) -> Self:
        """Wait until it has ended, one way or the other; interrupting ends the waiting, not the job.

        In a notebook a line below the cell says meanwhile how far it is.

        Parameters
        ----------
        timeout : float or None
            Longest time to wait, in seconds.

        Raises
        ------
        StateError
            If it has not ended by then.
        """
        waiting.until_ended(self, timeout)
        self._released_by()
        with contextlib.suppress(subprocess.TimeoutExpired):
            local.leave(self.path, _LEAVING_SECONDS)
        return self

    @checked(lambda job: f"{job.noun}.result()")
    def result(self) -> Any:
        """Return what came of it.

        Raises
        ------
        StateError
            If it is not finished; the message says what to do.
        """
        status = self.status
        if status["state"] != "finished":
            now = f"{self._called} is {said(status['state'])}, and has no result yet"
            if status["state"] not in ENDED:
                raise StateError(f"{now}. wait() for it.")
            raise StateError(
                f"{now}. {status['cause']} {status['remedy'] or 'Go on with resume().'}".replace(".  ", ". ")
            )
        return self._kind.result(self.path)

    def _so_far(self, status: Mapping[str, Any]) -> str:
        if status["state"] == "queued" and status["message"]:
            return str(status["message"]).rstrip(".")
        return self._kind.facts(self.path, status)

    def _check_there(self) -> None:
        if not self.path.is_dir():
            raise FileError(f"{self._gone} Put it back, or start anew what it did.")

    @property
    def _gone(self) -> str:
        return f"The folder of {self.noun} {self.id} must be there, but it is gone: {self.path}."

    @property
    def _called(self) -> str:
        return f"{self.noun.capitalize()} {self.id}"

    def _free(self) -> dict[str, Any]:
        """Return the status of a job that nobody works on.

        Raises
        ------
        StateError
            If somebody does.
        """
        status = self.status
        owner = self._released_by() if status["state"] in ENDED else holder(self.path)
        if owner is not None or status["state"] not in ENDED:
            who = f"process {owner.pid} on {owner.host}" if owner else "a worker that is just starting"
            raise StateError(
                f"{self._called} is {status['state']}: {who} works on it. stop() it first, or wait() for it to end."
            )
        return status

    def _start(self, order: Mapping[str, Any]) -> Self:
        """Start a worker, the first or another, which is to change what `order` says."""
        (self.path / CONTROL).unlink(missing_ok=True)
        (self.path / ORDER).unlink(missing_ok=True)
        if order:
            write_json(self.path / ORDER, order)
        before = read_json(self.path / STATUS)
        if self.executor != executors.DEFAULT:
            # who asks before a worker on another machine has spoken is to hear that one comes
            writer = StatusWriter(self.path, self._kind.status)
            writer.update(force=True, state="created", message="Starting.", cause="", remedy="")
        try:
            executors.submit(self.path, self.executor, self.needs, self.priority)
        except WorkbenchError:
            write_json(self.path / STATUS, before)
            raise
        begun.tell()
        return self

    def _released_by(self) -> Owner | None:
        """Return who still holds the job after giving a worker that has said its last word time to leave."""
        deadline = time.monotonic() + _LEAVING_SECONDS
        while (owner := holder(self.path)) is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        return owner

    def __repr__(self) -> str:
        if not self.path.is_dir():
            return self._gone
        status = self.status
        named = f" ({self.name})" if self.name else ""
        text = f"{self._called}{named}: {said(status['state'])}, {self._so_far(status)}"
        if status["cause"]:
            text += f"\n  cause:  {status['cause']}\n  remedy: {status['remedy']}"
        return text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Job) and other.path == self.path

    def __hash__(self) -> int:
        return hash(self.path)

    def _repr_mimebundle_(self, **_: Any) -> Any:
        return display.mimebundle(self)
