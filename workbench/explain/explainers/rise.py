"""RISE: the score of the input seen through many random masks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.baselines import BASELINE, BLUR, find_baseline
from workbench.explain.explainers._sampling import SEED, error_note, generator, samples_option
from workbench.explain.resize import resize_linear
from workbench.parameters import Parameter, by_name


class Rise(Explainer):
    """How much the score rises with how much of a voxel is seen, over inputs seen through smooth random masks.

    The paper takes the mean of the masks, each times its score (equation 6): that adds a constant to the whole map
    wherever scores are not near zero, as logits are not. Here it is the slope of the score over the mask at each voxel
    (least squares), which is zero where nothing depends on the voxel. The notes tell the standard error.
    """

    name = "rise"
    title = "RISE"
    summary = "how the score rises with what random masks let through"
    reference = "Petsiuk, Das, Saenko 2018, RISE, section 3.2, with the slope instead of the mean of equation 6"
    order = 20
    end_to_end = True
    forward_only = True
    sampled = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        samples_option(1000),
        Parameter("cells", "integer", 7, "Cells of a mask along each axis, before it is made smooth.", low=1),
        Parameter("shown", "number", 0.5, "Chance of a cell to be seen.", above=0, below=1),
        SEED,
        BASELINE,
        BLUR,
        Parameter("batch_size", "integer", None, "Masks per pass; measured on the device if not given.", low=1),
    )  # fmt: skip

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return options for a thumbnail."""
        return {"samples": 48, "cells": 5}

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 1 + int(options["samples"])

    def steps(self, problem: Problem) -> Iterator[Step]:
        image, options, shape = problem.input[0], problem.options, problem.spatial_shape
        found = find_baseline(problem, options, problem.unchanged)
        baseline = found.image
        cells = tuple(min(options["cells"], size) for size in shape)
        slope = Slope(shape)
        masks: dict[int, Array] = {}  # of the samples that are under way

        def build(part: range) -> Array:
            masks.update({i: smooth_mask(generator(options["seed"], i), cells, shape, options["shown"]) for i in part})
            return np.asarray([baseline + masks[i] * (image - baseline) for i in part], np.float32)

        for part, scores in problem.feeder.map(options["samples"], build, problem.scores):
            for index, score in zip(part, scores, strict=True):
                slope.add(masks.pop(index), float(score))
            if part.stop < options["samples"]:
                yield Step(part.stop / options["samples"], lambda: slope.value, cells)
        note = error_note(options["samples"], slope.error, slope.value)
        error = float(np.mean(slope.error))
        yield Step(1.0, lambda: slope.value, cells, (*found.notes, note), None, found.score, error)


class Slope:
    """The slope of a number over an array, at each of its values, and the standard error of it."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count, self._score, self._score_squares = 0, 0.0, 0.0
        self._mask, self._mask_squares, self._both = (np.zeros(shape, np.float64) for _ in range(3))

    def add(self, mask: Array, score: float) -> None:
        """Count another sample; means are carried on, so that large scores cost no digits (Welford 1962)."""
        self.count += 1
        off_mask, off_score = mask - self._mask, score - self._score
        self._mask += off_mask / self.count
        self._score += off_score / self.count
        self._mask_squares += off_mask * (mask - self._mask)
        self._both += off_mask * (score - self._score)
        self._score_squares += off_score * (score - self._score)

    @property
    def value(self) -> Array:
        """The slope; zero where the array never changes."""
        return np.divide(self._both, self._mask_squares, out=np.zeros_like(self._both), where=self._mask_squares > 0)

    @property
    def error(self) -> Array:
        """The standard error, from what the slope leaves over; infinite of fewer than three samples."""
        if self.count < 3:
            return np.full_like(self._both, np.inf)
        left = np.maximum(self._score_squares - self.value * self._both, 0) / (self.count - 2)
        squares = np.divide(left, self._mask_squares, out=np.zeros_like(left), where=self._mask_squares > 0)
        return np.asarray(np.sqrt(squares))


def smooth_mask(rng: np.random.Generator, cells: tuple[int, ...], shape: tuple[int, ...], shown: float) -> Array:
    """Return a mask from 0 (hidden) to 1: random cells, enlarged linearly and moved by less than a cell."""
    sizes = [-(-size // n) for size, n in zip(shape, cells, strict=True)]
    coarse = rng.uniform(size=[n + 1 for n in cells]) < shown
    fine = resize_linear(coarse, tuple((n + 1) * size for n, size in zip(cells, sizes, strict=True)))
    starts = [int(rng.integers(size)) for size in sizes]
    return fine[tuple(slice(start, start + size) for start, size in zip(starts, shape, strict=True))]
