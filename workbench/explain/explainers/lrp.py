"""Layer-wise relevance propagation, through Captum, for networks on PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.explainers.saliency import channel_option, reduce_channels
from workbench.parameters import Parameter, by_name

#: Share of the score that relevance may differ by, where nothing but the rule's epsilon is lost.
_TOLERANCE = 0.01


class LRP(Explainer):
    """The raw score, whatever `activation` is, shared out backwards from layer to layer by the epsilon rule.

    It has rules for networks that are a chain of modules: convolutions, linear layers, evaluation-mode batch norms,
    pools, rectifiers, tanh. Sums of two ways (residual and U-shaped networks), products and attention have none.
    Whether relevance is kept is tried on a copy without biases, which take a share of it for themselves: where it is
    not, the network is refused.
    """

    name = "lrp"
    title = "LRP"
    summary = "the score shared out backwards from layer to layer; for networks that are one chain of modules"
    reference = "Bach et al. 2015, On Pixel-Wise Explanations by Layer-Wise Relevance Propagation, equation 58"
    order = 25
    attribution = True
    frameworks = ("torch",)
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("absolute", "flag", False, "Magnitude only; off keeps the sign."),
        channel_option("sum"),
    )

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 6  # forward twice and backward, and once more of the copy without biases

    def steps(self, problem: Problem) -> Iterator[Step]:
        options = problem.options
        attribution = problem.feeder.once(lambda: _relevance(problem))
        result = reduce_channels(attribution, options["channels"], absolute=options["absolute"])
        yield Step(1.0, lambda: result, problem.spatial_shape)


def _relevance(problem: Problem) -> Array:
    """Return the relevance ``[channels, *spatial]``."""
    from workbench.frameworks.torch.relevance import propagate

    with warnings.catch_warnings():
        # Captum says that it sets hooks and will remove them
        warnings.filterwarnings("ignore", message=r"\s*Setting (forward, )?backward hooks", category=UserWarning)
        plain, score = propagate(problem.module, problem.score, problem.input, biases=False)
        # not by the relevance's own magnitude: where sums of two ways have no rule, it grows without bounds
        if not abs(float(plain.sum(dtype=np.float64)) - score) <= _TOLERANCE * abs(score):
            raise InputError(
                "The method 'lrp' needs a network that is one chain of modules, got one that adds, multiplies, attends "
                f"or cancels out: of a score of {score:.4g}, relevance came to {plain.sum():.4g}. Take 'deep-lift' or "
                "'integrated-gradients'."
            )
        return np.asarray(propagate(problem.module, problem.score, problem.input)[0][0])
