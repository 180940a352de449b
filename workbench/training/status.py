"""Where a run stands: written by the worker, and judged by the reader, who also knows whether the worker lives.

A worker that was killed cannot say so. A run whose status says ``running`` and whose worker is gone is therefore
reported as ``lost``, with the reason as far as the log tells.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.training.lock import Owner, holder
from workbench.training.store import CONTROL, LAUNCH, LOG, STATUS, read_json, write_json

STATES = ("created", "running", "stopping", "stopped", "finished", "failed", "lost")
ENDED = frozenset({"stopped", "finished", "failed", "lost"})
#: What people are told where the name of a state says too little; ``lost`` is what a reader concludes.
_SAID = {"created": "starting", "lost": "interrupted"}
# Heads what each worker prints in the log, which several workers may have written to.
LOG_HEAD = "=== worker started "
_WRITE_SECONDS = 0.3
# Between laying out a run and starting its worker.
_LAUNCH_SECONDS = 10.0
_LOG_TAIL = 4000


@dataclass
class Status:
    """The content of ``status.json``.

    Attributes
    ----------
    state : str
        One of `STATES`; ``stopping`` and ``lost`` are never stored, a reader concludes them.
    epoch, epochs : int
        The epoch under way, counted from 1 (0 before the first), and how many there are to be.
    step, steps_per_epoch : int
        Steps done in this epoch, and how many it has.
    progress : float
        Share of the whole run that is done, 0 to 1.
    message, cause, remedy : str
        What goes on, in words; for a failed run why it failed and what to do.
    started, updated : float
        Seconds since 1970.
    pid : int or None
        The worker.
    launch : str
        Which start of a worker this belongs to.
    best_epoch, best_score : int, float or None
        The best epoch so far by the monitor.
    """

    state: str = "created"
    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps_per_epoch: int = 0
    progress: float = 0.0
    message: str = ""
    cause: str = ""
    remedy: str = ""
    started: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    pid: int | None = None
    launch: str = ""
    best_epoch: int | None = None
    best_score: float | None = None


class StatusWriter:
    """Keeps ``status.json`` up to date without writing it more often than a reader could care."""

    def __init__(self, folder: Path, status: Status) -> None:
        self._path = folder / STATUS
        self._written = 0.0
        self.status = status

    def update(self, *, force: bool = False, **changes: Any) -> None:
        """Change the status; it is written at once if the state changes or `force` is set, else every 0.3 s."""
        force = force or changes.get("state", self.status.state) != self.status.state
        self.status = replace(self.status, **changes, updated=time.time())
        now = time.monotonic()
        if force or now - self._written >= _WRITE_SECONDS:
            write_json(self._path, asdict(self.status), durable=force)
            self._written = now


def read_status(folder: Path) -> dict[str, Any]:
    """Return the status of the run in `folder` as it truly is now.

    Returns
    -------
    dict
        The fields of `Status`.
    """
    owner = holder(folder)
    status = read_json(folder / STATUS) or asdict(Status(message="There is no status yet."))
    launch = read_json(folder / LAUNCH)
    # The worker last started has not spoken yet.
    silent = bool(launch) and launch["id"] != status["launch"] and launch["time"] > status["updated"]
    if silent and (owner is not None or Owner.from_json(launch["owner"]).alive()):
        return {**status, "state": "created", "message": "The worker is starting.", "cause": "", "remedy": ""}
    if owner is not None:
        if status["state"] == "running" and asks_to_stop(folder):
            return {**status, "state": "stopping", "message": "Stopping after the step under way."}
        return status
    # A worker may have spoken its last word and gone between the two looks: look again before drawing conclusions.
    status = read_json(folder / STATUS) or status
    if silent and launch["id"] != status["launch"]:
        return _lost(folder, status, began=False)
    if status["state"] == "created" and not launch and time.time() - status["updated"] < _LAUNCH_SECONDS:
        return status
    if status["state"] in ("created", "running"):
        return _lost(folder, status, began=True)
    return status


def said(state: str) -> str:
    """Return what people are told of a state: a run whose worker was killed (``lost``) is "interrupted"."""
    return _SAID.get(state, state)


def asks_to_stop(folder: Path) -> bool:
    """Return whether a reader has asked the worker to stop."""
    return bool((read_json(folder / CONTROL) or {}).get("command") == "stop")


def _lost(folder: Path, status: dict[str, Any], *, began: bool) -> dict[str, Any]:
    tail = read_tail(folder / LOG).rpartition(LOG_HEAD)[2]
    state, what = "lost", "The worker ended without a word" if began else "The worker ended before it could begin"
    remedy = "Resume it (resume()): it goes on from its last checkpoint. If it is interrupted again, lower batch_size."
    if "Fatal Python error: " in tail:
        fault = tail.rpartition("Fatal Python error: ")[2].partition("\n")[0]
        cause = f"{what}: it crashed ({fault}). log.txt tells where."
        remedy = "resume() goes on from the last checkpoint; if it crashes again, report it with log.txt."
    elif "Traceback" in tail:
        state, cause = "failed", f"{what}: {tail.strip().splitlines()[-1]}"
        remedy = "Mend what the last lines of log.txt name, then resume()."
    else:
        cause = f"{what}: it was killed (by hand, or by the system when memory ran out), or the machine went off."
    message = "The run failed." if state == "failed" else "The run was interrupted."
    return {**status, "state": state, "message": message, "cause": cause, "remedy": remedy}


def read_tail(path: Path, size: int = _LOG_TAIL) -> str:
    """Return the last `size` bytes of a text file ("" if it is not there)."""
    try:
        with path.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - size))
            return stream.read().decode("utf-8", errors="replace")
    except FileNotFoundError:
        return ""
