"""What puts jobs to work, and the executors there are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Literal

from workbench._accepting import instances_of
from workbench._plugins import Registry
from workbench._rooms import classes_in
from workbench.errors import WorkbenchError
from workbench.jobs.files import TICKET, read_json, write_json
from workbench.jobs.resources import Resources

_GROUP = "workbench.executors"
#: Who puts jobs to work that say nothing else.
DEFAULT = "local"
#: What `submit` gives, as plain data: enough for another process, or another day, to ask for the job again.
Ticket = dict[str, Any]
#: ``ended`` tells no more than that nobody works on it any longer; how it ended stands in its directory.
TicketState = Literal["queued", "running", "ended"]


class Executor(ABC):
    """Puts jobs to work: on this machine, on another one, when there is room.

    A subclass is registered under the entry point ``workbench.executors``, whose name is its own. All that it gets is
    the directory of a job, and the directory is the only truth: what it has to see to is that somebody runs
    ``python -m workbench.jobs.worker FOLDER`` where the directory can be read and written
    (:func:`workbench.jobs.launch.launch` does, with the environment that the job needs). Running it twice is harmless,
    as the directory is locked by who works in it; the second one goes away.
    """

    #: As in ``job.json``: ``"local"``.
    name: ClassVar[str]
    #: What it is called in lists: ``"This machine"``.
    title: ClassVar[str]

    def check(self, needs: Resources) -> None:  # noqa: B027 - most take what comes
        """Refuse at once what could never be put to work.

        Raises
        ------
        StateError
            With what is asked for and what there is.
        """

    @abstractmethod
    def submit(self, folder: Path, needs: Resources, priority: int) -> Ticket:
        """Put the job in `folder` to work, or into a queue, and return at once.

        Parameters
        ----------
        folder : Path
            The directory of the job.
        needs : Resources
            What it needs of a machine.
        priority : int
            Of those that wait, the highest comes first.

        Raises
        ------
        StateError
            If it cannot be, such as when a cluster does not answer; the message says what to do.
        """

    @abstractmethod
    def state(self, ticket: Ticket) -> TicketState:
        """Return how a job stands, as far as the executor knows.

        Raises
        ------
        StateError
            If that cannot be told now.
        """

    @abstractmethod
    def cancel(self, ticket: Ticket) -> None:
        """Take a job that waits out of the queue; one that is at work is left to `Job.stop`."""


#: Every executor, by name; loaded when a job is given to it. One that is built in is called like its module.
EXECUTORS: Registry[Executor] = Registry(
    _GROUP,
    "executor",
    instances_of(Executor, ("title",)),
    builtin=classes_in("workbench.jobs.executors", Executor),
    lazy=True,
)
register = EXECUTORS.register


def submit(folder: Path, executor: str, needs: Resources, priority: int) -> None:
    """Put a job to work, and note with whom."""
    with EXECUTORS.using(executor):
        ticket = EXECUTORS.get(executor).submit(folder, needs, priority)
    write_json(folder / TICKET, {"executor": executor, "ticket": ticket}, durable=False)


def asked(folder: Path) -> Callable[[], TicketState | str | None]:
    """Return what asks the executor of a job how it stands; why that cannot be told, if it cannot.

    None of one that was never given to an executor, or to that of this machine: the marks of a process tell more.
    """

    def ask() -> TicketState | str | None:
        note = read_json(folder / TICKET)
        if not note or note["executor"] == DEFAULT:
            return None
        try:
            with EXECUTORS.using(note["executor"]):
                return EXECUTORS.get(note["executor"]).state(note["ticket"])
        except WorkbenchError as error:
            return str(error)

    return ask


def cancel(folder: Path) -> None:
    """Tell the executor of a job that nobody waits for it any longer."""
    note = read_json(folder / TICKET)
    if note:
        with EXECUTORS.using(note["executor"]):
            EXECUTORS.get(note["executor"]).cancel(note["ticket"])
