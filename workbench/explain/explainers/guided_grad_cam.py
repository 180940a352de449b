"""Guided Grad-CAM: the sharp edges of guided backpropagation where Grad-CAM says that they count."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.explainers.captum_methods import GuidedBackprop, guided
from workbench.explain.explainers.grad_cam import GradCAM
from workbench.explain.explainers.saliency import channel_option, reduce_channels
from workbench.parameters import Parameter, by_name


class GuidedGradCAM(Explainer):
    """The guided gradient times the enlarged map of Grad-CAM.

    Its edges are those of guided backpropagation, which change little when the last layers are randomised: what it
    says of the class is what Grad-CAM says.
    """

    name = "guided-grad-cam"
    title = "Guided Grad-CAM"
    summary = "guided backpropagation where Grad-CAM speaks for the target"
    reference = "Selvaraju et al. 2017, Grad-CAM, section 3.1"
    order = 16
    in_part = "inner"
    averaged = True
    needs_layer = True
    frameworks = GuidedBackprop.frameworks
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("absolute", "flag", False, "Magnitude only; off keeps the sign."),
        channel_option("max"),
    )

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:
        return 1 + GuidedBackprop().passes(shape, spacing, options)

    def steps(self, problem: Problem) -> Iterator[Step]:
        options = problem.options
        *_, where = GradCAM().steps(replace(problem, options={"relu": True}))
        product = problem.feeder.once(lambda: guided(problem)) * where.make_map()
        result = reduce_channels(product, options["channels"], absolute=options["absolute"])
        yield Step(1.0, lambda: result, problem.spatial_shape, where.notes)
