"""Gradient x attention: the attention of all layers that speaks for the target."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Problem, Step
from workbench.explain.explainers._attention import AttentionExplainer, Flow

#: Layers that an estimate of time goes by, where the network was not looked at.
_USUAL_DEPTH = 12


class GradientXAttention(AttentionExplainer):
    """The positive part of attention times the score's gradient with respect to it, carried on from layer to layer.

    It is read where the score is: at the class token if the last layer's attention of it moves the score, else as the
    mean over all patches; of a decoder, at those of its queries that move the score. What a token keeps of itself is
    not counted, so that what no attention carries is zero.
    """

    name = "gradient-x-attention"
    title = "Gradient x attention"
    summary = "a transformer's attention times its gradient, through all layers"
    reference = "Chefer, Gur, Wolf 2021, Generic Attention-model Explainability, equations 5 and 6"
    order = 24

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return _USUAL_DEPTH

    def steps(self, problem: Problem) -> Iterator[Step]:
        yield self.step(problem)

    def relevance(self, problem: Problem, layers: dict[str, str]) -> tuple[Flow, Array]:
        flow, moved = Flow(halved=False), np.zeros(0, bool)
        for layer, kind in layers.items():
            look = partial(problem.framework.layer_gradient, problem.module, layer, problem.input, problem.score)
            _, attention, gradient = problem.feeder.once(look)
            flow.add(kind, np.maximum(attention[0] * gradient[0].astype(np.float64), 0).mean(axis=0))
            moved = np.any(gradient[0], axis=(0, 2))
        flow.tokens = flow.tokens - np.eye(len(flow.tokens))
        return flow, moved
