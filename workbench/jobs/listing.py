"""The jobs there are, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import Self, SupportsIndex, TypeVar, overload

from workbench._tables import Listing
from workbench.errors import FileError, WorkbenchError, choose
from workbench.jobs.beginning import opened
from workbench.jobs.job import Job
from workbench.jobs.kind import KINDS, folders_in, read_note
from workbench.jobs.places import all_folders
from workbench.jobs.status import said
from workbench.signatures import checked

J = TypeVar("J", bound=Job)


@checked("wb.jobs()")
def jobs(folder: str | Path | None = None, kind: str | None = None) -> JobList:
    """Return the jobs of every kind, newest first.

    Parameters
    ----------
    folder : str or Path, optional
        The folder with the jobs. Default: the one that ``WORKBENCH_RUNS`` names; without it the folder of the settings
        (or ``runs`` right here) and every other folder in which one was started before.
    kind : str, optional
        Only those of this kind: ``"training"``, ``"tool"``.

    Returns
    -------
    JobList
        A list; ``wb.jobs()["first try"]`` is the job of that name or id.

    Raises
    ------
    FileError
        If a folder is given that is not there.
    InputError
        If there is no such kind.
    """
    if kind is not None:
        choose(kind, KINDS.names(), "kind of job")
    return JobList(_handle(path) for path in newest(folder, "jobs") if kind is None or _name_of_kind(path) == kind)


def newest(folder: str | Path | None, what: str) -> list[Path]:
    """Return the folders of jobs, the newest first.

    Parameters
    ----------
    what : str
        What is looked for, as in ``wb.jobs()``.
    """
    roots = all_folders(folder)
    if folder is not None and not roots[0].is_dir():
        raise FileError(
            f"There is no folder {roots[0]}. Give the folder that holds the {what}; a {what[:-1]} is found "
            f'by its name or id with wb.{what}()["{roots[0].name}"].'
        )
    found = [path for root in roots if root.is_dir() for path in folders_in(root)]
    return sorted(found, key=lambda path: path.name, reverse=True)


class Found(Listing[J]):
    """Jobs, shown as a table; also by name or id: of several of one name, the newest."""

    #: What one is called in messages.
    noun = "job"

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> J: ...
    @overload
    def __getitem__(self, key: slice) -> Self: ...
    def __getitem__(self, key: SupportsIndex | str | slice) -> J | Self:
        """Return the one at a place, of a name or of an id; or those of a slice.

        Raises
        ------
        InputError
            If there is none of that name or id; the message names the nearest.
        """
        if isinstance(key, slice):
            return type(self)(super().__getitem__(key))
        return self.find(key) if isinstance(key, str) else super().__getitem__(key)

    def find(self, key: str) -> J:
        """Return the job of a name or an id; the error names the nearest."""
        # the newest comes first in the list, and last here: its name is the one that counts
        known = {**{name: job for job in reversed(self) if (name := _name(job))}, **{job.id: job for job in self}}
        return known[choose(key, known, self.noun, f"wb.{self.noun}s()")]


class JobList(Found[Job]):
    """Jobs of all kinds, shown as a table; also by name or id: of several of one name, the newest."""

    head = ("job", "kind", "title", "state", "so far")
    nothing = "No jobs."

    def row(self, one: Job) -> tuple[str, ...]:
        """Return the cells of one job; of one that cannot be read, why."""
        try:
            return one.id, _name_of_kind(one.path), one.title, said(one.state), one.facts
        except WorkbenchError as error:
            return one.id, "", "", "damaged", str(error)


def _handle(path: Path) -> Job:
    try:
        return opened(path)
    except WorkbenchError:  # its row in the table says what can be said of it
        return Job(path)


def _name_of_kind(path: Path) -> str:
    try:
        return str(read_note(path).get("kind"))
    except FileError:
        return ""


def _name(job: Job) -> str:
    try:
        return job.name
    except FileError:  # its row in the table says what is wrong with it
        return ""
