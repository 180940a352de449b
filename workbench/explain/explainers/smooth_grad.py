"""SmoothGrad: the mean of a method's maps at inputs with a little noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.explainers._sampling import SEED, Mean, generator, samples_option
from workbench.explain.explainers.captum_methods import DeepLift, GuidedBackprop
from workbench.explain.explainers.integrated_gradients import IntegratedGradients
from workbench.explain.explainers.saliency import GradientExplainer, InputXGradient, Saliency, reduce_channels
from workbench.parameters import Parameter, by_name

#: The methods that can be smoothed: those whose map has the resolution of the input.
_OF: dict[str, Explainer] = {
    kind.name: kind() for kind in (Saliency, InputXGradient, IntegratedGradients, DeepLift, GuidedBackprop)
}


class SmoothGrad(Explainer):
    """The mean of the maps of another method, at its own defaults, at inputs with Gaussian noise.

    Each sample draws its noise from the seed and its own number, so that the map does not hang on how samples are put
    into batches. The notes tell the standard error.
    """

    name = "smooth-grad"
    title = "SmoothGrad"
    summary = "the mean of a gradient method's maps at noisy copies of the input; less ragged"
    reference = "Smilkov et al. 2017, SmoothGrad, equation 1"
    order = 15
    sampled = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("of", "choice", "saliency", "The method whose maps are averaged.", choices=tuple(_OF)),
        samples_option(16),
        Parameter("noise", "number", 0.1, "Standard deviation of the noise, as a share of the input's range.", low=0),
        SEED,
        Parameter("batch_size", "integer", None, "Inputs per pass; measured on the device if not given.", low=1),
    )

    def is_attribution(self, options: Mapping[str, Any]) -> bool:
        inner = _OF[options["of"]]
        return inner.is_attribution(inner.check_options({}))

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return options for a thumbnail."""
        return {"samples": 4}

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:
        inner = _OF[options["of"]]
        return int(options["samples"]) * inner.passes(shape, spacing, inner.check_options({}))

    def steps(self, problem: Problem) -> Iterator[Step]:
        inner = _OF[problem.options["of"]]
        inner.check_framework(problem.framework.name)
        mean, samples = Mean(problem.spatial_shape), problem.options["samples"]
        for found in _maps(inner, replace(problem, options={**problem.options, **inner.check_options({})})):
            mean.add(found)
            if mean.count < samples:
                yield Step(mean.count / samples, mean.value.copy, problem.spatial_shape)
        yield Step(1.0, lambda: mean.value, problem.spatial_shape, (mean.note(),), standard_error=mean.average_error)


def _maps(inner: Explainer, problem: Problem) -> Iterator[Array]:
    """Yield the map of each sample."""
    options, image = problem.options, problem.input[0]
    spread = options["noise"] * float(np.ptp(image))

    def build(part: range) -> Array:
        noise = [generator(options["seed"], index).normal(0, spread, image.shape) for index in part]
        return np.asarray(image + np.stack(noise), np.float32)

    if isinstance(inner, GradientExplainer):

        def attribute(inputs: Array) -> Array:
            return inner.attribute(inputs, problem.gradients(inputs))

        for _, found in problem.feeder.map(options["samples"], build, attribute):
            for one in found:
                yield reduce_channels(one, options["channels"], absolute=options["absolute"])
        return
    for index in range(options["samples"]):
        *_, last = inner.steps(replace(problem, input=build(range(index, index + 1))))
        yield last.make_map()
