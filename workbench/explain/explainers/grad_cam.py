"""Maps made from a layer's activation and the score's gradient there: Grad-CAM and its kin, in 2D and 3D."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.explainers._attention import attention_layers
from workbench.explain.resize import resize_linear
from workbench.parameters import Parameter, by_name

_NAMES_SHOWN = 5


class LayerExplainer(Explainer):
    """A map combined from one layer's activation and gradient, enlarged linearly to the network's grid."""

    needs_layer = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("relu", "flag", True, "Keep only what speaks for the target; off keeps both signs.")
    )

    @abstractmethod
    def combine(self, activation: Array, gradient: Array) -> Array:
        """Combine ``[channels, *spatial]`` activation and gradient to ``[*spatial]``, both float64."""

    def steps(self, problem: Problem) -> Iterator[Step]:
        layer = self.layer_of(problem)
        _, activation, gradient = problem.feeder.once(
            lambda: problem.framework.layer_gradient(problem.module, layer, problem.input, problem.score)
        )
        activation = self.spatial(activation, layer, problem)
        native = self.combine(activation[0].astype(np.float64), gradient[0].astype(np.float64))
        yield self.step(1.0, native, layer, problem)

    def layer_of(self, problem: Problem) -> str:
        """Return the layer that is asked for.

        Raises
        ------
        InputError
            If there is none.
        """
        if problem.layer is None:
            raise InputError(f"{self.title} needs a layer.")
        return problem.layer

    def spatial(self, activation: Array, layer: str, problem: Problem) -> Array:
        """Return what a layer puts out, if that is a map.

        Raises
        ------
        InputError
            If it is not; the message names layers that have one.
        """
        if not _is_spatial(activation, problem, layer):
            raise InputError(
                f"{self.title} needs a layer with a map over the {len(problem.spatial_shape)} spatial axes, but "
                f"{layer!r} gives an array of shape {tuple(np.shape(activation))}. {_usable_layers(problem)}"
            )
        return activation

    def step(self, fraction: float, native: Array, layer: str, problem: Problem) -> Step:
        """Return a step of a map ``[*spatial]`` of the layer, with what is to be said of it."""
        notes = []
        if max(native.shape) == 1:
            notes.append(
                f"The map of layer {layer!r} is a single cell, so the explanation is the same everywhere. "
                "Choose an earlier layer."
            )
        if problem.options["relu"]:
            if native.max() <= 0:
                notes.append(
                    f"Nothing in layer {layer!r} speaks for the target: the map is zero. See relu=False for what "
                    "speaks against it."
                )
            native = np.maximum(native, 0)
        return Step(fraction, lambda: resize_linear(native, problem.spatial_shape), native.shape, tuple(notes))


def _is_spatial(activation: object, problem: Problem, layer: str) -> bool:
    # attention has as many axes as a picture, but they are heads, queries and keys
    attention = layer in attention_layers(problem.framework, problem.module)
    return isinstance(activation, np.ndarray) and activation.ndim == problem.input.ndim and not attention


def _usable_layers(problem: Problem) -> str:
    """Find out, from the last layer backwards, which ones have a map; only an error pays for this."""
    found: list[str] = []
    for info in reversed(problem.framework.layers(problem.module)):
        try:
            activation = problem.framework.layer_gradient(problem.module, info.name, problem.input, problem.score)[1]
        except (ValueError, RuntimeError, TypeError):  # a layer that the score does not depend on, or that has no array
            continue
        if _is_spatial(activation, problem, info.name) and max(activation.shape[2:]) > 1:
            found.append(info.name)
        if len(found) == _NAMES_SHOWN:
            break
    if not found:
        return "No layer of this network has one."
    return f"The last layers that have one: {', '.join(map(repr, found))}."


class GradCAM(LayerExplainer):
    """Channels of a layer, each weighted with the mean of its gradient."""

    name = "grad-cam"
    title = "Grad-CAM"
    summary = "a layer's channels weighted with their mean gradient"
    reference = "Selvaraju et al. 2017, Grad-CAM, equations 1 and 2"
    order = 1
    in_part = "inner"
    averaged = True

    def combine(self, activation: Array, gradient: Array) -> Array:
        weights = gradient.reshape(len(gradient), -1).mean(axis=1)
        return np.tensordot(weights, activation, axes=1)


class HiResCAM(LayerExplainer):
    """Activation times gradient, cell by cell: exact where the layers after it are linear."""

    name = "hires-cam"
    title = "HiResCAM"
    summary = "a layer's activation times its gradient, cell by cell"
    reference = "Draelos and Carin 2021, Use HiResCAM instead of Grad-CAM, equation 3"
    order = 5
    in_part = "same"

    def combine(self, activation: Array, gradient: Array) -> Array:
        product: Array = (activation * gradient).sum(axis=0)
        return product


class LayerCAM(LayerExplainer):
    """Activation weighted, cell by cell, with the positive part of the gradient."""

    name = "layer-cam"
    title = "LayerCAM"
    summary = "a layer's activation times the positive part of its gradient"
    reference = "Jiang et al. 2021, LayerCAM, equations 6 and 7"
    order = 6
    in_part = "same"

    def combine(self, activation: Array, gradient: Array) -> Array:
        product: Array = (activation * np.maximum(gradient, 0)).sum(axis=0)
        return product


class GradCAMPlusPlus(LayerExplainer):
    """Grad-CAM with channel weights that count every place where a channel speaks for the target."""

    name = "grad-cam++"
    title = "Grad-CAM++"
    summary = "Grad-CAM with weights from higher powers of the gradient"
    reference = "Chattopadhay et al. 2018, Grad-CAM++, with the exponential of the score"
    order = 4

    def combine(self, activation: Array, gradient: Array) -> Array:
        spatial = tuple(range(1, activation.ndim))
        below = 2 * gradient**2 + activation.sum(axis=spatial, keepdims=True) * gradient**3
        alpha = np.divide(gradient**2, below, out=np.zeros_like(gradient), where=below != 0)
        weights = (alpha * np.maximum(gradient, 0)).sum(axis=spatial)
        return np.tensordot(weights, activation, axes=1)
