"""KernelSHAP: the Shapley value of each superpixel, supervoxel or labelled part."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Problem, Step
from workbench.explain.baselines import BASELINE, BLUR, find_baseline
from workbench.explain.explainers._sampling import SEED, error_note, generator
from workbench.explain.explainers._segments import SEGMENTS, SegmentExplainer, count_option, segments_of
from workbench.parameters import Parameter, by_name

#: Beyond so many parts the coalitions are not counted out, whatever `samples` is.
_COUNTABLE = 20


class KernelShap(SegmentExplainer):
    """What each part adds to the score, averaged over all orders in which the parts could have come.

    The values sum up to the score of the input minus that of the input with all parts hidden; each voxel has the value
    of its part. Coalitions are drawn with the Shapley kernel, each with its complement (Covert and Lee 2021), and the
    notes tell the standard error; where there are no more than `samples` of them, all are counted and it is exact.
    """

    name = "kernel-shap"
    title = "KernelSHAP"
    summary = "the Shapley value of each superpixel or labelled part"
    reference = "Lundberg and Lee 2017, A Unified Approach to Interpreting Model Predictions, theorem 2"
    order = 21
    end_to_end = True
    forward_only = True
    sampled = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        SEGMENTS,
        count_option(32),
        Parameter("samples", "integer", 512, "Coalitions to look at, at least twice as many as parts.", low=4),
        SEED,
        BASELINE,
        BLUR,
        Parameter("batch_size", "integer", None, "Coalitions per pass; measured on the device if not given.", low=1),
    )

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return options for a thumbnail."""
        return {"samples": 64, "count": 12}

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 2 + int(options["samples"])

    def steps(self, problem: Problem) -> Iterator[Step]:
        image, options = problem.input[0], problem.options
        labels, count = segments_of(problem)
        everything = problem.unchanged
        baseline = find_baseline(problem, options, everything)
        coalitions, weights, exact = _coalitions(count, options["samples"], options["seed"])

        def seen(present: Array) -> Array:
            return np.where(np.concatenate([[True], present])[labels], image, baseline.image)

        def build(part: range) -> Array:
            return np.stack([seen(coalitions[index]) for index in part])

        # voxels that belong to no part stay as they are
        nothing = problem.score_of(seen(np.zeros(count, bool)))
        scores = np.zeros(len(coalitions))

        def values(done: int) -> tuple[Array, Array]:
            gained = scores[:done] - nothing
            return _solve(coalitions[:done], weights[:done], gained, everything - nothing)

        def current(done: int) -> Array:
            return np.concatenate([[0], values(done)[0]])[labels]

        for part, found in problem.feeder.map(len(coalitions), build, problem.scores):
            scores[part.start : part.stop] = found
            if 2 * count <= part.stop < len(coalitions):
                yield Step(part.stop / len(coalitions), partial(current, part.stop), problem.spatial_shape)
        shares, errors = values(len(coalitions))
        notes = baseline.notes if exact else (*baseline.notes, error_note(len(coalitions), errors, shares))
        made = partial(current, len(coalitions))
        error = None if exact else float(np.mean(errors))
        yield Step(1.0, made, problem.spatial_shape, notes, None, baseline.score, error)


def _coalitions(count: int, samples: int, seed: int) -> tuple[Array, Array, bool]:
    """Return which parts are there ``[n, count]``, what each coalition weighs, and whether those are all there are.

    Raises
    ------
    InputError
        If there are too few samples for so many parts.
    """
    if count <= _COUNTABLE and 2**count - 2 <= samples:
        every = np.array(list(itertools.product((False, True), repeat=count)))[1:-1].reshape(-1, count)
        sizes = every.sum(axis=1)
        from scipy.special import comb

        return every, (count - 1) / (comb(count, sizes) * sizes * (count - sizes)), True
    if samples < 2 * count:
        raise InputError(
            f"The method 'kernel-shap': samples must be at least twice the parts, which are {count}, got {samples}. "
            f"Give samples={2 * count} or more, or fewer parts (count=)."
        )
    rng, sizes = generator(seed, 0), np.arange(1, count)
    chances = 1 / (sizes * (count - sizes))
    drawn = np.zeros((samples // 2, count), bool)
    for row, size in zip(drawn, rng.choice(sizes, len(drawn), p=chances / chances.sum()), strict=True):
        row[rng.permutation(count)[:size]] = True
    pairs = np.stack([drawn, ~drawn], axis=1).reshape(-1, count)
    return pairs, np.ones(len(pairs)), False


def _solve(coalitions: Array, weights: Array, gained: Array, total: float) -> tuple[Array, Array]:
    """Return the values that fit what coalitions gain best and sum up to `total`, and their standard errors."""
    last = coalitions[:, -1].astype(np.float64)
    rows = coalitions[:, :-1] - last[:, None]
    rest = gained - last * total
    bread = np.linalg.pinv(rows.T @ (weights[:, None] * rows))
    found = bread @ (rows.T @ (weights * rest))
    # a coalition and its complement are one draw, so their errors are counted together
    pulls = rows * (weights * (rest - rows @ found))[:, None]
    pairs = len(pulls) // 2
    draws = pulls[: 2 * pairs : 2] + pulls[1 : 2 * pairs : 2]
    spread = bread @ (draws.T @ draws) @ bread
    errors = np.sqrt(np.maximum([*np.diag(spread), spread.sum()], 0))
    return np.append(found, total - found.sum()), errors
