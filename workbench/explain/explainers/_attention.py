"""Where a transformer's attention is to be found, and which token stands for which part of the input."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.resize import resize_linear

#: What a module is called that hands on the attention ``[n, heads, queries, keys]``: of tokens to tokens; and where a
#: decoder asks with learnt queries, of these to one another, and to the tokens.
_TYPE, _QUERIES, _CROSS = "AttentionWeights", "QueryAttentionWeights", "CrossAttentionWeights"


def attention_layers(framework: Any, module: Any) -> dict[str, str]:
    """Return the layers that hand on attention and their types, in the order in which they run."""
    kinds = (_TYPE, _QUERIES, _CROSS)
    return {info.name: info.type for info in framework.layers(module) if info.type in kinds}


class Flow:
    """How much each token, and each query of a decoder, counts for each, as layer after layer of attention is met.

    The rules are those of Chefer, Gur and Wolf 2021, equations 5, 6 and 10 (its normalisation left out).

    Parameters
    ----------
    halved : bool
        Whether half of what a layer gives is what the token keeps, as in a rollout, and not one and the same again.

    Attributes
    ----------
    tokens, queries : ndarray
        ``[tokens, tokens]``, ``[queries, queries]``.
    found : ndarray or None
        ``[queries, tokens]``, where there is a decoder.
    """

    def __init__(self, halved: bool) -> None:
        self._halved = halved
        self.tokens = np.zeros((0, 0))
        self.queries = np.zeros((0, 0))
        self.found: Array | None = None

    def add(self, kind: str, attention: Array) -> None:
        """Take another layer's attention ``[queries, keys]``, or what of it counts."""
        if kind == _TYPE:
            self.tokens = self._through(attention, self.tokens)
        elif kind == _QUERIES:
            self.queries = self._through(attention, self.queries)
            if self.found is not None:
                self.found = self._through(attention, self.found)
        else:
            self.queries = self.queries if self.queries.size else np.eye(len(attention))
            seen = self.queries.T @ (attention @ (self.tokens if self.tokens.size else np.eye(attention.shape[1])))
            self.found = seen if self.found is None else self.found + seen

    def _through(self, attention: Array, before: Array) -> Array:
        before = before if before.size else np.eye(len(attention))
        after = before + attention @ before
        return after / 2 if self._halved else after


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
    def relevance(self, problem: Problem, layers: dict[str, str]) -> tuple[Flow, Array]:
        """Return how much each token counts for each, and which rows are asked: tokens, or a decoder's queries."""

    def step(self, problem: Problem) -> Step:
        """Return the map."""
        layers = attention_layers(problem.framework, problem.module)
        if not layers:
            raise InputError(f"{self.title} needs a layer of the type {_TYPE}, got a network without.")
        flow, asked = self.relevance(problem, layers)
        decoded = flow.found is not None
        relevance = flow.tokens if flow.found is None else flow.found
        first, grid = patch_grid(relevance.shape[1], problem.spatial_shape, class_token=not decoded)
        of_tokens = slice(first) if first and asked[0] else slice(first, None)
        rows = relevance[asked if decoded else of_tokens]
        native = rows[:, first:].mean(axis=0).reshape(grid) if len(rows) else np.zeros(grid)
        return Step(1.0, lambda: resize_linear(native, problem.spatial_shape), grid)


def patch_grid(tokens: int, shape: tuple[int, ...], *, class_token: bool = True) -> tuple[int, tuple[int, ...]]:
    """Return how many tokens come before those of the patches, 0 or 1, and how many patches there are along each axis.

    Parameters
    ----------
    class_token : bool
        Whether one may come before the patches. Where none can, tokens may be the cells of a feature map too, of which
        the last may reach beyond the input.

    Raises
    ------
    InputError
        If no patches with equal sides make so many tokens.
    """
    for first in (1, 0) if class_token else (0,):
        for side in range(1, (min if class_token else max)(shape) + 1):
            grid = tuple(-(-size // side) for size in shape)
            whole = not class_token or not any(size % side for size in shape)
            if whole and int(np.prod(grid)) == tokens - first:
                return first, grid
    raise InputError(
        f"The tokens of attention must be patches with equal sides of an input of {shape} voxels, after a class token "
        f"or without, got {tokens}. Take a method that looks at inputs and outputs alone, such as 'occlusion'."
    )
