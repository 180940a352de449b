"""A tool over the cases of a data set: results as files by case number, and a report of what failed."""

from __future__ import annotations

import csv
import html
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, overload

from workbench._words import count
from workbench.datasets.dataset import Dataset
from workbench.errors import InputError, StateError, check_keywords
from workbench.evaluation.table import Table
from workbench.io._registry import format_for
from workbench.jobs.resources import Placement
from workbench.signatures import Range, checked
from workbench.tools._cases import Cases, Plan
from workbench.tools._processes import in_processes
from workbench.tools._writers import check_free
from workbench.tools.background import begin_over
from workbench.tools.base import Tool, is_local
from workbench.tools.catalogue import get
from workbench.work import IDLE, Work

if TYPE_CHECKING:
    from workbench.jobs.job import Job

#: Arguments of `over`, to be named where one is mistyped.
_OF_THE_CALL = ("out", "processes", "sources", "suffix", "background", "work")
#: All tables of one name, one below the other.
_TABLES = "all-{}.csv"


@dataclass
class Report:
    """What became of the cases of a data set.

    Attributes
    ----------
    tool : str
        Name of the tool.
    folder : Path
        Where the results are: ``000012.nii.gz`` is that of case 12. With several results the name of each is in that of
        its file; tables are also in one, ``all-table.csv``, whose first column is the case.
    done, skipped : list of int
        Cases that were worked on; those whose results were there already.
    failed : dict of int to str
        Why a case has no result, in words without names of patients.
    ids : tuple of str
        The ids of the cases by number, where a folder of files was given and there is no data set to ask; else empty.
    """

    tool: str
    folder: Path
    done: list[int]
    skipped: list[int]
    failed: dict[int, str]
    ids: tuple[str, ...] = ()

    def table(self, *, ids: bool = False) -> Table:
        """Return the cases that failed, and why.

        Parameters
        ----------
        ids : bool
            Whether their ids are told too, where they are known. They may be names of patients, which a notebook keeps.
        """
        known = self.ids if ids else ()
        return Table({**_case(index, known), "why": why} for index, why in sorted(self.failed.items()))

    def __repr__(self) -> str:
        return "\n".join([self._headline(), *([repr(self.table())] if self.failed else [])])

    def _repr_html_(self) -> str:
        head = f"<p>{html.escape(self._headline())}</p>"
        return head + (self.table()._repr_html_() if self.failed else "")

    @property
    def counts(self) -> str:
        """How many cases became what, in words."""
        skipped = f", {len(self.skipped)} were there already" if self.skipped else ""
        return f"{count(len(self.done), 'case')} done{skipped}, {len(self.failed)} failed"

    def _headline(self) -> str:
        return f"{self.tool}: {self.counts}"


@overload
def over(
    tool: str | Tool,
    dataset: Dataset,
    *,
    out: str | Path,
    processes: int = 1,
    sources: Mapping[str, str] | None = None,
    suffix: str | None = None,
    background: Literal[False] = False,
    work: Work = IDLE,
    **options: Any,
) -> Report: ...
@overload
def over(
    tool: str | Tool,
    dataset: Dataset,
    *,
    out: str | Path,
    processes: int = 1,
    sources: Mapping[str, str] | None = None,
    suffix: str | None = None,
    background: Literal[True] | Placement,
    work: Work = IDLE,
    **options: Any,
) -> Job: ...


@checked("wb.tools.over()", "sources", "work")
def over(
    tool: str | Tool,
    dataset: Dataset,
    *,
    out: str | Path,
    processes: Annotated[int, Range(low=1)] = 1,
    sources: Mapping[str, str] | None = None,
    suffix: str | None = None,
    background: bool | Placement = False,
    work: Work = IDLE,
    **options: Any,
) -> Report | Job:
    """Run a tool over every case of a data set, and write what it makes into a folder.

    A case that fails stops no other. What is there already is not made again, so that a call that was cancelled or cut
    off goes on where it was.

    Parameters
    ----------
    tool : str or Tool
        Which.
    dataset : Dataset
        The cases.
    out : path
        Folder for the results; made where it is missing.
    processes : int
        How many cases are worked on at once, each in a process of its own. A script that asks for more than one must
        do so under ``if __name__ == "__main__":``.
    sources : mapping of str to str, optional
        Which entry of a sample each input is, such as ``{"volume": "label"}``. By default an input of labels is the
        sample's ``"label"``, any other its ``"image"``; optional inputs are left out, but for an image beside labels.
    suffix : str, optional
        Ending of the files, which tells their format. By default ``".nii.gz"``, and ``".npz"`` for pictures. Tables
        are always ``.csv``.
    background : bool
        Whether a process of its own does it, which goes on when the notebook is closed: the call returns at once with
        the `Job`, whose result is the report.
    work : Work
        Is told of the progress, and stops it.
    **options
        Of the tool. An input that is given here is the same for every case, such as the grid or the colours that all
        are to have: ``like=volume``.

    Returns
    -------
    Report or Job
        The job if it is done in the background.

    Raises
    ------
    InputError
        If an option breaks its rule, or an input is not in the samples.
    StateError
        If other results are in the folder, a job is to write into it, or other processes cannot find the tool.
    FileError
        If the folder cannot be written.
    Cancelled
        If `work` was stopped. What is finished stays.
    """
    chosen = tool if isinstance(tool, Tool) else get(tool)
    if not isinstance(dataset, Dataset):
        raise InputError(f"over takes a Dataset, got {type(dataset).__name__}. Make one: wb.datasets.from_list(...).")
    placement = Placement.of(background)
    if placement and work is not IDLE:
        raise InputError("work must be left out with background=True, got one. Ask the job: job.status, job.stop().")
    if (processes > 1 or placement) and is_local(chosen):
        instead = "leave out background=True" if placement else "take processes=1"
        raise StateError(
            f"{chosen.name} was declared in a notebook or script, where other processes do not find it. Write it into "
            f"a module and import it, or {instead}."
        )
    known = [*chosen.parameters, *chosen.inputs]
    if unknown := [name for name in options if name not in known]:
        check_keywords(unknown, [*known, *_OF_THE_CALL], chosen.name)
    plan = planned(chosen, dataset, out, sources, suffix, options)
    check_free(plan.folder)
    if placement:
        return begin_over(chosen, dataset, plan, processes, placement)
    return carry_out(plan, dataset, processes, work)


