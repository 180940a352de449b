"""A first, coarse map of a large input: the same method, shown an input of larger voxels."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench._arrays import Array
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.large.pieces import Spread
from workbench.explain.several import steps_of
from workbench.frameworks import LinearScore
from workbench.transforms.prepared import empty

if TYPE_CHECKING:
    from workbench.explain.large.looking import Look
    from workbench.volume import Volume

#: Voxels from which one pass of a large network takes so long that a coarse map is wanted first; and how many the
#: coarse input has at most, about.
_LARGE, _COARSE = 1 << 20, 1 << 16
#: So long the coarse map is refined; then the exact one begins.
_SECONDS = 6.0
#: What is said to be done meanwhile.
_BEGUN = 1e-3


def coarse_steps(look: Look, problem: Problem, explainer: Explainer, feeder: Any) -> Iterator[Step]:
    """Yield maps of a coarse input, for a few seconds; nothing where the input is no large one, or is given whole.

    What a network answers for larger voxels is not what it answers for the input: such a map is a first look, and none
    of it is left in the exact one.

    Parameters
    ----------
    feeder : callable
        Makes the `Feeder` for inputs of a shape.
    """
    shape = problem.spatial_shape
    if look.field.kind == "whole" or int(np.prod(shape)) < _LARGE:
        return
    multiple, minimum = look.model.algorithm.sizes(look.model.config)
    factor = 2
    while int(np.prod([-(-n // factor) for n in shape])) > _COARSE:
        factor *= 2
    sizes = [max(minimum, -(-n // (factor * multiple)) * multiple) for n in shape]
    score = _coarse_score(problem.score, shape, sizes, factor)
    if score is None:
        return
    image = np.stack([_means(channel, sizes, factor, mode="edge") for channel in problem.input[0]])[np.newaxis]
    coarse = dataclasses.replace(
        problem, framework=look.model.framework, input=image, score=score, feeder=feeder(image.shape[1:]),
        spacing=tuple(factor * s for s in problem.spacing), field=None, box=None, grid=_grid(problem, sizes, factor),
    )  # fmt: skip
    note = f"A first look, at voxels {factor} times as large: not what the network makes of the input itself."
    share = factor ** len(shape) if explainer.is_attribution(problem.options) else 1
    ended = time.monotonic() + _SECONDS
    for step in steps_of(explainer, coarse):
        made = step.make_map

        def enlarged(made: Any = made) -> Array:
            values = np.asarray(made(), np.float32)
            for axis in range(values.ndim):
                values = np.repeat(values, factor, axis)
            # shares are spread over the voxels that a coarse one stands for
            return values[tuple(map(slice, shape))] / np.float32(share)

        yield Step(_BEGUN, enlarged, step.native_shape, (note,))
        if time.monotonic() > ended:
            return


def _grid(problem: Problem, sizes: list[int], factor: int) -> Volume | None:
    """Return the grid of the coarse input, whose voxels hold `factor` ones of the input along each axis."""
    if problem.grid is None:
        return None
    larger = np.eye(4)
    for axis in range(len(sizes)):
        larger[axis, axis], larger[axis, 3] = factor, (factor - 1) / 2
    return empty(problem.grid.affine @ larger, sizes)


def _coarse_score(score: Any, shape: tuple[int, ...], sizes: list[int], factor: int) -> LinearScore | None:
    if isinstance(score, Spread):
        mask = _means(score.mask, sizes, factor)
        return dataclasses.replace(score, mask=mask, total=float(mask.sum())).within(((0,) * len(sizes), mask.shape))
    weights = np.asarray(score.weights)
    if weights.shape[1:] != shape or score.plus:
        return None
    # as many outputs as before, in sum
    pooled = np.stack([_means(channel, sizes, factor) for channel in weights]) * np.float32(factor ** len(shape))
    return LinearScore(pooled, score.output, score.activation)


def _means(values: Array, sizes: list[int], factor: int, mode: Any = "constant") -> Array:
    """Return the mean of each block of voxels, of an array that is continued to so many blocks."""
    result = np.asarray(values, np.float32)
    for axis, size in enumerate(sizes):
        width = [(0, size * factor - result.shape[a] if a == axis else 0) for a in range(result.ndim)]
        padded = np.pad(result, width, mode=mode) if width[axis][1] else result
        blocks = padded.reshape(*padded.shape[:axis], size, factor, *padded.shape[axis + 1 :])
        result = blocks.mean(axis=axis + 1, dtype=np.float32)
    return result
