"""The runs there are, as a table."""

from __future__ import annotations

import html
from pathlib import Path

from workbench.errors import WorkbenchError
from workbench.training.places import all_folders
from workbench.training.run import Run
from workbench.training.status import said
from workbench.training.store import RECIPE

_HEAD = ("run", "name", "data", "state", "epoch", "best")


def runs(folder: str | Path | None = None) -> RunList:
    """Return the runs, newest first.

    Parameters
    ----------
    folder : str or Path, optional
        The folder with the runs. Default: the one that ``WORKBENCH_RUNS`` names; without it the folder of the settings
        (or ``runs`` right here) and every other folder in which a run was started before.
    """
    found = [Run(path.parent) for root in all_folders(folder) if root.is_dir() for path in root.glob(f"*/{RECIPE}")]
    return RunList(sorted(found, key=lambda run: run.id, reverse=True))


class RunList(list[Run]):
    """Runs, shown as a table."""

    def __repr__(self) -> str:
        if not self:
            return "No runs."
        rows = [_HEAD, *map(_row, self)]
        widths = [max(len(row[i]) for row in rows) for i in range(len(_HEAD))]
        return "\n".join(
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        )

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{cell}</th>" for cell in _HEAD)
        rows = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in _row(run))}</tr>" for run in self)
        return f"<table><tr>{head}</tr>{rows}</table>"


def _row(run: Run) -> tuple[str, ...]:
    try:
        status, data, name = run.status, run.data_name, run.name
    except WorkbenchError as error:
        return run.id, "", "", "damaged", "", str(error)
    best = status["best_score"]
    score = "" if best is None else f"{best:.4f} at {status['best_epoch']}"
    return run.id, name, data, said(status["state"]), f"{status['epoch']}/{status['epochs']}", score
