"""A tool over a data set as a kind of job: it goes on when the notebook is closed, and is taken up where it was."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench._plugins import place_of
from workbench.datasets import Dataset, from_spec
from workbench.datasets.catalogue import DATASETS, root_of
from workbench.datasets.saving import save
from workbench.errors import FileError, StateError
from workbench.evaluation.table import Table
from workbench.io import read, write
from workbench.jobs.files import DATA, read_json, write_json
from workbench.jobs.job import Job, begin
from workbench.jobs.kind import JobKind
from workbench.jobs.resources import Placement, Resources
from workbench.jobs.status import Words
from workbench.parameters import plain
from workbench.tools._cases import Plan
from workbench.tools._processes import THREADS
from workbench.tools._writers import check_free, claim, release
from workbench.tools.base import Tool, is_local
from workbench.tools.catalogue import TOOLS
from workbench.tools.mapping import Report, carry_out, planned
from workbench.volume import Volume
from workbench.work import Work

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing

#: What is to be done; what became of it.
_TOOL, _REPORT = "tool.json", "report.json"


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
        return Report(made["tool"], Path(made["folder"]), made["done"], made["skipped"], failed)

    def facts(self, folder: Path, status: Mapping[str, Any]) -> str:
        """Return how many cases are done and have failed; while it works, the share."""
        return self.result(folder).counts if status["state"] == "finished" else super().facts(folder, status)


class OverData(OverCases):
    """A tool, run over every case of a data set."""

    name = "tool"
    title = "Tool over a data set"
    words = Words("job", "it goes on with the cases that are left", "take fewer processes", _TOOL)

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return where the module of the tool is, and how many threads libraries may have."""
        root = _note(folder)["root"]
        places = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), root]))
        return {**environment, "PYTHONPATH": places, **dict.fromkeys(THREADS, str(threads))}

    def run(self, folder: Path, doing: Doing) -> str:
        """Work on the cases that are left."""
        note = _note(folder)
        dataset = from_spec(note["data"])
        options = note["options"] | {name: _opened(folder / file) for name, file in note["shared"].items()}
        plan = planned(_found(note), dataset, note["out"], note["sources"], note["suffix"], options)
        return self.go_on(folder, doing, plan, dataset, note["processes"])

    def title_of(self, folder: Path) -> str:
        """Return tool and data set."""
        note = _note(folder)
        return f"{note['tool']} on {note['data name']}"


def begin_over(tool: Tool, dataset: Dataset, plan: Plan, processes: int, placement: Placement) -> Job:
    """Start to run a tool over a data set in a process of its own, and return at once.

    Parameters
    ----------
    plan : Plan
        As `planned` made it of the tool and the data set.
    processes : int
        As for :func:`workbench.tools.over`.
    placement : Placement
        Who puts it to work, and when.

    Raises
    ------
    StateError
        If other processes cannot find the tool.
    FileError
        If the folder of the job cannot be written.
    """
    note: dict[str, Any] = {
        **_place(tool),
        "options": plain(plan.options),
        "sources": plan.sources,
        "suffix": plan.suffix,
        "processes": processes,
        "out": str(plan.folder.resolve()),
        "data name": dataset.name,
    }

    def lay_out(folder: Path) -> None:
        note["data"] = kept_data(dataset, folder)
        note["shared"] = {name: _kept(value, folder, f"shared-{name}") for name, value in plan.shared.items()}
        write_json(folder / _TOOL, note)
        claim(plan.folder, folder)

    return begin(OverData(), lay_out, word=tool.name, needs=Resources(cores=processes), placement=placement)


def kept_data(dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Return how the worker of the job in `folder` makes a data set again; what lives in memory is saved there."""
    spec = dataset.spec()
    return spec if spec and _known_elsewhere(spec) else save(dataset, folder / DATA)


def _note(folder: Path) -> dict[str, Any]:
    note = read_json(folder / _TOOL)
    if note is None:
        raise FileError(f"A job with a tool must hold {_TOOL}; {folder.name} does not. Start it anew.")
    return dict(note)


def _known_elsewhere(spec: dict[str, Any]) -> bool:
    """Tell whether another process can make a data set of its specification."""
    name = root_of(spec)["name"]
    return name in DATASETS.names() and not DATASETS.only_here(name)


def _place(tool: Tool) -> dict[str, Any]:
    """Return how another process finds a tool: by its name, or in a module that lies below `root`."""
    name, module = tool.name, str(tool.function.__module__)
    if name in TOOLS.names() and not TOOLS.only_here(name) and TOOLS.get(name) is tool:
        return {"tool": name, "place": None, "root": None}
    if is_local(tool) or getattr(sys.modules[module], tool.function.__qualname__, None) is not tool:
        raise StateError(
            f"{name} was declared in a notebook or script, where other processes do not find it. Write it into a "
            "module and import it, or leave out background=True."
        )
    top = sys.modules[module.partition(".")[0]]
    places = [top.__file__] if getattr(top, "__file__", None) else [*getattr(top, "__path__", [])]
    file = Path(str(places[0])) if places else None
    if file is not None and file.name == "__init__.py":
        file = file.parent
    root = None if file is None else str(file.resolve().parent)
    return {"tool": name, "place": f"{module}:{tool.function.__qualname__}", "root": root}


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


def _kept(value: Volume | Table, folder: Path, name: str) -> str:
    """Write an input that is the same for all cases, and return the name of its file."""
    if isinstance(value, Table):
        write_json(folder / f"{name}.json", {"rows": value.rows, "digits": value.digits})
        return f"{name}.json"
    write(value.with_meaning(source=None), folder / f"{name}.npz")
    return f"{name}.npz"


def _opened(file: Path) -> Volume | Table:
    return Table(**read_json(file)) if file.suffix == ".json" else read(file)
