"""Runs as lists show them: told apart by name or data set, and by the second in which they were started."""

from __future__ import annotations

from collections.abc import Iterable

from workbench.errors import WorkbenchError
from workbench.jobs.status import ALIVE, said
from workbench.training import Run
from workbench.widgets._watch import when
from workbench.widgets.messages import RunOffer

#: Runs that are offered; reading what is told of each takes about two milliseconds.
_MOST_RUNS = 50
Listed = list[tuple[RunOffer, Run]]


def rows(found: Iterable[Run]) -> Listed:
    """Return what a list shows of the newest runs, and the runs themselves."""
    listed = []
    for run in list(found)[:_MOST_RUNS]:
        row: RunOffer = {"value": run.id, "label": "", "alive": False, "interrupted": False, "algorithm": ""}
        try:
            status = run.status
            state = status["state"]
            row |= {
                "label": f"{run.title}, {when(status['started'])}, {said(state)}",
                "alive": state in ALIVE,
                "interrupted": state == "lost",
                "algorithm": run.recipe.algorithm,
            }
        except WorkbenchError as error:
            row["label"] = f"{run.id}, unreadable: {error}"
        listed.append((row, run))
    return listed
