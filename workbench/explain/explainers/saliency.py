"""Maps made from the gradient of the score with respect to the input."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Explainer, Problem, Step
from workbench.parameters import Parameter, by_name

_REDUCTIONS = {
    "max": lambda g: np.take_along_axis(g, np.abs(g).argmax(axis=0, keepdims=True), axis=0)[0],
    "sum": lambda g: g.sum(axis=0),
    "mean": lambda g: g.mean(axis=0),
    "norm": lambda g: np.sqrt((g.astype(np.float64) ** 2).sum(axis=0)),
}


def channel_option(default: str) -> Parameter:
    """The option that says how an attribution per input channel becomes one map."""
    doc = "How several input channels become one map; max keeps the value of largest magnitude."
    return Parameter("channels", "choice", default, doc, choices=tuple(_REDUCTIONS))


def reduce_channels(attribution: Array, reduction: str, *, absolute: bool) -> Array:
    """Reduce ``[channels, *spatial]`` to ``[*spatial]``."""
    values = np.abs(attribution) if absolute else attribution
    reduced: Array = _REDUCTIONS[reduction](values)
    return reduced


class GradientExplainer(Explainer):
    """A map made of an input and the score's gradient there."""

    @abstractmethod
    def attribute(self, inputs: Array, gradients: Array) -> Array:
        """Return what each value of some inputs counts, of the inputs' shape."""

    def steps(self, problem: Problem) -> Iterator[Step]:
        options = problem.options
        gradients = problem.feeder.once(lambda: problem.gradients(problem.input))
        attribution = self.attribute(problem.input, gradients)[0]
        result = reduce_channels(attribution, options["channels"], absolute=options["absolute"])
        yield Step(1.0, lambda: result, problem.spatial_shape)


class Saliency(GradientExplainer):
    """How much the score changes when a voxel changes a little: the magnitude of the input gradient."""

    name = "saliency"
    title = "Saliency"
    summary = "the magnitude of the score's gradient at every voxel"
    reference = "Simonyan, Vedaldi, Zisserman 2014, Deep Inside Convolutional Networks, section 3"
    order = 3
    in_part = "same"
    end_to_end = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("absolute", "flag", True, "Magnitude of the gradient; off keeps its sign."),
        channel_option("max"),
    )

    def attribute(self, inputs: Array, gradients: Array) -> Array:  # noqa: ARG002 - wherever it is
        return gradients


class InputXGradient(GradientExplainer):
    """The input times the gradient: what each voxel adds to the score of a network made linear at this input."""

    name = "input-x-gradient"
    title = "Input x gradient"
    summary = "the gradient times the (normalised) input at every voxel"
    reference = "Shrikumar et al. 2016, Not Just a Black Box, section 2"
    order = 7
    attribution = True
    in_part = "same"
    end_to_end = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("absolute", "flag", False, "Magnitude only; off keeps the sign."),
        channel_option("sum"),
    )

    def attribute(self, inputs: Array, gradients: Array) -> Array:
        return np.asarray(gradients * inputs)
