"""The runs there are, as a table."""

from __future__ import annotations

from pathlib import Path
from typing import SupportsIndex, overload

from workbench._tables import Listing
from workbench.errors import FileError, WorkbenchError, choose, told_keywords
from workbench.training.places import all_folders
from workbench.training.run import Run
from workbench.training.status import said
from workbench.training.store import RECIPE


@told_keywords("wb.runs()")
def runs(folder: str | Path | None = None) -> RunList:
    """Return the runs, newest first.

    Parameters
    ----------
    folder : str or Path, optional
        The folder with the runs. Default: the one that ``WORKBENCH_RUNS`` names; without it the folder of the settings
        (or ``runs`` right here) and every other folder in which a run was started before.

    Returns
    -------
    RunList
        A list; ``wb.runs()["first try"]`` is the run of that name or id.

    Raises
    ------
    FileError
        If a folder is given that is not there.
    """
    roots = all_folders(folder)
    if folder is not None and not roots[0].is_dir():
        raise FileError(
            f"There is no folder {roots[0]}. Give the folder that holds the runs; a run is found by its name or id "
            f'with wb.runs()["{roots[0].name}"].'
        )
    found = [Run(path.parent) for root in roots if root.is_dir() for path in root.glob(f"*/{RECIPE}")]
    return RunList(sorted(found, key=lambda run: run.id, reverse=True))


class RunList(Listing[Run]):
    """Runs, shown as a table; also by name or id: of several of one name, the newest."""

    head = ("run", "name", "data", "state", "epoch", "best")
    nothing = "No runs."

    @overload
    def __getitem__(self, key: SupportsIndex | str) -> Run: ...
    @overload
    def __getitem__(self, key: slice) -> RunList: ...
    def __getitem__(self, key: SupportsIndex | str | slice) -> Run | RunList:
        """Return the run at a place, of a name or of an id; or the runs of a slice.

        Raises
        ------
        InputError
            If there is no run of that name or id; the message names the nearest.
        """
        if isinstance(key, slice):
            return RunList(super().__getitem__(key))
        if not isinstance(key, str):
            return super().__getitem__(key)
        # the newest comes first in the list, and last here: its name is the one that counts
        known = {**{name: run for run in reversed(self) if (name := _name(run))}, **{run.id: run for run in self}}
        return known[choose(key, known, "run")]

    def row(self, one: Run) -> tuple[str, ...]:
        """Return the cells of one run; of one that cannot be read, why."""
        try:
            status, data, name = one.status, one.data_name, one.name
        except WorkbenchError as error:
            return one.id, "", "", "damaged", "", str(error)
        best = status["best_score"]
        score = "" if best is None else f"{best:.4f} at {status['best_epoch']}"
        return one.id, name, data, said(status["state"]), f"{status['epoch']}/{status['epochs']}", score


def _name(run: Run) -> str:
    try:
        return run.name
    except FileError:  # its row in the table says what is wrong with it
        return ""
