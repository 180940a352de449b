"""Several baselines: the mean of a method's maps from each of them, whatever the method."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.baselines import BaselineParameter


def steps_of(explainer: Explainer, problem: Problem) -> Iterator[Step]:
    """Run a method; where its option `baseline` has several values, with each, and the map is the mean.

    Shares of the score so sum up to the score less the mean score of the baselines, which is what is told of it.
    """
    asked = problem.options.get("baseline")
    known = isinstance(explainer.options.get("baseline"), BaselineParameter)
    return _mean_of(explainer, problem, asked) if known and isinstance(asked, list) else explainer.steps(problem)


def _mean_of(explainer: Explainer, problem: Problem, asked: list[Any]) -> Iterator[Step]:
    total: Array = np.zeros(problem.spatial_shape)
    notes: list[str] = []
    scores: list[float | None] = []
    errors: list[float] = []
    for done, baseline in enumerate(asked):
        for step in explainer.steps(replace(problem, options={**problem.options, "baseline": baseline})):
            if step.fraction < 1:
                fraction = (done + step.fraction) / len(asked)
                yield replace(step, fraction=fraction, make_map=_mean(total, step, done + 1))
        total = total + step.make_map()
        notes += [note for note in step.notes if note not in notes]
        scores.append(step.baseline_score)
        errors += [] if step.standard_error is None else [step.standard_error]
        if done + 1 < len(asked):
            yield Step((done + 1) / len(asked), _mean(total, None, done + 1), step.native_shape, cell=step.cell)
    known_scores = [score for score in scores if score is not None]
    mean = float(np.mean(known_scores)) if len(known_scores) == len(scores) else None
    told = ", ".join("none as a whole" if score is None else f"{score:.4g}" for score in scores)
    notes.append(f"The mean of the maps from {len(asked)} baselines, which score {told}.")
    # all were drawn with one seed, so that errors may go the same way: their mean is the most that it can be
    error = float(np.mean(errors)) if errors else None
    yield Step(1.0, _mean(total, None, len(asked)), step.native_shape, tuple(notes), step.cell, mean, error)


def _mean(total: Array, step: Step | None, count: int) -> Callable[[], Array]:
    return lambda: (total if step is None else total + step.make_map()) / count
