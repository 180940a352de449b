"""The process that does the work: ``python -m workbench.jobs.worker FOLDER``.

Nothing heavy is imported at the top: whatever can go wrong, a missing package included, is to end up in ``status.json``
with its cause and its remedy.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.errors import Cancelled, StateError
from workbench.jobs import faults
from workbench.jobs.doing import Doing
from workbench.jobs.failures import explain_failure
from workbench.jobs.files import CONTROL, ORDER, read_json
from workbench.jobs.kind import kind_of, read_note
from workbench.jobs.lock import JobLock
from workbench.jobs.status import Status, StatusWriter, Words

if TYPE_CHECKING:
    from workbench.jobs.executors._turns import Turn
    from workbench.jobs.kind import JobKind

_LOADING, _WAITING = "Loading.", "Waiting for its turn."

# Space set aside to be able to say that the disk is full.
_RESERVE, _RESERVE_BYTES = ".reserve", 64 * 1024


def main(arguments: list[str] | None = None) -> int:
    """Run the worker from the command line; return its exit code (0 ended well, 1 failed, 3 somebody else is at it)."""
    parser = argparse.ArgumentParser(prog="python -m workbench.jobs.worker", description="Do the work of one job.")
    parser.add_argument("folder", type=Path, help="the directory of the job")
    parser.add_argument("--launch", default="", help="identity of this start, as in launch.json")
    parser.add_argument(
        "--queued", action="store_true", help="begin when it is its turn among the jobs of this machine"
    )
    given = parser.parse_args(arguments)
    faulthandler.enable()
    folder = given.folder.resolve()  # before the folder that it is relative to is left
    os.chdir(folder)
    asked: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: asked.append(number))
    try:
        lock = JobLock(folder, _words(folder).noun)
        lock.acquire()
    except StateError as error:
        print(error, flush=True)  # noqa: T201 - into log.txt
        return 3
    try:
        state = work(folder, launch=given.launch, queued=given.queued, asked_to_stop=lambda: bool(asked))
    finally:
        lock.release()
    return 1 if state == "failed" else 0


def work(
    folder: Path, *, launch: str = "", queued: bool = False, asked_to_stop: Callable[[], bool] = lambda: False
) -> str:
    """Take a job from where it stands to its end, whatever that is, and return the final state.

    The caller holds the job's lock.
    """
    kind: JobKind | None = None
    turn: Turn | None = None
    status = StatusWriter(folder, Status)
    words = {"message": _WAITING if queued else _LOADING, "cause": "", "remedy": ""}
    status.update(force=True, state="queued" if queued else "running", pid=os.getpid(), launch=launch, **words)
    try:
        (folder / _RESERVE).write_bytes(bytes(_RESERVE_BYTES))
        faults.point("imports")
        kind = kind_of(folder)
        status = StatusWriter(folder, kind.status)
        doing = Doing(folder, status, read_json(folder / ORDER), asked_to_stop)
        turn = _turn(kind, folder, launch) if queued else None
        if turn is None or turn.wait(lambda why: _tell(doing, why), doing.asked_to_stop):
            begun = {"begun": time.time(), "begun_with": status.status.progress}
            status.update(force=True, state="running", message=_LOADING, **begun)
            state = _done(kind, folder, doing)
        else:
            state = "stopped"
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told in the status, whatever it is
        _fail(folder, status, error, kind)
        return "failed"
    finally:
        (folder / _RESERVE).unlink(missing_ok=True)
        if turn is not None:
            turn.leave()
    for request in (CONTROL, ORDER):
        (folder / request).unlink(missing_ok=True)
    if state == "finished":
        status.update(force=True, state=state, progress=1.0, message="Finished.")
    else:
        status.update(force=True, state=state, message=f"Stopped; resume() {kind.words.resuming}.")
    return state


def _turn(kind: JobKind, folder: Path, launch: str) -> Turn:
    from workbench.jobs.executors._limits import Limits
    from workbench.jobs.executors._turns import Turn

    return Turn(kind.resources(folder), int(read_note(folder).get("priority", 0)), Limits.here, name=launch)


def _tell(doing: Doing, why: str) -> None:
    doing.say(why)
    doing.status.update(force=True, message=why)


def _done(kind: JobKind, folder: Path, doing: Doing) -> str:
    try:
        state = kind.run(folder, doing)
    except Cancelled:
        if doing.work.cancelled:
            return "stopped"
        raise
    if state not in ("finished", "stopped"):
        rule = f"What run() of the kind {kind.name!r} returns must be 'finished' or 'stopped'"
        raise StateError(f"{rule}, got {state!r}. Mend the kind.")
    return state


def _fail(folder: Path, status: StatusWriter, error: BaseException, kind: JobKind | None) -> None:
    traceback.print_exception(error)
    sys.stderr.flush()
    words = Words() if kind is None else kind.words
    failure = None
    if kind is not None:
        # an explanation that fails explains nothing
        with contextlib.suppress(Exception):
            failure = kind.explain_failure(error, folder)
    failure = failure or explain_failure(error, words)
    (folder / _RESERVE).unlink(missing_ok=True)
    (folder / CONTROL).unlink(missing_ok=True)
    told = {"message": f"The {words.noun} failed.", "cause": failure.cause, "remedy": failure.remedy}
    status.update(force=True, state="failed", **told)


def _words(folder: Path) -> Words:
    try:
        return kind_of(folder).words
    except Exception:  # noqa: BLE001 - told by `work`, in the status
        return Words()


if __name__ == "__main__":
    sys.exit(main())
