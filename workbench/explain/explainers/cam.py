"""CAM: the class activation map of a network that ends in global average pooling and one linear layer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.resize import resize_linear
from workbench.parameters import Parameter, by_name

_HEAD = "global average pooling and one linear layer"
#: How many layers are tried from the last one backwards: a block of several is found by its output.
_TRIED = 16
_TOLERANCE = 1e-4


class CAM(Explainer):
    """The channels of the last map, each weighted with its weight in the linear layer after global average pooling.

    The map is found by what such a head does: the raw score's gradient is the same in all cells of a channel, and the
    same for every input. So the mean of this map is the raw score without its bias, whatever `activation` is.
    """

    name = "cam"
    title = "CAM"
    summary = "the last map's channels weighted as the linear head weights them; for networks that have one"
    reference = "Zhou et al. 2016, Learning Deep Features for Discriminative Localization, equation 2"
    order = 22
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("relu", "flag", False, "Keep only what speaks for the target; off keeps both signs.")
    )

    def misfit(self, model: Any) -> str:
        """Return why the method is not for a model, by the kinds of its layers; running it tells the rest."""
        if reason := super().misfit(model):
            return reason
        kinds = [info.type for info in model.framework.layers(model.module) if info.leaf]
        weighing = [kind for kind in kinds if "Conv" in kind or kind == "Linear"]
        if weighing and weighing[-1] == "Linear":
            return ""
        return f"the network does not end in {_HEAD}"

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        return 4

    def steps(self, problem: Problem) -> Iterator[Step]:
        native = problem.feeder.once(lambda: last_map(problem))
        if problem.options["relu"]:
            native = np.maximum(native, 0)
        yield Step(1.0, lambda: resize_linear(native, problem.spatial_shape), native.shape)


def last_map(problem: Problem) -> Array:
    """Return the map whose mean is the raw score without its bias.

    Raises
    ------
    InputError
        If there is none.
    """
    tried, silent = 0, None
    for info in reversed(problem.framework.layers(problem.module)):
        found = _looked_at(problem, info.name, problem.input)
        if found is None:
            continue
        activation, gradient = found
        if not np.any(gradient):  # the score does not come by this map, or the class by any
            silent = np.zeros(activation.shape[1:]) if silent is None else silent
            continue
        weights = gradient.mean(axis=tuple(range(1, gradient.ndim)), keepdims=True)
        if _same(gradient, weights):
            other = _looked_at(problem, info.name, np.zeros_like(problem.input))
            if other is not None and _same(other[1], weights):
                return np.asarray((activation * weights).sum(axis=0) * activation[0].size)
        tried += 1
        if tried == _TRIED:
            break
    if silent is not None and not tried:
        return silent
    raise InputError(
        f"The method 'cam' needs a network that ends in {_HEAD}, got one whose score is no such sum of its last maps. "
        "Take 'grad-cam', which is the same where there is one."
    )


def _looked_at(problem: Problem, layer: str, inputs: Array) -> tuple[Array, Array] | None:
    """Return a layer's output and gradient ``[channels, *spatial]``; None if it is no map of several cells."""
    score = replace(problem.score, activation="none")
    try:
        _, activation, gradient = problem.framework.layer_gradient(problem.module, layer, inputs, score)
    except InputError:  # it did not run, or gives no tensor
        return None
    if np.ndim(activation) != problem.input.ndim or max(activation.shape[2:]) == 1:
        return None
    return activation[0].astype(np.float64), gradient[0].astype(np.float64)


def _same(gradient: Array, weights: Array) -> bool:
    return bool(np.abs(gradient - weights).max() <= _TOLERANCE * np.abs(weights).max())
