"""Turns: the queue of a machine, as files. Nobody keeps it: each worker waits in it for itself.

A worker is started at once, which costs an interpreter and nothing heavy, and waits until it is its turn. So there is
no process that must live for others to go on, nobody starts the processes of somebody else, and two people whose
settings name one folder share a machine. Each worker has a file in the folder of the queue with what it needs; it says
nothing of what it works on. A file whose process is gone counts as none, so that neither a crash nor a reboot blocks
the queue.
"""

from __future__ import annotations

import contextlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from workbench._user import user_folder
from workbench._words import count
from workbench.errors import FileError, WorkbenchError
from workbench.jobs.executors._limits import Limits
from workbench.jobs.files import read_json, write_json
from workbench.jobs.lock import Owner, lock_file
from workbench.jobs.places import settings
from workbench.jobs.resources import Resources

VARIABLE = "WORKBENCH_QUEUE"
_FOLDER = "queue"
_GUARD = ".lock"
_LOOK_SECONDS = 0.25
#: Another process has the queue for less than a look takes; more is one that hangs, and is not waited for.
_GUARD_SECONDS = 10.0


def queue_folder() -> Path:
    """Return where the queue is: ``WORKBENCH_QUEUE``, ``"queue"`` of the settings, or among the settings."""
    chosen = os.environ.get(VARIABLE) or settings().get("queue")
    return Path(chosen).expanduser() if chosen else user_folder("config") / _FOLDER


@dataclass(frozen=True)
class _Place:
    """Somebody's place in the queue."""

    file: Path
    owner: Owner
    needs: Resources
    priority: int
    asked: float
    at_work: bool


class Turn:
    """A worker's place in the queue, from `wait` to `leave`.

    Parameters
    ----------
    needs : Resources
        What the job takes.
    priority : int
        Of those that wait, the highest comes first; of equal ones, who came first.
    limits : Limits or callable
        What all may take together; or what gives it, asked at every look, as it may be changed meanwhile.
    folder : Path
        The queue.
    name : str
        Of the place, where whoever started the worker has taken one for it (`enter`).
    """

    def __init__(
        self,
        needs: Resources,
        priority: int,
        limits: Limits | Callable[[], Limits],
        folder: Path | None = None,
        name: str = "",
    ) -> None:
        self._needs, self._priority = needs, priority
        self._ask = limits if callable(limits) else lambda: limits
        self._folder = queue_folder() if folder is None else folder
        self._file = self._folder / f"{name or uuid.uuid4().hex}.json"
        self._asked: float | None = None
        me = Owner.of(os.getpid())
        assert me is not None
        self._owner = me

    def wait(self, tell: Callable[[str], None], given_up: Callable[[], bool]) -> bool:
        """Wait until it is this worker's turn.

        Parameters
        ----------
        tell : callable
            Told what is waited for, in words, whenever that changes.
        given_up : callable
            Asked again and again whether to go on waiting.

        Returns
        -------
        bool
            Whether it is its turn; False if it was given up.

        Raises
        ------
        FileError
            If the queue cannot be written.
        """
        told = ""
        while True:
            why = self._look()
            if not why:
                return True
            if why != told:
                tell(why)
                told = why
            if given_up():
                self.leave()
                return False
            time.sleep(_LOOK_SECONDS)

    def leave(self) -> None:
        """Give the place back."""
        self._file.unlink(missing_ok=True)

    def _look(self) -> str:
        """Take the turn if it is there; return what is waited for."""
        with _held(self._folder):
            if self._asked is None:
                self._asked = float((read_json(self._file) or {}).get("asked", time.time()))
            others = [one for one in _places(self._folder) if one.file != self._file]
            try:
                limits = self._ask()
            except WorkbenchError as error:  # settings that somebody is just changing: it goes on when they are mended
                why = f"Waiting until the limits of jobs can be read. {error}"
            else:
                why = self._hindrance(others, limits)
            _write(_Place(self._file, self._owner, self._needs, self._priority, self._asked, not why))
        return why

    def _hindrance(self, others: list[_Place], limits: Limits) -> str:
        working = [one.needs for one in others if one.at_work]
        ahead = [one for one in others if not one.at_work and self._comes_after(one)]
        short = limits.is_short(self._needs)
        if hindered := limits.hinders(self._needs, working):
            return f"Waiting for {hindered}{_behind(len(ahead))}."
        if not short and ahead:
            return f"Waiting for its turn{_behind(len(ahead))}."
        # several short ones, one after the other, must not keep the cores from who needs more than one
        alike = sum(map(limits.is_short, working))
        if short and ahead and (alike or any(limits.is_short(one.needs) for one in ahead)):
            return f"Waiting for its turn{_behind(len(ahead))}."
        return ""

    def _comes_after(self, other: _Place) -> bool:
        mine = (-self._priority, self._asked or 0.0, self._file.name)
        return (-other.priority, other.asked, other.file.name) < mine


def enter(name: str, owner: Owner, needs: Resources, priority: int) -> None:
    """Take a place for a worker that was just started: first started, first served, however long it takes to begin.

    Raises
    ------
    FileError
        If the queue cannot be written.
    """
    folder = queue_folder()
    with _held(folder):
        file = folder / f"{name}.json"
        if not file.exists():
            _write(_Place(file, owner, needs, priority, time.time(), at_work=False))


def _write(place: _Place) -> None:
    record = {
        "owner": asdict(place.owner),
        "needs": asdict(place.needs),
        "priority": place.priority,
        "asked": place.asked,
        "at work": place.at_work,
    }
    write_json(place.file, record, durable=False)
    place.file.chmod(0o644)  # who shares the queue is to see what is taken


def _behind(ahead: int) -> str:
    return f"; {count(ahead, 'job')} {'comes' if ahead == 1 else 'come'} first" if ahead else ""


def _places(folder: Path) -> list[_Place]:
    """Return the places of all that live; those of the dead are taken away, as far as that is allowed."""
    found = []
    for file in sorted(folder.glob("*.json")):
        record = read_json(file)
        if record is None:
            continue  # given back meanwhile
        owner = Owner.from_json(record["owner"])
        if not owner.here:
            continue  # a folder that several machines see: each has a queue of its own in it
        if not owner.alive():
            with contextlib.suppress(OSError):  # another user's, in a folder where each may delete its own alone
                file.unlink()
            continue
        needs = Resources.from_json(record["needs"])
        found.append(_Place(file, owner, needs, record["priority"], record["asked"], record["at work"]))
    return found


@contextlib.contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Have the queue for oneself."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
        guard = (folder / _GUARD).open("ab")
    except OSError as error:
        raise FileError(
            f"The queue of jobs must be a folder that can be written; {folder} is not ({error.strerror or error}). "
            f"Name another one with {VARIABLE}."
        ) from error
    with guard:
        with contextlib.suppress(OSError):
            (folder / _GUARD).chmod(0o666)
        deadline = time.monotonic() + _GUARD_SECONDS
        while not lock_file(guard) and time.monotonic() < deadline:
            time.sleep(0.01)
        yield
