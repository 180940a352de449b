"""Tools over data sets in the background: what another process needs is laid into the folder of a job."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from workbench.datasets import Dataset
from workbench.datasets.catalogue import DATASETS, root_of
from workbench.datasets.saving import save
from workbench.errors import StateError
from workbench.evaluation.table import Table
from workbench.io import write
from workbench.jobs.beginning import begin
from workbench.jobs.files import DATA, write_json
from workbench.jobs.job import Job
from workbench.jobs.resources import Placement, Resources
from workbench.parameters import plain
from workbench.tools._cases import Plan
from workbench.tools._writers import claim
from workbench.tools.base import Tool, is_local
from workbench.tools.catalogue import TOOLS
from workbench.volume import Volume

_KIND = "tool"
#: In the folder of such a job: what is to be done.
NOTE = "tool.json"


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
        write_json(folder / NOTE, note)
        claim(plan.folder, folder)

    return begin(_KIND, lay_out, word=tool.name, needs=Resources(cores=processes), placement=placement)


def kept_data(dataset: Dataset, folder: Path) -> dict[str, Any]:
    """Return how the worker of the job in `folder` makes a data set again; what lives in memory is saved there."""
    spec = dataset.spec()
    return spec if spec and _known_elsewhere(spec) else save(dataset, folder / DATA)


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


def _kept(value: Volume | Table, folder: Path, name: str) -> str:
    """Write an input that is the same for all cases, and return the name of its file."""
    if isinstance(value, Table):
        write_json(folder / f"{name}.json", {"rows": value.rows, "digits": value.digits})
        return f"{name}.json"
    write(value.with_meaning(source=None), folder / f"{name}.npz")
    return f"{name}.npz"
