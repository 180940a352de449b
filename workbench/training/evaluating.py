"""The evaluation of a run as a kind of job."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import FileError
from workbench.jobs.files import read_json, write_json
from workbench.jobs.job import Job, begin
from workbench.jobs.kind import JobKind
from workbench.jobs.resources import Placement, Resources
from workbench.jobs.status import Words
from workbench.training.kind import Training, needs_of
from workbench.training.run import Run
from workbench.training.scoring import evaluate_run, split_of

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing

#: What is to be scored; what came of it.
_NOTE, _SCORES = "evaluation.json", "scores.json"


class Evaluation(JobKind):
    """A model of a run, scored on a split of its data."""

    name = "evaluation"
    title = "Evaluation"
    words = Words(
        "job", "it scores the split anew", "choose a machine with more memory", _NOTE, "scores the split anew"
    )

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the run has."""
        return Training().environment(_run(folder).path, environment, threads)

    def run(self, folder: Path, doing: Doing) -> str:
        """Score the split, from its first sample on."""

        def visit(done: int, count: int) -> None:
            doing.work.tell(done / count, f"{done} of {count} samples")

        note = _note(folder)
        write_json(folder / _SCORES, evaluate_run(_run(folder), note["split"], note["epoch"], visit))
        return "finished"

    def result(self, folder: Path) -> dict[str, Any]:
        """Return the scores, NaN where there was nothing to score."""
        scores = dict(read_json(folder / _SCORES))
        return {name: float("nan") if value is None else value for name, value in scores.items()}

    def title_of(self, folder: Path) -> str:
        """Return split and run."""
        note = _note(folder)
        return f"{note['split']} of {note['title']}"


def begin_evaluation(run: Run, split: str, epoch: int | str | None, placement: Placement) -> Job:
    """Start to score a run in a process of its own, and return at once.

    As a training it takes all cores.

    Raises
    ------
    InputError, StateError
        If there is no such checkpoint or split.
    FileError
        If the folder of the job cannot be written.
    """
    split_of(run, split)
    run.checkpoint(epoch)
    note = {"run": str(run.path), "title": run.title, "split": split, "epoch": epoch}
    return begin(
        Evaluation(),
        lambda folder: write_json(folder / _NOTE, note),
        word=f"{run.recipe.algorithm}-{Evaluation.name}",
        needs=Resources(gpus=needs_of(run.recipe).gpus),
        placement=placement,
    )


def _note(folder: Path) -> dict[str, Any]:
    note = read_json(folder / _NOTE)
    if note is None:
        raise FileError(f"A job that evaluates must hold {_NOTE}; {folder.name} does not. Start it anew.")
    return dict(note)


def _run(folder: Path) -> Run:
    return Run(_note(folder)["run"])
