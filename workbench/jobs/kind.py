"""What a kind of job says of its folders, and the kinds there are."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from workbench._accepting import instances_of
from workbench._plugins import Registry, Source, place_of
from workbench._wiring import BUILT_IN
from workbench.errors import FileError, InputError, WorkbenchError
from workbench.jobs.failures import Failure
from workbench.jobs.files import JOB, read_json, write_json
from workbench.jobs.resources import Resources
from workbench.jobs.status import Status, Words

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing
    from workbench.jobs.job import Job

_GROUP = "workbench.jobs"
_SCHEMA = 1
#: Folders from before there was a job.json are told by a file that only their kind has.
_BEFORE = {"recipe.json": "training"}


class JobKind(ABC):
    """A kind of job: what is done in its folders, and what is told of them.

    A subclass is registered under the entry point ``workbench.jobs``, whose name is that of the kind. Folder and
    process, lock, status, log, stop and resume are the same for all; `run` does the work, from where it stands on.
    """

    #: As in ``job.json``: ``"training"``.
    name: ClassVar[str]
    #: What the kind is called in lists: ``"Training"``.
    title: ClassVar[str]
    #: What such a job is called in sentences.
    words: ClassVar[Words] = Words()
    #: What its ``status.json`` holds.
    status: ClassVar[type[Status]] = Status

    @abstractmethod
    def run(self, folder: Path, doing: Doing) -> str:
        """Do the work, in the worker process, from where it stands; return ``"finished"`` or ``"stopped"``.

        `doing.work` is told of the progress, and raises `Cancelled` when somebody asked to stop: to let it pass is to
        have stopped. Whatever else is raised fails the job.
        """

    @abstractmethod
    def result(self, folder: Path) -> Any:
        """Return what came of a job that is finished."""

    def handle(self, folder: Path) -> Job | None:  # noqa: ARG002
        """Return the job in `folder` as people have it in their hands, where that is more than a `Job`."""
        return None

    def resources(self, folder: Path) -> Resources:
        """Return what the job needs of a machine."""
        return Resources.from_json(read_note(folder).get("needs"))

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:  # noqa: ARG002
        """Return the environment that the worker is started with; so many threads are its share of the machine."""
        return environment

    def explain_failure(self, error: BaseException, folder: Path) -> Failure | None:  # noqa: ARG002
        """Return what failed and what to do about it, in words of this kind; None where those of all kinds serve."""
        return None

    def title_of(self, folder: Path) -> str:  # noqa: ARG002
        """Return what tells a job without a name from others: ``"window on phantom-ct"``."""
        return self.title

    def facts(self, folder: Path, status: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return how far a job is in a few words: ``"epoch 3/10"``."""
        return f"{status['progress']:.0%}"

    def details(self, folder: Path, status: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Return the same as rows of a table, each with what it is called."""
        return [("so far", self.facts(folder, status))]


class Unusable(JobKind):
    """The kind of a job whose own cannot be found or loaded; it says why when more is asked than its state."""

    name, title = "unknown", "Job"

    def __init__(self, error: WorkbenchError) -> None:
        self._error = error

    def run(self, folder: Path, doing: Doing) -> str:  # noqa: ARG002
        """Raise the reason."""
        raise self._error

    def result(self, folder: Path) -> Any:  # noqa: ARG002
        """Raise the reason."""
        raise self._error


def _own() -> list[Source]:
    return [place_of(name, place) for name, place in BUILT_IN.get(_GROUP, {}).items()]


#: Every kind, by name; loaded when a folder of it is met.
KINDS: Registry[JobKind] = Registry(_GROUP, "kind of job", instances_of(JobKind, ("title",)), builtin=_own, lazy=True)
register = KINDS.register


def kind_of(folder: Path) -> JobKind:
    """Return the kind of the job in `folder`.

    Raises
    ------
    FileError
        If it is no folder of a job, or its ``job.json`` cannot be read.
    InputError
        If there is no such kind here.
    StateError
        If the package that should bring the kind is broken.
    """
    return KINDS.get(str(read_note(folder).get("kind")))


def check_reachable(kind: JobKind) -> None:
    """Check that another process finds a kind: the worker is one.

    Raises
    ------
    InputError
        If it does not, or the kind lacks what each must have; the message says what to do.
    """
    instances_of(JobKind, ("title",))(type(kind))
    if KINDS.only_here(kind.name) or kind.name not in KINDS.names():
        raise InputError(
            f"The kind of job {kind.name!r} must be one that every process finds, got one that this process "
            f"alone knows. Put it into a package with an entry point {_GROUP!r} (docs/how-to/add-a-kind-of-job.md)."
        )


def is_job(folder: Path) -> bool:
    """Tell whether a folder is one of a job."""
    return any((folder / name).is_file() for name in (JOB, *_BEFORE))


def delete_folder(folder: Path) -> None:
    """Delete the folder of a job; what makes it one goes last, so that what cannot be deleted is listed still.

    Raises
    ------
    OSError
        If something in it may not be deleted.
    """
    for part in folder.iterdir():
        if part.is_dir() and not part.is_symlink():
            shutil.rmtree(part)
        elif part.name not in (JOB, *_BEFORE):
            part.unlink()
    shutil.rmtree(folder)


def folders_in(root: Path) -> list[Path]:
    """Return the folders of jobs in `root`; what may not be looked into is passed over."""
    return sorted({path.parent for name in (JOB, *_BEFORE) for path in root.glob(f"*/{name}")})


def read_note(folder: Path) -> dict[str, Any]:
    """Return what ``job.json`` says: ``kind``, ``needs``, ``priority``, ``executor``.

    Raises
    ------
    FileError
        If there is none and none is needed for an older job, or it cannot be read.
    """
    note = read_json(folder / JOB)
    if note is None:
        for name, kind in _BEFORE.items():
            if (folder / name).is_file():
                return {"schema": _SCHEMA, "kind": kind}
        raise FileError(f"A job folder must hold {JOB}; {folder} does not. `wb.jobs(folder)` lists jobs.")
    schema = note.get("schema") if isinstance(note, dict) else None
    if schema != _SCHEMA:
        raise FileError(f"{JOB} in {folder.name} must be of schema {_SCHEMA}, got {schema!r}. Update the workbench.")
    return dict(note)


def write_note(folder: Path, kind: str, needs: Resources, priority: int = 0, executor: str = "local") -> None:
    """Write ``job.json``, which makes a folder one of a job."""
    note = {"schema": _SCHEMA, "kind": kind, "needs": asdict(needs), "priority": priority, "executor": executor}
    write_json(folder / JOB, note)
