"""Attention rollout: where the attention of all layers together comes from, whatever is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Problem, Step
from workbench.explain.explainers._attention import AttentionExplainer, Flow
from workbench.parameters import Parameter, by_name


class AttentionRollout(AttentionExplainer):
    """The attention of all layers multiplied, half of each being what the token keeps: the same map for every target.

    Heads count alike. It is what the class token attends to; in a network without one, the mean over all patches;
    of a decoder, what its queries attend to, on average.
    """

    name = "attention-rollout"
    title = "Attention rollout"
    summary = "where a transformer's attention comes from, through all layers; the same map for every target"
    reference = "Abnar and Zuidema 2020, Quantifying Attention Flow in Transformers, section 3"
    order = 23
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter(
            "depth",
            "integer",
            None,
            "How many layers are followed, from the first; all by default.",
            low=1,
        )
    )

    def steps(self, problem: Problem) -> Iterator[Step]:
        yield self.step(problem)

    def relevance(self, problem: Problem, layers: dict[str, str]) -> tuple[Flow, Array]:
        captured = problem.feeder.once(lambda: problem.framework.capture(problem.module, list(layers), problem.input))
        flow = Flow(halved=True)
        for layer, kind in list(layers.items())[: problem.options["depth"]]:
            flow.add(kind, captured[layer][0].mean(axis=0, dtype=np.float64))
        rows = len(flow.tokens if flow.found is None else flow.found)
        return flow, np.ones(rows, bool)
