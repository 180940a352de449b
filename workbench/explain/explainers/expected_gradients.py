"""Expected gradients and GradientSHAP: integrated gradients from many baselines, one random point on each way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.baselines import BaselineParameter, baseline_like, image_of
from workbench.explain.cases import Case
from workbench.explain.explainers._sampling import SEED, Mean, generator, samples_option
from workbench.explain.explainers.saliency import channel_option, reduce_channels
from workbench.parameters import Parameter, by_name

_BASELINES = ("blur", "noise", "constant")


class ExpectedGradients(Explainer):
    """The mean of *gradient at a random point between a baseline and the input, times their difference*.

    Baselines are drawn from the input itself. "blur" is the input blurred by a deviation drawn evenly between half and
    twice `blur`: it looks most like an image. "noise" has the mean and deviation of each channel and no structure;
    "constant" is one value of each channel's range, drawn evenly. Or they are drawn from other cases. The map sums up
    to the score minus the mean score of the baselines, but for the standard error that the notes tell.
    """

    name = "expected-gradients"
    title = "Expected gradients"
    summary = "integrated gradients averaged over baselines that are drawn at random"
    reference = "Erion et al. 2021, Improving performance of deep learning models with axiomatic attribution priors"
    order = 17
    attribution = True
    end_to_end = True
    sampled = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        samples_option(32),
        BaselineParameter("baselines", "choice", "blur", "How a baseline is drawn.", choices=_BASELINES,
                          also="another case as a Volume, or a list of several of these to draw from"),
        Parameter("blur", "number", 8.0, "Standard deviation about which baselines 'blur' are drawn.",
                  low=0, unit="voxels"),
        SEED,
        Parameter("absolute", "flag", False, "Magnitude only; off keeps the sign."),
        channel_option("sum"),
        Parameter("batch_size", "integer", None, "Samples per pass; measured on the device if not given.", low=1),
    )  # fmt: skip

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return options for a thumbnail."""
        return {"samples": 6}

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return int(options["samples"])

    def steps(self, problem: Problem) -> Iterator[Step]:
        options, samples = problem.options, problem.options["samples"]
        cases, notes = _cases(problem)
        mean = Mean(problem.input.shape[1:])
        ways: dict[int, Array] = {}  # from the baseline to the input, of the samples that are under way

        def build(part: range) -> Array:
            points = []
            for index in part:
                start, end, share = _draw(problem.input[0], options, generator(options["seed"], index), cases)
                ways[index] = end - start
                points.append(start + share * ways[index])
            return np.asarray(points, np.float32)

        def current() -> Array:
            return reduce_channels(mean.value, options["channels"], absolute=options["absolute"])

        for part, gradients in problem.feeder.map(samples, build, problem.gradients):
            for index, gradient in zip(part, gradients, strict=True):
                mean.add(ways.pop(index) * gradient)
            if part.stop < samples:
                yield Step(part.stop / samples, current, problem.spatial_shape)
        scores = [problem.score_of(image) for image in cases.values()]
        of_baselines = float(np.mean(scores)) if len(scores) == len(_listed(options["baselines"])) else None
        notes, error = (*notes, mean.note()), mean.average_error
        yield Step(1.0, current, problem.spatial_shape, notes, None, of_baselines, error)


class GradientShap(ExpectedGradients):
    """Expected gradients of the input with a little noise, as the SHAP family has them.

    Baselines are drawn as those of expected gradients are.
    """

    name = "gradient-shap"
    title = "GradientSHAP"
    summary = "expected gradients of noisy copies of the input"
    reference = "Lundberg and Lee 2017, A Unified Approach to Interpreting Model Predictions; as in Captum"
    order = 18
    options: ClassVar[Mapping[str, Parameter]] = {
        **by_name(
            Parameter("noise", "number", 0.05, "Standard deviation of the noise, as a share of the range.", low=0)
        ),
        **ExpectedGradients.options,
    }


def _listed(asked: Any) -> list[Any]:
    return asked if isinstance(asked, list) else [asked]


def _cases(problem: Problem) -> tuple[dict[str, Array], tuple[str, ...]]:
    """Return the other cases to draw from by fingerprint, as the network sees them, and what is to be known of them."""
    images: dict[str, Array] = {}
    known: list[str] = []
    for case in _listed(problem.options["baselines"]):
        if isinstance(case, Case):
            images[str(case["fingerprint"])], notes = image_of(problem, case)
            known += notes
    return images, tuple(known)


def _draw(
    image: Array, options: Mapping[str, Any], rng: np.random.Generator, cases: Mapping[str, Array]
) -> tuple[Array, Array, float]:
    """Return a baseline, the end of the way from it, and how far on it to go."""
    share = float(rng.uniform())
    end = image + rng.normal(0, options.get("noise", 0) * float(np.ptp(image)), image.shape)
    among = _listed(options["baselines"])
    kind = among[int(rng.integers(len(among)))] if len(among) > 1 else among[0]
    if isinstance(kind, Case):
        return cases[str(kind["fingerprint"])], end, share
    if kind == "blur":
        return baseline_like(image, "blur", options["blur"] * float(rng.uniform(0.5, 2))), end, share
    spatial, one_each = tuple(range(1, image.ndim)), (len(image),) + (1,) * (image.ndim - 1)
    if kind == "noise":
        middle, spread = image.mean(axis=spatial, keepdims=True), image.std(axis=spatial, keepdims=True)
        return middle + spread * rng.normal(size=image.shape), end, share
    low, high = image.min(axis=spatial, keepdims=True), image.max(axis=spatial, keepdims=True)
    return np.broadcast_to(low + (high - low) * rng.uniform(size=one_each), image.shape), end, share
