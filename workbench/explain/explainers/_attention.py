"""Where a transformer's attention is to be found, and which token stands for which part of the input."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.resize import resize_linear

#: What a module is called that hands on the attention ``[n, heads, queries, keys]``.
_TYPE = "AttentionWeights"


def attention_layers(framework: Any, module: Any) -> list[str]:
    """Return the layers that hand on attention, in the order in which they run."""
    return [info.name for info in framework.layers(module) if info.type == _TYPE]


class AttentionExplainer(Explainer):
    """A map made of the attention of all of a network's layers, of its patches."""

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Any) -> int:  # noqa: ARG002
        return 1

    def misfit(self, model: Any) -> str:
        """Return why the method is not for a model."""
        if reason := super().misfit(model):
            return reason
        if attention_layers(model.framework, model.module):
            return ""
        return f"the network shows no attention: it has no layer of the type {_TYPE}"

    @abstractmethod
    def relevance(self, problem: Problem, layers: list[str]) -> tuple[Array, bool]:
        """Return how much each token counts for each, ``[tokens, tokens]``, and whether the class token is asked."""

    def step(self, problem: Problem) -> Step:
        """Return the map."""
        layers = attention_layers(problem.framework, problem.module)
        if not layers:
            raise InputError(f"{self.title} needs a layer of the type {_TYPE}, got a network without.")
        relevance, of_class = self.relevance(problem, layers)
        first, grid = patch_grid(len(relevance), problem.spatial_shape)
        rows = relevance[:first] if first and of_class else relevance[first:]
        native = rows[:, first:].mean(axis=0).reshape(grid)
        return Step(1.0, lambda: resize_linear(native, problem.spatial_shape), grid)


def patch_grid(tokens: int, shape: tuple[int, ...]) -> tuple[int, tuple[int, ...]]:
    """Return how many tokens come before those of the patches, 0 or 1, and how many patches there are along each axis.

    Raises
    ------
    InputError
        If no patches with equal sides make so many tokens.
    """
    for first in (1, 0):
        for side in range(1, min(shape) + 1):
            grid = tuple(size // side for size in shape)
            if not any(size % side for size in shape) and int(np.prod(grid)) == tokens - first:
                return first, grid
    raise InputError(
        f"The tokens of attention must be patches with equal sides of an input of {shape} voxels, after a class token "
        f"or without, got {tokens}. Take a method that looks at inputs and outputs alone, such as 'occlusion'."
    )
