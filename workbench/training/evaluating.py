"""Scoring a run in the background."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.jobs.beginning import begin
from workbench.jobs.files import write_json
from workbench.jobs.job import Job
from workbench.jobs.resources import Placement, Resources
from workbench.training.needs import needs_of
from workbench.training.scoring import split_of

if TYPE_CHECKING:
    from workbench.training.run import Run

_KIND = "evaluation"
#: In the folder of such a job: what is to be scored.
NOTE = "evaluation.json"


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
        _KIND,
        lambda folder: write_json(folder / NOTE, note),
        word=f"{run.recipe.algorithm}-{_KIND}",
        needs=Resources(gpus=needs_of(run.recipe).gpus),
        placement=placement,
    )
