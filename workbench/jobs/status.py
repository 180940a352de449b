"""Where a job stands: written by the worker, and judged by the reader, who also knows whether the worker lives.

A worker that was killed cannot say so. A job whose status says ``running`` and whose worker is gone is therefore
reported as ``lost``, with the reason as far as the log tells.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from workbench._words import left
from workbench.errors import FileError
from workbench.jobs import faults
from workbench.jobs.files import CONTROL, LAUNCH, LOG, STATUS, read_json, read_record, write_json
from workbench.jobs.lock import Owner, holder

STATES = ("created", "queued", "running", "stopping", "stopped", "finished", "failed", "lost")
ENDED = frozenset({"stopped", "finished", "failed", "lost"})
ALIVE = frozenset(STATES) - ENDED
#: What people are told where the name of a state says too little; ``lost`` is what a reader concludes.
_SAID = {"created": "starting", "lost": "interrupted"}
# Heads what each worker prints in the log, which several workers may have written to.
LOG_HEAD = "=== worker started "
_WRITE_SECONDS = 0.3
# Between laying out a job and starting its worker.
_LAUNCH_SECONDS = 10.0
_LOG_TAIL = 4000


@dataclass(frozen=True)
class Words:
    """What a kind of job is called in sentences.

    Attributes
    ----------
    noun : str
        "Stop that job first (`job.stop()`)."
    goes_on : str
        "Resume it: it goes on where it was."
    lighter : str
        What makes it take less memory: "If it is interrupted again, ...".
    record : str
        What to report it with, where a failure cannot be explained.
    resuming : str
        "Stopped; resume() goes on from here."
    """

    noun: str = "job"
    goes_on: str = "it goes on where it was"
    lighter: str = "choose a machine with more memory"
    record: str = "job.json"
    resuming: str = "goes on from here"


@dataclass
class Status:
    """What every ``status.json`` holds; a kind of job may add to it.

    Attributes
    ----------
    state : str
        One of `STATES`; ``stopping`` and ``lost`` are never stored, a reader concludes them.
    progress : float
        Share of the whole that is done, 0 to 1.
    message, cause, remedy : str
        What goes on, in words; for a failed job why it failed and what to do.
    started, updated : float
        Seconds since 1970.
    pid : int or None
        The worker.
    launch : str
        Which start of a worker this belongs to.
    begun, begun_with : float
        When the worker that is at it began to work (0 before one did), and how much was done by then: what it waited
        before, or was stopped, says nothing of how fast it is.
    """

    state: str = "created"
    progress: float = 0.0
    message: str = ""
    cause: str = ""
    remedy: str = ""
    started: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    pid: int | None = None
    launch: str = ""
    begun: float = 0.0
    begun_with: float = 0.0


class StatusWriter:
    """Keeps ``status.json`` up to date without writing it more often than a reader could care.

    Parameters
    ----------
    folder : Path
        The directory of the job.
    kind : type
        `Status`, or what the kind of job makes of it. It begins as what is stored; what it does not know stays there.
    """

    def __init__(self, folder: Path, kind: type[Status] = Status) -> None:
        self._path = folder / STATUS
        self._written = 0.0
        stored = _stored(folder)
        known = {one.name for one in fields(kind)}
        self._unknown = {name: value for name, value in stored.items() if name not in known}
        self.status = kind(**{name: value for name, value in stored.items() if name in known})

    def update(self, *, force: bool = False, **changes: Any) -> None:
        """Change the status; it is written at once if the state changes or `force` is set, else every 0.3 s."""
        if (progress := changes.get("progress", 1.0)) < self.status.begun_with:
            # it goes on from an earlier checkpoint, or begins anew
            changes |= {"begun": time.time(), "begun_with": progress}
        force = force or changes.get("state", self.status.state) != self.status.state
        self.status = replace(self.status, **changes, updated=time.time())
        now = time.monotonic()
        if force or now - self._written >= _WRITE_SECONDS:
            write_json(self._path, self._unknown | asdict(self.status), durable=force)
            self._written = now
        if "progress" in changes and not force:
            faults.point("progress")


def read_status(
    folder: Path,
    kind: type[Status] = Status,
    words: Words = Words(),
    ask: Callable[[], str | None] = lambda: None,
) -> dict[str, Any]:
    """Return the status of the job in `folder` as it truly is now.

    Parameters
    ----------
    kind : type
        `Status`, or what the kind of job makes of it.
    words : Words
        What such a job is called.
    ask : callable
        Asks who put the job to work how it stands: "queued", "running" or "ended"; None if nobody was; any other
        words say why that cannot be told. It is asked only where nothing else tells.

    Returns
    -------
    dict
        The fields of `kind`.
    """
    blank = asdict(kind(message="There is no status yet."))
    owner = holder(folder)
    status = blank | _stored(folder)
    launch = read_record(folder / LAUNCH, "id", "time", "owner")
    # The worker last started has not spoken yet.
    silent = bool(launch) and launch["id"] != status["launch"] and launch["time"] > status["updated"]
    if silent and (owner is not None or Owner.from_json(launch["owner"]).alive()):
        return {**status, "state": "created", "message": "The worker is starting.", "cause": "", "remedy": ""}
    if owner is not None:
        if status["state"] in ("queued", "running") and asks_to_stop(folder):
            return {**status, "state": "stopping", "message": "Stopping after the step under way."}
        return status
    # A worker may have spoken its last word and gone between the two looks: look again before drawing conclusions.
    status |= _stored(folder)
    if status["state"] not in ENDED and (told := _told(status, ask())):
        return told
    if silent and launch["id"] != status["launch"]:
        return _lost(folder, status, words, began=False)
    if status["state"] == "queued" and launch and Owner.from_json(launch["owner"]).went_with_machine:
        return {**status, "message": "Waiting; the machine was started anew, and goes on with the next job."}
    if status["state"] == "created" and not launch and time.time() - status["updated"] < _LAUNCH_SECONDS:
        return status
    if status["state"] == "queued" and not launch:
        return status
    if status["state"] in ("created", "queued", "running"):
        return _lost(folder, status, words, began=True)
    return status


def _stored(folder: Path) -> dict[str, Any]:
    found = read_record(folder / STATUS)
    if not isinstance(found.get("state", ""), str):
        raise FileError(
            f"The state in {STATUS} of {folder.name} must be a word, got {found['state']!r}. Restore the file."
        )
    return found


def _told(status: dict[str, Any], executor: str | None) -> dict[str, Any] | None:
    """Return the status as far as the executor says that somebody works on the job, or will."""
    if executor == "queued":
        return {**status, "state": "queued", "message": "Waiting for its turn."}
    if executor == "running":
        return status if status["state"] == "running" else {**status, "state": "created", "message": "Starting."}
    if executor not in (None, "ended"):
        return {**status, "message": f"Whether somebody works on it cannot be told. {executor}"}
    return None


def time_left(status: Mapping[str, Any], now: float | None = None) -> str:
    """Return how long a job will still take, in words; empty while that cannot be told.

    Parameters
    ----------
    status : mapping
        As `read_status` returns it; of an older version too.
    now : float, optional
        Seconds since 1970.
    """
    begun, before = status.get("begun") or status["started"], status.get("begun_with", 0.0)
    share = (status["progress"] - before) / (1 - before) if before < 1 else 1.0
    return left((now or time.time()) - begun, share)


def said(state: str) -> str:
    """Return what people are told of a state: a job whose worker was killed (``lost``) is "interrupted"."""
    return _SAID.get(state, state)


def asks_to_stop(folder: Path) -> bool:
    """Return whether a reader has asked the worker to stop."""
    control = folder / CONTROL
    return control.exists() and (read_json(control) or {}).get("command") == "stop"


def _lost(folder: Path, status: dict[str, Any], words: Words, *, began: bool) -> dict[str, Any]:
    tail = read_tail(folder / LOG).rpartition(LOG_HEAD)[2]
    state, what = "lost", "The worker ended without a word" if began else "The worker ended before it could begin"
    remedy = f"Resume it (resume()): {words.goes_on}. If it is interrupted again, {words.lighter}."
    if "Fatal Python error: " in tail:
        fault = tail.rpartition("Fatal Python error: ")[2].partition("\n")[0]
        cause = f"{what}: it crashed ({fault}). log.txt tells where."
        remedy = f"After resume() {words.goes_on}; if it crashes again, report it with log.txt."
    elif "Traceback" in tail:
        state, cause = "failed", f"{what}: {tail.strip().splitlines()[-1]}"
        remedy = "Mend what the last lines of log.txt name, then resume()."
    else:
        cause = f"{what}: it was killed (by hand, or by the system when memory ran out), or the machine went off."
    message = f"The {words.noun} {'failed' if state == 'failed' else 'was interrupted'}."
    return {**status, "state": state, "message": message, "cause": cause, "remedy": remedy}


def read_tail(path: Path, size: int = _LOG_TAIL) -> str:
    """Return the last `size` bytes of a text file ("" if it is not there)."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - size))
            return stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
