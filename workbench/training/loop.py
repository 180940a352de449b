"""The training loop: step, write down, look whether to stop, validate, keep.

What decides the result (batches, seeds, learning rate, order of validation) is a function of recipe and position;
what depends on time (when a checkpoint is written, when somebody asks to stop) decides nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workbench.errors import choose
from workbench.jobs import faults
from workbench.jobs.status import StatusWriter
from workbench.training.batches import Batches, Samples, step_seed
from workbench.training.checkpoint import Checkpoint, Checkpoints, Position
from workbench.training.failures import NonFiniteLoss
from workbench.training.metrics import MetricsWriter
from workbench.training.recipe import Recipe
from workbench.training.schedule import learning_rate
from workbench.training.scoring import Scores, score

if TYPE_CHECKING:
    from workbench.frameworks import Trainer
    from workbench.zoo import Model


class Stopped(Exception):  # noqa: N818 - an event, not an error
    """Somebody asked the run to stop."""


class Loop:
    """A run from a position to its end.

    Parameters
    ----------
    folder : Path
        The run directory.
    recipe : Recipe
        What decides the run.
    model, trainer, batches, samples
        What it is made of, in the state of `position`.
    metrics, status
        Where it writes down what happens.
    position : Position
        Where it starts.
    asked_to_stop : callable
        Whether somebody asked to stop.
    say : callable
        Takes a line for the log.
    """

    def __init__(
        self,
        folder: Path,
        recipe: Recipe,
        *,
        model: Model,
        trainer: Trainer,
        batches: Batches,
        samples: Samples,
        metrics: MetricsWriter,
        status: StatusWriter,
        position: Position,
        asked_to_stop: Callable[[], bool] = lambda: False,
        say: Callable[[str], None] = print,
    ) -> None:
        self._folder, self._recipe = folder, recipe
        self._model, self._trainer = model, trainer
        self._batches, self._samples = batches, samples
        self._metrics, self._status = metrics, status
        self._position = position
        self._asked_to_stop, self._say = asked_to_stop, say
        self._steps = batches.steps
        self._saved_at = time.monotonic()
        self._saved_step = position.global_step
        self._checkpoints = Checkpoints(folder)

    def run(self) -> str:
        """Work until the recipe's epochs are done or somebody asks to stop; return the final state."""
        # what was best after the checkpoint that this goes on from is gone
        self._tell(force=True, best_epoch=self._position.best_epoch, best_score=self._position.best_score)
        try:
            while self._position.epoch < self._recipe.epochs:
                self._train_epoch()
                self._end_epoch()
                if self._position.epoch < self._recipe.epochs:
                    self._look_whether_to_stop()
        except Stopped:
            if self._saved_step != self._position.global_step:
                self.save(resumable=True)
            return "stopped"
        # Said again: a worker that was killed after the last checkpoint left the status behind.
        self._tell(force=True, best_epoch=self._position.best_epoch, best_score=self._position.best_score)
        return "finished"

    def save(self, *, resumable: bool) -> Checkpoint:
        """Write a checkpoint of the present position, and remove those it makes superfluous."""
        tensors, scalars = self._trainer.state()
        self._position = replace(self._position, metrics_bytes=self._metrics.position(), optimizer=scalars)
        weights, metadata = self._model.framework.state(self._model.module), self._model.metadata()
        checkpoint = self._checkpoints.save(self._position, weights, metadata, tensors if resumable else None)
        if resumable:
            self._saved_at, self._saved_step = time.monotonic(), self._position.global_step
        self._checkpoints.prune(self._position, self._recipe.kept_every())
        return checkpoint

    def _train_epoch(self) -> None:
        recipe, epoch = self._recipe, self._position.epoch + 1
        self._tell(f"Training, epoch {epoch} of {recipe.epochs}.", force=True)
        began = time.perf_counter()
        # What is random in an epoch counts epochs from 0, as the position does.
        for batch in self._batches.epoch(self._position.epoch, self._position.step):
            position = self._position
            lr = learning_rate(recipe, position.global_step, self._steps)
            seed = step_seed(recipe, position.global_step)
            terms = self._trainer.step(batch.inputs, batch.targets, step_seed=seed, lr=lr)
            if not all(map(math.isfinite, terms.values())):
                raise NonFiniteLoss(_not_finite(terms, epoch, position.step + 1))
            count = len(batch.inputs)
            self._position = replace(
                position,
                step=position.step + 1,
                global_step=position.global_step + 1,
                sums={name: position.sums.get(name, 0.0) + value * count for name, value in terms.items()},
                samples=position.samples + count,
            )
            ended = time.perf_counter()
            if self._position.global_step % recipe.log_every == 0:
                line = {"kind": "step", "epoch": epoch, "step": self._position.global_step, **terms, "lr": lr}
                self._metrics.append({**line, "seconds": round(ended - began, 6), "time": time.time()})
            faults.point("step")
            if self._position.step < self._steps:
                self._tell()
                self._look_whether_to_stop()
                self._save_if_due()
            began = time.perf_counter()

    def _end_epoch(self) -> None:
        recipe, position = self._recipe, self._position
        epoch = position.epoch + 1
        lr = learning_rate(recipe, position.global_step - 1, self._steps)
        means = {name: total / position.samples for name, total in position.sums.items()}
        line: dict[str, Any] = {"kind": "epoch", "epoch": epoch, "step": position.global_step, **means, "lr": lr}
        position = replace(position, epoch=epoch, step=0, sums={}, samples=0)
        began = time.perf_counter()
        if recipe.splits.get("val") and (epoch % recipe.validate_every == 0 or epoch == recipe.epochs):
            line["val"] = self._validate(epoch)
            name = choose(recipe.monitor.removeprefix("val/"), line["val"], "validation score to monitor")
            value = line["val"][name]
            if _better(value, position.best_score, recipe.mode):
                position = replace(position, best_epoch=epoch, best_score=value)
            line["best"] = position.best_epoch == epoch
        faults.point("validated")
        self._position = position
        self._metrics.append({**line, "seconds": round(time.perf_counter() - began, 6), "time": time.time()})
        last = epoch == recipe.epochs
        due = last or self._due()
        if due or epoch % recipe.kept_every() == 0 or position.best_epoch == epoch:
            self.save(resumable=due)
        self._tell(best_epoch=position.best_epoch, best_score=position.best_score)
        self._say(said_of_epoch(epoch, means, line.get("val", {})))

    def _validate(self, epoch: int) -> Scores:
        indices = self._recipe.splits["val"]

        def visit(done: int, total: int) -> None:
            self._tell(f"Validating after epoch {epoch}: {done} of {total}.")
            if done < total:
                self._look_whether_to_stop()

        return score(self._model, self._samples, indices, batch_size=self._recipe.batch_size, visit=visit)

    def _save_if_due(self) -> None:
        if self._due():
            self.save(resumable=True)

    def _due(self) -> bool:
        recipe = self._recipe
        steps = recipe.checkpoint_steps
        return time.monotonic() - self._saved_at >= recipe.checkpoint_seconds or (
            steps is not None and self._position.global_step - self._saved_step >= steps
        )

    def _look_whether_to_stop(self) -> None:
        if self._asked_to_stop():
            raise Stopped

    def _tell(self, message: str | None = None, *, force: bool = False, **changes: Any) -> None:
        position, epochs = self._position, self._recipe.epochs
        under_way = position.epoch + 1 if position.step or position.epoch == 0 else position.epoch
        words = {} if message is None else {"message": message}
        self._status.update(
            force=force,
            epoch=under_way,
            epochs=epochs,
            step=position.step,
            steps_per_epoch=self._steps,
            progress=min(1.0, (position.epoch + position.step / self._steps) / epochs),
            **words,
            **changes,
        )


def said_of_epoch(epoch: int, losses: dict[str, float], scores: dict[str, float]) -> str:
    """Return a line for the log: the loss with its terms, and the scores of the validation, which share names."""
    terms = ", ".join(f"{name} {value:.4f}" for name, value in losses.items() if name != "loss")
    validated = ", ".join(f"{name} {value:.4f}" for name, value in scores.items())
    line = f"Epoch {epoch}: training loss {losses['loss']:.4f}" + (f" ({terms})" if terms else "")
    return line + (f"; validation: {validated}" if validated else "")


def _better(value: float, best: float | None, mode: str) -> bool:
    if not math.isfinite(value):
        return False
    return best is None or (value > best if mode == "max" else value < best)


def _not_finite(terms: dict[str, float], epoch: int, step: int) -> str:
    names = ", ".join(f"{name} = {value}" for name, value in terms.items() if not math.isfinite(value))
    return f"The loss must be a finite number, but in epoch {epoch}, step {step}, {names}."
