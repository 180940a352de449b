"""Methods that Captum provides, for networks on PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.baselines import BASELINE, BLUR, find_baseline
from workbench.explain.explainers._completeness import incomplete
from workbench.explain.explainers.saliency import channel_option, reduce_channels
from workbench.parameters import Parameter, by_name

if TYPE_CHECKING:
    from workbench.frameworks.torch.stepwise import Rule, Stepwise

_WHY = (
    "the network has steps that DeepLIFT has no rule for (attention, softmax, products of two maps, normalisation by "
    "the input's own statistics), where the gradient stood in. The sum of 'integrated-gradients' nears the difference "
    "with the number of points."
)


class DeepLift(Explainer):
    """What each voxel adds to *score of the input minus score of the baseline*, by the rescale rule.

    Each non-linear step passes on *difference of its outputs over difference of its inputs* instead of its gradient,
    so that saturated steps count too. Where a network has steps without a rule (attention, products of two maps,
    normalisation by the input's own statistics), the gradient is used there, and the map's notes say how much of the
    difference is missing.
    """

    name = "deep-lift"
    title = "DeepLIFT"
    summary = "differences from a baseline, carried back through every step"
    reference = "Shrikumar, Greenside, Kundaje 2017, DeepLIFT, rescale rule; as in Captum, Ancona et al. 2018"
    order = 9
    attribution = True
    in_part = "same"
    frameworks = ("torch",)
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        BASELINE,
        BLUR,
        Parameter("absolute", "flag", False, "Magnitude only; off keeps the sign."),
        channel_option("sum"),
    )

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 5  # three to find the steps, and input and baseline at once

    def steps(self, problem: Problem) -> Iterator[Step]:
        options = problem.options
        of_input = problem.unchanged
        baseline = find_baseline(problem, options, of_input)
        attribution, scores = problem.feeder.once(lambda: _deep_lift(problem, baseline.image[None]))
        result = reduce_channels(attribution, options["channels"], absolute=options["absolute"])
        notes = incomplete(attribution, float(scores[0]), float(scores[1]), _WHY) + baseline.notes
        yield Step(1.0, lambda: result, problem.spatial_shape, notes, baseline_score=baseline.score)


class GuidedBackprop(Explainer):
    """The gradient, of which every rectifier passes on only what is positive: sharp, and less faithful than it looks.

    Maps of this method change little when the last layers are randomised (Adebayo et al. 2018, Sanity Checks for
    Saliency Maps): they show what the network can see more than what it decides by.
    """

    name = "guided-backprop"
    title = "Guided backpropagation"
    summary = "the gradient without what rectifiers pass on as negative; sharp edges, weakly tied to the class"
    reference = "Springenberg et al. 2015, Striving for Simplicity, section 3.4"
    order = 10
    in_part = "same"
    frameworks = ("torch",)
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("absolute", "flag", True, "Magnitude only; off keeps the sign."),
        channel_option("max"),
    )

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 4

    def steps(self, problem: Problem) -> Iterator[Step]:
        options = problem.options
        attribution = problem.feeder.once(lambda: guided(problem))
        result = reduce_channels(attribution, options["channels"], absolute=options["absolute"])
        yield Step(1.0, lambda: result, problem.spatial_shape)


def _deep_lift(problem: Problem, baseline: Array) -> tuple[Array, Array]:
    """Return the contributions ``[channels, *spatial]``, and the scores of input and baseline."""
    from captum.attr import DeepLift as Captum

    def rule(network: Stepwise, inputs: Any, other: Any) -> Any:
        return Captum(network).attribute(inputs, other)

    return _by_rule(problem, rule, baseline)


def guided(problem: Problem) -> Array:
    from captum.attr import GuidedBackprop as Captum

    def rule(network: Stepwise, inputs: Any, _other: Any) -> Any:
        if not network.replaced:
            raise InputError(
                "Guided backpropagation changes how a network's rectifiers (ReLU) pass on a gradient, but this network "
                "has none: its map would be the plain gradient. Take 'saliency'."
            )
        return Captum(network).attribute(inputs)

    return _by_rule(problem, rule, problem.input, relu_only=True)[0]


def _by_rule(problem: Problem, rule: Rule, baseline: Array, *, relu_only: bool = False) -> tuple[Array, Array]:
    from workbench.frameworks.torch.stepwise import attribute

    with warnings.catch_warnings():
        # Captum says that it sets hooks and will remove them
        warnings.filterwarnings("ignore", message=r"\s*Setting (forward, )?backward hooks", category=UserWarning)
        found, scores = attribute(problem.module, problem.score, problem.input, baseline, rule, relu_only=relu_only)
    return found[0], scores
