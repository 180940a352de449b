"""Score-CAM: a layer's channels, each weighted with the score of the input seen through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Problem
from workbench.explain.baselines import BASELINE, BLUR, Baseline, find_baseline
from workbench.explain.explainers._channels import ChannelExplainer
from workbench.explain.resize import resize_linear
from workbench.parameters import Parameter, by_name


class ScoreCAM(ChannelExplainer):
    """Channels, each weighted with the score of the input seen through it.

    A channel, enlarged to the grid of the input and brought to 0 to 1, is the mask: where it is 0 the input is the
    baseline. Its weight is the score of that above the score of the baseline alone (equation 5 of the paper). With
    `softmax` the weights are brought to a sum of 1 as in the paper's algorithm 1: then every channel counts a little,
    and the map no longer grows with the score. A channel that is the same everywhere hides nothing and has no weight.
    """

    name = "score-cam"
    title = "Score-CAM"
    summary = "a layer's channels weighted with the score of the input seen through each"
    reference = "Wang et al. 2020, Score-CAM, equation 5 and algorithm 1"
    order = 13
    forward_only = True
    options: ClassVar[Mapping[str, Parameter]] = {
        **by_name(
            Parameter("softmax", "flag", False, "Bring the weights to a sum of 1, as algorithm 1 of the paper does."),
            BASELINE,
            BLUR,
        ),
        **ChannelExplainer.options,
    }

    def baseline(self, problem: Problem) -> Baseline:
        return find_baseline(problem, problem.options, problem.unchanged)

    def weigh(
        self,
        problem: Problem,
        layer: str,  # noqa: ARG002
        activation: Array,
        baseline: Baseline | None,
    ) -> Iterator[tuple[range, Array]]:
        assert baseline is not None
        image, hidden, nothing = problem.input[0], baseline.image, baseline.score

        def build(part: range) -> Array:
            masks = np.stack([_mask(activation[index], problem.spatial_shape) for index in part])[:, None]
            return np.asarray(hidden + masks * (image - hidden), np.float32)

        for part, found in problem.feeder.map(len(activation), build, problem.scores):
            yield part, found.astype(np.float64) - nothing

    def finish(self, weights: Array, problem: Problem) -> Array:
        if not problem.options["softmax"]:
            return weights
        powers = np.exp(weights - weights.max())
        shares: Array = powers / powers.sum()
        return shares


def _mask(channel: Array, shape: tuple[int, ...]) -> Array:
    large = resize_linear(channel, shape)
    extent = np.ptp(large)
    return (large - large.min()) / extent if extent > 0 else np.zeros_like(large)
