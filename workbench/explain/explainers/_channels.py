"""Maps of a layer's channels, each weighted by what it does to the score, without a gradient."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Problem, Step
from workbench.explain.baselines import Baseline
from workbench.explain.explainers.grad_cam import LayerExplainer
from workbench.parameters import Parameter, by_name

#: Channels that an estimate of time goes by, where the network was not looked at.
_USUAL_CHANNELS = 64
_BATCH_SIZE = Parameter("batch_size", "integer", None, "Channels per pass; measured on the device if not given.", low=1)


class ChannelExplainer(LayerExplainer):
    """A map of channels, each weighted by a pass through the network of its own."""

    options: ClassVar[Mapping[str, Parameter]] = {**LayerExplainer.options, **by_name(_BATCH_SIZE)}

    @abstractmethod
    def weigh(
        self, problem: Problem, layer: str, activation: Array, baseline: Baseline | None
    ) -> Iterator[tuple[range, Array]]:
        """Yield the weights of the channels, some at a time."""

    def baseline(self, problem: Problem) -> Baseline | None:  # noqa: ARG002
        """Return what the input is compared with, if it is compared with anything."""
        return None

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return _USUAL_CHANNELS + 2

    def finish(self, weights: Array, problem: Problem) -> Array:  # noqa: ARG002
        """Return the weights that count, once all are known."""
        return weights

    def combine(self, activation: Array, gradient: Array) -> Array:
        """Return the channels times the weights ``[channels]``."""
        return np.tensordot(gradient, activation, axes=1)

    def steps(self, problem: Problem) -> Iterator[Step]:
        layer = self.layer_of(problem)
        captured = problem.feeder.once(lambda: problem.framework.capture(problem.module, [layer], problem.input))
        activation = self.spatial(captured[layer], layer, problem)[0].astype(np.float64)
        weights, baseline = np.zeros(len(activation)), self.baseline(problem)
        for part, found in self.weigh(problem, layer, activation, baseline):
            weights[part.start : part.stop] = found
            if part.stop < len(weights):
                yield self.step(part.stop / len(weights), self.combine(activation, weights), layer, problem)
        last = self.step(1.0, self.combine(activation, self.finish(weights, problem)), layer, problem)
        if baseline is not None:
            last = replace(last, notes=last.notes + baseline.notes, baseline_score=baseline.score)
        yield last
