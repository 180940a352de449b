"""A tool over a data set as a kind of job: it goes on when the notebook is closed, and is taken up where it was."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench._plugins import place_of
from workbench.datasets import Dataset, from_spec
from workbench.errors import StateError
from workbench.evaluation.table import Table
from workbench.io import read
from workbench.jobs.files import asked_of, read_json, write_json
from workbench.jobs.kind import JobKind
from workbench.jobs.status import Words
from workbench.tools._cases import Plan, noted_ids
from workbench.tools._processes import THREADS
from workbench.tools._writers import check_free, claim, release
from workbench.tools.background import NOTE
from workbench.tools.base import Tool
from workbench.tools.catalogue import TOOLS
from workbench.tools.mapping import Report, carry_out, planned
from workbench.volume import Volume
from workbench.work import Work

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing

#: What became of the cases.
_REPORT = "report.json"


class OverCases(JobKind):
    """Jobs over the cases of a data set: they go on with those that are left, and their result is a report."""

    def go_on(self, folder: Path, doing: Doing, plan: Plan, dataset: Dataset, processes: int = 1) -> str:
        """Work on the cases that are left, and note what became of all."""
        check_free(plan.folder, folder)
        claim(plan.folder, folder)
        there = plan.there(len(dataset))
        first = (read_json(folder / _REPORT) or {}).get("skipped")
        if first is None:
            first = there
            write_json(folder / _REPORT, {"skipped": first})
        share = len(there) / max(1, len(dataset))
        work = Work(lambda done, text: doing.work.tell(share + (1 - share) * done, text), doing.work.cancel)
        report = carry_out(plan, dataset, processes, work, self.resources(folder).cores)
        # who was stopped, killed and resumed has done what an undisturbed one has
        done = sorted({*report.done, *report.skipped} - {*first})
        made = {"tool": report.tool, "folder": str(report.folder), "done": done, "skipped": first}
        write_json(folder / _REPORT, {**made, "failed": report.failed})
        release(plan.folder, folder)
        return "finished"

    def result(self, folder: Path) -> Report:
        """Return what became of the cases."""
        made = read_json(folder / _REPORT)
        failed = {int(index): why for index, why in made["failed"].items()}
        place = Path(made["folder"])
        return Report(made["tool"], place, made["done"], made["skipped"], failed, noted_ids(place))

    def facts(self, folder: Path, status: Mapping[str, Any]) -> str:
        """Return how many cases are done and have failed; while it works, the share."""
        return self.result(folder).counts if status["state"] == "finished" else super().facts(folder, status)


class OverData(OverCases):
    """A tool, run over every case of a data set."""

    name = "tool"
    title = "Tool over a data set"
    words = Words("job", "it goes on with the cases that are left", "take fewer processes", NOTE)

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return where the module of the tool is, and how many threads libraries may have."""
        root = asked_of(folder, NOTE)["root"]
        places = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), root]))
        return {**environment, "PYTHONPATH": places, **dict.fromkeys(THREADS, str(threads))}

    def run(self, folder: Path, doing: Doing) -> str:
        """Work on the cases that are left."""
        note = asked_of(folder, NOTE)
        dataset = from_spec(note["data"])
        options = note["options"] | {name: _opened(folder / file) for name, file in note["shared"].items()}
        plan = planned(_found(note), dataset, note["out"], note["sources"], note["suffix"], options)
        return self.go_on(folder, doing, plan, dataset, note["processes"])

    def title_of(self, folder: Path) -> str:
        """Return tool and data set."""
        note = asked_of(folder, NOTE)
        return f"{note['tool']} on {note['data name']}"


def _found(note: Mapping[str, Any]) -> Tool:
    if note["place"] is None:
        return TOOLS.get(note["tool"])
    try:
        found = place_of(note["tool"], note["place"]).load()
    except (ImportError, AttributeError) as error:
        found = error
    if not isinstance(found, Tool):
        raise StateError(f"{note['place']} must be the tool {note['tool']}, got {found!r}. Put it back, then resume().")
    return found


def _opened(file: Path) -> Volume | Table:
    return Table(**read_json(file)) if file.suffix == ".json" else read(file)
