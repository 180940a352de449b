"""Training as a kind of job: what its worker does, needs and says."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.jobs.failures import Failure
from workbench.jobs.files import read_json, write_json
from workbench.jobs.kind import JobKind
from workbench.jobs.launch import inherited
from workbench.jobs.resources import Resources
from workbench.jobs.status import Words
from workbench.jobs.threads import available_cores
from workbench.training.status import Status
from workbench.training.store import METRICS, RECIPE

if TYPE_CHECKING:
    from workbench.jobs.doing import Doing
    from workbench.training.recipe import Recipe
    from workbench.training.run import Run


class Training(JobKind):
    """A recipe, carried out."""

    name = "training"
    title = "Training"
    words = Words("run", "it goes on from its last checkpoint", "lower batch_size", "the recipe")
    status = Status

    def handle(self, folder: Path) -> Run:
        """Return the run."""
        from workbench.training.run import Run

        return Run(folder)

    def resources(self, folder: Path) -> Resources:
        """Return what the run needs; what the recipe says of threads comes first."""
        recipe = read_json(folder / RECIPE) or {}
        needs = super().resources(folder)
        return replace(needs, cores=recipe.get("num_threads") or needs.cores)

    def environment(self, folder: Path, environment: Mapping[str, str], threads: int) -> Mapping[str, str]:
        """Return what the framework needs."""
        return _of_framework(_read(folder), environment, threads)

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
        return self.handle(folder).model()

    def title_of(self, folder: Path) -> str:
        """Return algorithm and data set."""
        run = self.handle(folder)
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


def needs_of(recipe: Recipe) -> Resources:
    """Return what a run of a recipe needs of a machine, as far as the recipe says."""
    return Resources(cores=recipe.num_threads, gpus=int(recipe.device != "cpu"))


def worker_environment(recipe: Recipe) -> dict[str, str]:
    """Return the environment of a process that is to compute as a recipe says."""
    return _of_framework(recipe, inherited(), recipe.num_threads or available_cores())


def _of_framework(recipe: Recipe, environment: Mapping[str, str], threads: int) -> dict[str, str]:
    from workbench import frameworks

    return frameworks.worker_environment(
        recipe.framework, environment, threads=threads, deterministic=recipe.deterministic
    )


def _read(folder: Path) -> Recipe:
    from workbench.training.recipe import Recipe

    return Recipe.read(folder / RECIPE)


def _out_of_memory(error: BaseException, recipe: Recipe | None) -> bool:
    # A framework that was never loaded cannot have run out of memory.
    if recipe is None or recipe.framework not in sys.modules:
        return False
    from workbench import frameworks

    return frameworks.get(recipe.framework).out_of_memory(error)
