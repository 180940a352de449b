"""Scoring a model on a split: predictions are put back on the grid of the image and compared there, in millimetres."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import InputError, choose
from workbench.jobs.files import write_json
from workbench.training.batches import PreparedSample, Samples

if TYPE_CHECKING:
    from workbench.training.run import Run
    from workbench.zoo import Model

Scores = dict[str, float]


def score(
    model: Model,
    samples: Samples,
    indices: Sequence[int],
    *,
    batch_size: int = 8,
    visit: Callable[[int, int], None] | None = None,
) -> Scores:
    """Return the scores of a model on some samples, by the metrics of its task.

    Parameters
    ----------
    model : Model
        The model; but for a classifier its answers lie on the grid of the image, as those of `Model.predict`.
    samples : Samples
        Where they come from, preprocessed as the model's input.
    indices : sequence of int
        Which ones.
    batch_size : int
        Images of one size that go through a classifier together.
    visit : callable or None
        Called with (samples done, samples in all); what it raises ends the scoring.
    """
    metrics = model.task.metrics(model.classes)
    done = 0
    for group in _groups(samples, indices, batch_size if model.task.kind == "classification" else 1):
        for (index, sample), prediction in zip(group, _predict(model, group), strict=True):
            truth = sample.label if model.task.kind == "classification" else samples.raw(index)["label"]
            metrics.update(prediction, truth)
        done += len(group)
        if visit is not None:
            visit(done, len(indices))
    return {name: float(value) for name, value in metrics.compute().items()}


def _predict(model: Model, group: list[tuple[int, PreparedSample]]) -> list[Any]:
    if model.task.kind == "classification":
        return list(model.task.decode(model.forward(np.stack([sample.image.array for _, sample in group]))))
    # a run that is resumed is to find the same scores, to the last bit
    return [model.answer(sample.image, tuned=False) for _, sample in group]


def split_of(run: Run, split: str) -> list[int]:
    """Return the samples of a split of a run's data.

    Raises
    ------
    InputError
        If there is no such split, or nothing in it.
    """
    splits = run.recipe.splits
    indices = splits[choose(split, splits, "split")]
    if not indices:
        raise InputError(f"Split {split!r} of run {run.id} is empty, so there is nothing to score.")
    return list(indices)


def evaluate_run(
    run: Run, split: str, epoch: int | str | None, visit: Callable[[int, int], None] | None = None
) -> dict[str, Any]:
    """Score the model of a run's checkpoint on a split, and keep the scores with the run; see `Run.evaluate`."""
    from workbench import datasets
    from workbench.transforms import Preprocess

    recipe, indices = run.recipe, split_of(run, split)
    checkpoint, model = run.checkpoint(epoch), run.model(epoch)
    samples = Samples(datasets.from_spec(recipe.data), Preprocess(model.preprocess), model.task)
    found = score(model, samples, indices, batch_size=recipe.batch_size, visit=visit)
    scores = {"split": split, "epoch": checkpoint.position.epoch, "samples": len(indices), **found}
    write_json(run.path / f"evaluation-{split}.json", scores)
    return scores


def _groups(samples: Samples, indices: Sequence[int], batch_size: int) -> Iterator[list[tuple[int, PreparedSample]]]:
    """Yield neighbours of the same size together, `batch_size` at most."""
    group: list[tuple[int, PreparedSample]] = []
    for index in indices:
        sample = samples[index]
        if group and (len(group) == batch_size or sample.image.array.shape != group[0][1].image.array.shape):
            yield group
            group = []
        group.append((index, sample))
    if group:
        yield group
