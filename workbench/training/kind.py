"""Training and evaluation as kinds of job: what their workers do, need and say."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.jobs.failures import Failure
from workbench.jobs.files import asked_of, read_json, write_json
from workbench.jobs.kind import JobKind
from workbench.jobs.resources import Resources
from workbench.jobs.status import Words
from workbench.training.evaluating import NOTE
from workbench.training.needs import of_framework
from workbench.training.run import Run
from workbench.training.scoring import evaluate_run
from workbench.training.status import Status
from workbench.training.store import METRICS, RECIPE

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing
    from workbench.training.recipe import Recipe

#: In the folder of an evaluation: what came of it.
_SCORES = "scores.json"


class Training(JobKind):
    """A recipe, carried out."""

    name = "training"
    title = "Training"
    words = Words("run", "it goes on from its last checkpoint", "lower batch_size", "the recipe")
    status = Status

    def handle(self, folder: Path) -> Run:
        """Return the run."""
        return Run(folder)

    def resources(self, folder: Path) -> Resources:
        """Return what the run needs; what the recipe says of threads comes first."""
        recipe = read_json(folder / RECIPE) or {}
        needs = super().resources(folder)
        return replace(needs, cores=recipe.get("num_threads") or needs.cores)

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the framework needs."""
        return of_framework(_read(folder), environment, threads)

    def run(self, folder: Path, doing: Doing) -> str:
        """Train, from the last checkpoint on if there is one."""
        from workbench.training.assembly import assemble
        from workbench.training.loop import Loop
        from workbench.training.metrics import MetricsWriter

        recipe, epochs = _read(folder), doing.order.get("epochs")
        if epochs is not None and epochs != recipe.epochs:
            recipe.epochs = epochs
            write_json(folder / RECIPE, recipe.model_dump(mode="json"))
        parts = assemble(folder, recipe, say=doing.say, cores=super().resources(folder).cores)
        with MetricsWriter(folder / METRICS, keep=parts.position.metrics_bytes) as metrics:
            if metrics.missing:
                doing.say(
                    f"The metrics are {metrics.missing} bytes shorter than at the checkpoint; those lines are lost."
                )
            loop = Loop(
                folder,
                recipe,
                model=parts.model,
                trainer=parts.trainer,
                batches=parts.batches,
                samples=parts.samples,
                metrics=metrics,
                status=doing.status,
                position=parts.position,
                asked_to_stop=doing.asked_to_stop,
                say=doing.say,
            )
            if parts.fresh:
                loop.save(resumable=True)
            return loop.run()

    def explain_failure(self, error: BaseException, folder: Path) -> Failure | None:
        """Return what only training fails with, or in words of its recipe."""
        from workbench.training.failures import explain_failure

        try:
            recipe = _read(folder)
        except Exception:  # noqa: BLE001 - then this is what the error is about
            recipe = None
        return explain_failure(error, recipe, out_of_memory=_out_of_memory(error, recipe))

    def result(self, folder: Path) -> Any:
        """Return the model, as it was after its best epoch."""
        return Run(folder).model()

    def title_of(self, folder: Path) -> str:
        """Return algorithm and data set."""
        run = Run(folder)
        return f"{run.recipe.algorithm} on {run.data_name}"

    def facts(self, folder: Path, status: Mapping[str, Any]) -> str:  # noqa: ARG002
        """Return the epoch, and the best one."""
        text = f"epoch {status['epoch']}/{status['epochs']}"
        if status["best_epoch"] is not None and status["best_score"] is not None:
            text += f", best {status['best_score']:.4f} at epoch {status['best_epoch']}"
        return text

    def details(self, folder: Path, status: Mapping[str, Any]) -> list[tuple[str, str]]:  # noqa: ARG002
        """Return the epoch, and the best one."""
        rows = [("epoch", f"{status['epoch']} of {status['epochs']}")]
        if status["best_score"] is not None:
            rows.append(("best", f"{status['best_score']:.4f} at epoch {status['best_epoch']}"))
        return rows


class Evaluation(JobKind):
    """A model of a run, scored on a split of its data."""

    name = "evaluation"
    title = "Evaluation"
    words = Words("job", "it scores the split anew", "choose a machine with more memory", NOTE, "scores the split anew")

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the run has."""
        return Training().environment(_run(folder).path, environment, threads)

    def run(self, folder: Path, doing: Doing) -> str:
        """Score the split, from its first sample on."""

        def visit(done: int, count: int) -> None:
            doing.work.tell(done / count, f"{done} of {count} samples")

        note = asked_of(folder, NOTE)
        write_json(folder / _SCORES, evaluate_run(_run(folder), note["split"], note["epoch"], visit))
        return "finished"

    def result(self, folder: Path) -> dict[str, Any]:
        """Return the scores, NaN where there was nothing to score."""
        scores = dict(read_json(folder / _SCORES))
        return {name: float("nan") if value is None else value for name, value in scores.items()}

    def title_of(self, folder: Path) -> str:
        """Return split and run."""
        note = asked_of(folder, NOTE)
        return f"{note['split']} of {note['title']}"


def _read(folder: Path) -> Recipe:
    from workbench.training.recipe import Recipe

    return Recipe.read(folder / RECIPE)


def _out_of_memory(error: BaseException, recipe: Recipe | None) -> bool:
    # A framework that was never loaded cannot have run out of memory.
    if recipe is None or recipe.framework not in sys.modules:
        return False
    from workbench import frameworks

    return frameworks.get(recipe.framework).out_of_memory(error)


def _run(folder: Path) -> Run:
    return Run(asked_of(folder, NOTE)["run"])
