"""TS-CAM: the class activation map of a transformer's patches, where its class token looks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.explainers._attention import attention_layers, patch_grid
from workbench.explain.explainers.cam import last_map
from workbench.explain.resize import resize_linear


class TSCAM(Explainer):
    """The map of the patches whose mean is the raw score, times the attention of the class token to each patch.

    The attention is the mean over heads and layers, as in the paper; it is the same for every target, and the map of
    the patches is not. Signs are kept, and nothing is stretched to 0 to 1.
    """

    name = "ts-cam"
    title = "TS-CAM"
    summary = "the class activation map of a transformer's patches, where its class token looks"
    reference = "Gao et al. 2021, TS-CAM: Token Semantic Coupled Attention Map, equations 5 and 6"
    order = 24.5

    def misfit(self, model: Any) -> str:
        """Return why the method is not for a model, by the kinds of its layers; running it tells the rest."""
        if reason := super().misfit(model):
            return reason
        if not attention_layers(model.framework, model.module):
            return "the network shows no attention"
        kinds = [info.type for info in model.framework.layers(model.module) if info.leaf]
        weighing = [kind for kind in kinds if "Conv" in kind or kind == "Linear"]
        if "Conv" in weighing[-1] and not any("Transpose" in kind for kind in weighing):
            return ""
        return "the network does not end in a convolution over its patches and their mean"

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Any) -> int:  # noqa: ARG002
        return 5

    def steps(self, problem: Problem) -> Iterator[Step]:
        semantic = problem.feeder.once(lambda: last_map(problem))
        attention = _of_class_token(problem)
        if attention.shape != semantic.shape:
            raise InputError(
                f"TS-CAM needs a map of the patches that attention tells apart, {attention.shape}, got one of "
                f"{semantic.shape}. Take 'gradient-x-attention'."
            )
        native = semantic * attention
        yield Step(1.0, lambda: resize_linear(native, problem.spatial_shape), native.shape)


def _of_class_token(problem: Problem) -> Array:
    """Return what the class token attends to ``[*patches]``, the mean over heads and layers."""
    layers = attention_layers(problem.framework, problem.module)
    captured = problem.feeder.once(lambda: problem.framework.capture(problem.module, list(layers), problem.input))
    attention = np.mean([captured[layer][0].mean(axis=0, dtype=np.float64) for layer in layers], axis=0)
    first, grid = patch_grid(len(attention), problem.spatial_shape)
    if not first:
        raise InputError(
            f"TS-CAM needs a network with a class token before its patches, got one with patches {grid} alone. Take "
            "'gradient-x-attention'."
        )
    return np.asarray(attention[0, first:].reshape(grid))
