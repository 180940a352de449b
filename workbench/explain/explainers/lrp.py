"""Layer-wise relevance propagation, for networks on PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.explainers.saliency import channel_option, reduce_channels
from workbench.parameters import Parameter, by_name

#: Share of the score that may be missing, and of all relevance, which float32 rounds.
_TOLERANCE, _ROUNDING = 0.01, 1e-6
#: Share of the score that biases have before it is told.
_TOLD = 0.01


class LRP(Explainer):
    """The raw score, whatever `activation` is, shared out backwards from step to step in proportion.

    All that is linear shares out by the epsilon rule with an epsilon of nothing: convolutions, sums of two ways
    (residual networks), skip connections, pools, samplings. Functions of single values hand on what they have; of a
    product of two maps each has half, and gates and attention have none, but what they let through has all. Biases keep
    their share, which the notes tell. Whether the shares sum up to the score is looked at each time: a network with
    steps that have no rule is refused.
    """

    name = "lrp"
    title = "LRP"
    summary = "the score shared out backwards from step to step, in proportion"
    reference = (
        "Bach et al. 2015, On Pixel-Wise Explanations by Layer-Wise Relevance Propagation, equation 58; gates and "
        "attention as Arras et al. 2017 and Ali et al. 2022"
    )
    order = 25
    attribution = True
    frameworks = ("torch",)
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("absolute", "flag", False, "Magnitude only; off keeps the sign."),
        channel_option("sum"),
    )

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 3  # forward with more to keep, and backward

    def steps(self, problem: Problem) -> Iterator[Step]:
        options = problem.options
        attribution, notes = problem.feeder.once(lambda: _relevance(problem))
        result = reduce_channels(attribution, options["channels"], absolute=options["absolute"])
        yield Step(1.0, lambda: result, problem.spatial_shape, notes)


def _relevance(problem: Problem) -> tuple[Array, tuple[str, ...]]:
    """Return the relevance ``[channels, *spatial]``, and what is to be known of it.

    Raises
    ------
    InputError
        If it does not sum up to the score.
    """
    from workbench.frameworks.torch.relevance import propagate

    relevance, added, score = propagate(problem.module, problem.score, problem.input)
    found = float(relevance.sum(dtype=np.float64))
    # hardly by the relevance's own magnitude: where a step has no rule, it grows without bounds
    tolerance = _TOLERANCE * abs(score) + _ROUNDING * float(np.abs(relevance).sum(dtype=np.float64))
    if not abs(found + added - score) <= tolerance:
        raise InputError(
            "The method 'lrp' needs a network whose every step has a rule, got one with steps that have none (such as "
            f"maxima of sums of exponentials): of a score of {score:.4g}, relevance came to {found + added:.4g}. Take "
            "'deep-lift' or 'integrated-gradients'."
        )
    if abs(added) <= _TOLD * abs(score):
        return relevance[0], ()
    note = f"Of the score of {score:.4g}, the input has {found:.4g} and the network's biases have {added:.4g}."
    return relevance[0], (note,)
