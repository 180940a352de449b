"""Integrated gradients: the gradient averaged on the straight way from a baseline to the input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.baselines import BASELINE, BLUR, find_baseline
from workbench.explain.explainers._completeness import incomplete
from workbench.explain.explainers.saliency import channel_option, reduce_channels
from workbench.parameters import Parameter, by_name

#: Gauss-Legendre points are eigenvalues of a matrix of so many rows; a path integral gains nothing from more.
_MOST_POINTS = 1000
_NO_MORE = "More make no difference: take a baseline that is nearer to the input (baseline='blur'), or occlusion."


class IntegratedGradients(Explainer):
    """What each voxel adds to *score of the input minus score of the baseline*; the map sums up to that difference.

    The path integral is approximated with Gauss-Legendre points, as the sum converges much faster than
    with a Riemann sum. Where it has not converged, the map's notes say by how much the sum is off.
    """

    name = "integrated-gradients"
    title = "Integrated gradients"
    summary = "the gradient averaged from a baseline to the input, times their difference"
    reference = "Sundararajan, Taly, Yan 2017, Axiomatic Attribution for Deep Networks, equation 1"
    order = 8
    attribution = True
    in_part = "same"
    end_to_end = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("points", "integer", 32, "Points from the baseline to the input.", low=1, high=_MOST_POINTS),
        BASELINE,
        BLUR,
        Parameter("absolute", "flag", False, "Magnitude only; off keeps the sign."),
        channel_option("sum"),
        Parameter("batch_size", "integer", None, "Points per pass; measured on the device if not given.", low=1),
    )

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return options for a thumbnail."""
        return {"points": 6}

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return int(options["points"]) + 1

    def steps(self, problem: Problem) -> Iterator[Step]:
        options = problem.options
        image = problem.input[0]
        of_input = problem.unchanged
        found = find_baseline(problem, options, of_input)
        baseline = found.image
        nodes, weights = np.polynomial.legendre.leggauss(options["points"])  # type: ignore[no-untyped-call]
        alphas, weights = (nodes + 1) / 2, weights / 2
        axes = (slice(None),) + (None,) * image.ndim
        total = np.zeros(image.shape, np.float64)
        done = 0

        def build(part: range) -> Array:
            shares = alphas[part.start : part.stop][axes].astype(np.float32)
            return np.asarray(baseline + shares * (image - baseline), np.float32)

        def gradient(inputs: Array) -> Array:
            return problem.framework.input_gradient(problem.module, inputs, problem.score)[1]

        def current() -> Array:
            attribution = total * (image - baseline) * (1 / weights[:done].sum())
            return reduce_channels(attribution, options["channels"], absolute=options["absolute"])

        for part, gradients in problem.feeder.map(len(alphas), build, gradient):
            total += np.tensordot(weights[part.start : part.stop], gradients, axes=1)
            done = part.stop
            if done < len(alphas):
                yield Step(done / len(alphas), current, problem.spatial_shape)

        notes = incomplete(total * (image - baseline), of_input, found.score, _why(options["points"]))
        yield Step(1.0, current, problem.spatial_shape, notes + found.notes, baseline_score=found.score)


def _why(points: int) -> str:
    more = f"Take more, such as points={min(4 * points, _MOST_POINTS)}." if points < _MOST_POINTS else _NO_MORE
    return f"the score bends more on the way from the baseline to the input than {points} points can follow. {more}"
