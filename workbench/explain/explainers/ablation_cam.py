"""Ablation-CAM: a layer's channels, each weighted with what the score loses without it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Problem
from workbench.explain.baselines import Baseline
from workbench.explain.explainers._channels import ChannelExplainer


class AblationCAM(ChannelExplainer):
    """Channels, each weighted with what the score loses when it is set to zero.

    The paper divides all weights by the score, which turns the map round where that is negative; here they are the
    loss itself, so that the sign says what speaks for the target.
    """

    name = "ablation-cam"
    title = "Ablation-CAM"
    summary = "a layer's channels weighted with what the score loses without each"
    reference = "Desai and Ramaswamy 2020, Ablation-CAM, equation 3 without its denominator"
    order = 14
    in_part = "inner"

    def weigh(
        self,
        problem: Problem,
        layer: str,
        activation: Array,
        baseline: Baseline | None,  # noqa: ARG002
    ) -> Iterator[tuple[range, Array]]:
        channels: list[int] = []

        def build(part: range) -> Array:
            channels[:] = part
            return np.repeat(problem.input, len(part), axis=0)

        def without(output: Array) -> Array:
            output[np.arange(len(channels)), channels] = 0
            return output

        def ablated(inputs: Array) -> Array:
            with problem.framework.replace(problem.module, layer, without) as network:
                return problem.framework.scores(network, inputs, problem.score)

        whole = float(problem.feeder.once(lambda: problem.scores(problem.input))[0])
        for part, found in problem.feeder.map(len(activation), build, ablated):
            yield part, whole - found.astype(np.float64)
