"""The runs there are, as a table."""

from __future__ import annotations

from pathlib import Path

from workbench.errors import FileError, WorkbenchError
from workbench.jobs.kind import read_note
from workbench.jobs.listing import Found, newest
from workbench.jobs.status import said
from workbench.signatures import checked
from workbench.training.kind import Training
from workbench.training.run import Run
from workbench.training.store import RECIPE


@checked("wb.runs()")
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
    return RunList(Run(path) for path in newest(folder, "runs") if _is_run(path))


class RunList(Found[Run]):
    """Runs, shown as a table; also by name or id: of several of one name, the newest."""

    head = ("run", "name", "data", "state", "epoch", "best")
    nothing = "No runs."
    noun = "run"

    def row(self, one: Run) -> tuple[str, ...]:
        """Return the cells of one run; of one that cannot be read, why."""
        try:
            status, data, name = one.status, one.data_name, one.name
        except WorkbenchError as error:
            return one.id, "", "", "damaged", "", str(error)
        best = status["best_score"]
        score = "" if best is None else f"{best:.4f} at {status['best_epoch']}"
        return one.id, name, data, said(status["state"]), f"{status['epoch']}/{status['epochs']}", score


def _is_run(folder: Path) -> bool:
    try:
        kind = read_note(folder).get("kind")
    except FileError:  # its files may tell what is wrong, and where it stands
        kind = Training.name
    return kind == Training.name and (folder / RECIPE).is_file()
