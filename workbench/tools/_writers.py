"""Whose a folder of results is: two that write into one at a time would do the same work twice."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import FileError, StateError
from workbench.jobs.files import read_json, write_json
from workbench.jobs.job import Job
from workbench.jobs.kind import is_job
from workbench.jobs.status import ALIVE, said

#: In the folder of the results: the job that was the last to write there. Hidden, as it is no result.
_NOTE = ".writer.json"


def check_free(folder: Path, job: Path | None = None) -> None:
    """Refuse to write into a folder while a job waits or works that will.

    Parameters
    ----------
    folder : Path
        Of the results.
    job : Path, optional
        The directory of the job that asks, if it is one.

    Raises
    ------
    StateError
        The message names the job, and says what to do.
    """
    note = read_json(folder / _NOTE)
    other = Path(note["job"]) if note else None
    if other is None or other == job or not is_job(other):
        return
    state = _state(other)
    if state in ALIVE:
        found = f"wb.jobs({str(other.parent)!r})[{other.name!r}]"
        raise StateError(
            f"A folder of results must be of one job at a time, and {folder} is that of job {other.name}, which is "
            f"{said(state)}. Choose another out=, or wait() for it or stop() it first: {found}."
        )


def claim(folder: Path, job: Path) -> None:
    """Note that a job is to write into a folder."""
    write_json(folder / _NOTE, {"job": str(job)}, durable=False)


def release(folder: Path, job: Path) -> None:
    """Note that a job has written all that it will."""
    if read_json(folder / _NOTE) == {"job": str(job)}:
        (folder / _NOTE).unlink(missing_ok=True)


def _state(job: Path) -> str:
    try:
        return Job(job).state
    except FileError:
        return "lost"  # a directory that cannot be read is one that no worker can go on with