def planned(
    tool: Tool,
    dataset: Dataset,
    out: str | Path,
    sources: Mapping[str, str] | None,
    suffix: str | None,
    options: Mapping[str, Any],
    *,
    named: bool = False,
) -> Plan:
    """Return what is to be done with each case, checked, and open its folder; parameters are those of `over`.

    `named` is that of `Plan.open`.
    """
    given = dict(options)
    shared = {name: port.check(given.pop(name), tool.name) for name, port in tool.inputs.items() if name in given}
    plan = Plan(
        tool=tool,
        options=tool.check_options(given),
        shared=shared,
        sources=_sources(tool, sources, shared),
        folder=Path(out).expanduser(),
        suffix=suffix or (".nii.gz" if dataset.spatial_ndim == 3 else ".npz"),
    )
    if any(port.kind != "table" for port in tool.outputs.values()):
        format_for(plan.folder / f"0{plan.suffix}")
    plan.open(dataset, named=named)
    return plan


def carry_out(plan: Plan, dataset: Dataset, processes: int, work: Work, cores: int | None = None) -> Report:
    """Work on the cases that have no result yet; so many cores are shared by the processes."""
    there = plan.there(len(dataset))
    report = Report(plan.tool.name, plan.folder, done=[], skipped=there, failed={}, ids=plan.ids)
    left = sorted({*range(len(dataset))} - {*there})
    cases = Cases(plan, dataset)
    made = in_processes(cases, left, processes, work, cores) if processes > 1 else _one_by_one(cases, left, work)
    with closing(made):
        for number, (index, why) in enumerate(made, start=1):
            if why:
                report.failed[index] = why
            else:
                report.done.append(index)
            work.tell(number / len(left), f"{number} of {count(len(left), 'case')}")
    _gather(plan, len(dataset))
    return report


def _one_by_one(cases: Cases, left: list[int], work: Work) -> Generator[tuple[int, str]]:
    for number, index in enumerate(left):
        yield index, cases.run(index, work.part(number, len(left)))


def _sources(tool: Tool, given: Mapping[str, str] | None, shared: Mapping[str, Any]) -> dict[str, str]:
    """Return which entry of a sample each input is that is not the same for all."""
    check_keywords(given or {}, [name for name in tool.inputs if name not in shared], "sources=")
    found: dict[str, str] = {}
    for name, port in tool.inputs.items():
        if name in shared:
            continue
        usual = {"labels": "label", "image": "image", "volume": "image"}.get(port.kind)
        if given and name in given:
            found[name] = given[name]
        elif usual and (not port.optional or (port.kind == "image" and usual not in found.values())):
            found[name] = usual
        elif not port.optional:
            raise InputError(
                f"{tool.name} takes {port.rule} as {name!r}, which samples do not have by themselves. Say which entry "
                f"it is: sources={{{name!r}: ...}}."
            )
    return found


def _case(index: int, ids: Sequence[str]) -> dict[str, Any]:
    """Return the first columns of a row: which case it is of."""
    return {"case": index, **({"id": ids[index]} if ids else {})}


def _gather(plan: Plan, cases: int) -> None:
    """Write the tables of all cases into one."""
    for name in (name for name, port in plan.tool.outputs.items() if port.kind == "table"):
        rows: list[dict[str, Any]] = []
        for index in range(cases):
            file = plan.file(index, name)
            if file.exists():
                with file.open(encoding="utf-8", newline="") as stream:
                    rows += [{**_case(index, plan.ids), **row} for row in csv.DictReader(stream)]
        if rows:
            Table(rows).to_csv(plan.folder / _TABLES.format(name))
