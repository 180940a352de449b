"""How long a run would take and how much memory, before it is started: from a few steps that are really made."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._words import size, span
from workbench.errors import Cancelled, StateError
from workbench.training.recipe import Recipe

if TYPE_CHECKING:
    from workbench.datasets import Dataset

#: Longest that is measured, in seconds: a step of the largest network takes half of it on two cores.
_PATIENCE = 60.0
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class Estimate:
    """What a run would take.

    Attributes
    ----------
    steps : int
        Steps of the whole run.
    batch_size : int
        Cases that a step really takes: not more than there are.
    seconds : float
        Time of the whole run, without validation.
    memory : int
        Bytes of main memory of the worker.
    measured : str
        What was measured, and how the rest follows from it.
    """

    steps: int
    batch_size: int
    seconds: float
    memory: int
    measured: str

    def __str__(self) -> str:
        return f"about {span(self.seconds)} and {size(self.memory)} of memory ({self.measured})"


def estimate(
    recipe: str | Path | Mapping[str, Any] | Recipe | None = None,
    data: str | Dataset | None = None,
    *,
    cancelled: Callable[[], bool] = lambda: False,
    **overrides: Any,
) -> Estimate:
    """Return what a run would take, measured by steps of one and of two cases in a process of its own.

    Parameters
    ----------
    recipe, data, **overrides
        As for `workbench.train`.
    cancelled : callable
        Asked all the time; True ends it.

    Raises
    ------
    InputError
        If `workbench.train` would refuse to start.
    StateError
        If no step could be made; the message tells why.
    Cancelled
        If `cancelled` said so.
    """
    from workbench import zoo
    from workbench.training.assembly import rehearse
    from workbench.training.batches import Batches, Samples
    from workbench.training.checking import check_reachable
    from workbench.training.composing import compose
    from workbench.transforms import Preprocess

    composed, dataset = compose(recipe, data, overrides)
    check_reachable(composed)
    rehearse(composed, dataset, None)
    algorithm = zoo.algorithm(composed.algorithm)
    config = algorithm.config(dataset.in_channels, dataset.num_classes, **composed.options)
    prepared = Preprocess(composed.preprocess, divisible_by=algorithm.sizes(config)[0])
    one = composed.model_copy(update={"batch_size": 1})
    batch = Batches(Samples(dataset, prepared, algorithm.task), algorithm.task, None, one).one()
    facts = {"in_channels": dataset.in_channels, "classes": list(dataset.classes)}
    # what a process is told and answers; nothing in it is kept, so nothing has to appear as a whole
    with tempfile.TemporaryDirectory(prefix="workbench-estimate-") as name:
        folder = Path(name)
        composed.write(folder / "recipe.json")
        (folder / "facts.json").write_text(json.dumps(facts), encoding="utf-8")
        np.savez(folder / "batch.npz", inputs=batch.inputs, **{f"target.{k}": v for k, v in batch.targets.items()})
        made = _probe(folder, composed, cancelled)
    return _conclude(made, composed)


def _probe(folder: Path, recipe: Recipe, cancelled: Callable[[], bool]) -> list[dict[str, float]]:
    from workbench.training.needs import worker_environment

    command = [sys.executable, "-P", "-m", "workbench.training.probe", str(folder)]
    log, out = folder / "log.txt", folder / "steps.jsonl"
    with log.open("wb") as errors, out.open("wb") as steps:
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            command, cwd=folder, env=worker_environment(recipe), stdin=subprocess.DEVNULL, stdout=steps, stderr=errors
        )
        deadline = time.monotonic() + _PATIENCE
        try:
            while process.poll() is None and time.monotonic() < deadline:
                if cancelled():
                    raise Cancelled("Cancelled while measuring; nothing was started.")
                time.sleep(_LOOK_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
    lines = out.read_text(encoding="utf-8").splitlines()
    if not lines:
        said = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        why = said[-1] if said else f"not even one was finished in {_PATIENCE:.0f} s"
        raise StateError(f"No training step could be measured: {why}")
    return [json.loads(line) for line in lines]


def _conclude(made: list[dict[str, float]], recipe: Recipe) -> Estimate:
    """Extrapolate along the straight line through the smaller and the larger step."""
    per_epoch = len(recipe.splits["train"]) * recipe.patches_per_sample
    batch = min(recipe.batch_size, per_epoch)
    steps = recipe.epochs * -(-per_epoch // batch)
    sizes = sorted({int(one["cases"]) for one in made})
    best = {n: min(one["seconds"] for one in made if one["cases"] == n) for n in sizes}
    peak = {n: max(one["peak"] for one in made if one["cases"] == n) for n in sizes}
    low, high = sizes[0], sizes[-1]
    told = " and ".join(f"{best[n]:.2g} s for a step of {n}" for n in sizes)
    if low == high:
        slope, growth = best[low] / low, 0.0
    else:
        slope = max(best[high] - best[low], 0.0) / (high - low)
        growth = max(peak[high] - peak[low], 0) / (high - low)
    seconds = max(best[low] + (batch - low) * slope, 0.0)
    memory = peak[low] + max(batch - low, 0) * growth
    words = f"{told}, measured on this machine; extrapolated to {steps:,} steps of {batch:,}, without validation"
    return Estimate(steps, batch, seconds * steps, int(memory), words)
