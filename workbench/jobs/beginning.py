"""How a job begins: its directory is laid out, and its first worker started."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from workbench.errors import FileError
from workbench.jobs.executors import _base as executors
from workbench.jobs.files import STATUS, write_json
from workbench.jobs.job import Job
from workbench.jobs.kind import KINDS, JobKind, check_reachable, kind_of, write_note
from workbench.jobs.places import new_folder, remember
from workbench.jobs.resources import HERE, Placement, Resources
from workbench.jobs.status import Status
from workbench.signatures import checked


@contextlib.contextmanager
def laying_out(
    folder: Path, kind: JobKind, status: Status, needs: Resources, placement: Placement = HERE
) -> Iterator[None]:
    """Make the directory of a job; in the ``with`` block the kind writes its own files, and then it is one.

    Parameters
    ----------
    folder : Path
        The directory; made here.
    kind : JobKind
    status : Status
        Where it stands at first.
    needs : Resources
        What such a job usually needs of a machine.
    placement : Placement
        Who puts it to work, and what is to differ from that.

    Raises
    ------
    InputError
        If other processes do not find the kind, or there is no such executor.
    StateError
        If the executor could never put it to work.
    FileError
        If the directory is there, or cannot be made or written.
    """
    check_reachable(kind)
    needs = placement.needs.over(needs)
    with executors.EXECUTORS.using(placement.executor):
        executors.EXECUTORS.get(placement.executor).check(needs)
    try:
        # a job holds paths, pictures and copies of data in memory: on a machine of many users it is its owner's alone
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
        try:
            yield
            write_json(folder / STATUS, asdict(status))
            write_note(folder, kind.name, needs, placement.priority, placement.executor)
        except BaseException:
            # nobody would find what is left, and it may hold pictures of patients
            shutil.rmtree(folder, ignore_errors=True)
            raise
    except FileError:
        raise
    except OSError as error:
        raise FileError(
            f"A {kind.words.noun} folder must be new and writable; {folder} is not ({error.strerror or error}). "
            "Choose another one with folder=, or set WORKBENCH_RUNS."
        ) from error


@checked("wb.jobs.begin()", "kind", "placement")
def begin(
    kind: str | JobKind,
    lay_out: Callable[[Path], object],
    *,
    word: str = "",
    folder: str | Path | None = None,
    needs: Resources | None = None,
    placement: Placement = HERE,
) -> Job:
    """Make the directory of a job, start its worker and return at once.

    Parameters
    ----------
    kind : str or JobKind
        What is to be done; by its name it is not loaded before.
    lay_out : callable
        Is given the new directory, and writes what the kind finds there.
    word : str
        What is to be read in its id; by default the name of the kind.
    folder : str or Path, optional
        Folder for jobs; by default that for runs.
    needs : Resources, optional
        What such a job usually needs of a machine.
    placement : Placement
        Who puts it to work, when, and what is to differ from that.

    Raises
    ------
    FileError
        If the directory cannot be made or written.
    InputError
        If other processes do not find the kind, or there is no such executor.
    StateError
        If the executor cannot put it to work.
    """
    kind = KINDS.get(kind) if isinstance(kind, str) else kind
    check_reachable(kind)
    path = new_folder(folder, word or kind.name)
    with laying_out(path, kind, kind.status(message="The worker is starting."), needs or Resources(), placement):
        lay_out(path)
    remember(path.parent)
    job = opened(path)
    start(job)
    return job


def opened(folder: Path) -> Job:
    """Return the job in a folder, as those of its kind are had in hand.

    Raises
    ------
    FileError, InputError, StateError
        As :func:`workbench.jobs.kind.kind_of`.
    """
    return kind_of(folder).handle(folder) or Job(folder)


def start(job: Job) -> None:
    """Start the first worker of a job."""
    job._start({})
