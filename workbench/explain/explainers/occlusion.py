"""Occlusion: hide one window after the other and see how much of the score goes with it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.baselines import BLUR, HIDDEN, Baseline, Window, find_baseline, inpainted, local_mean
from workbench.explain.box import Box, inside
from workbench.parameters import Parameter, by_name

#: What is another baseline for each window, so that nothing is hidden by all of it.
_LOCAL: dict[Any, Callable[[Array, Window], Array]] = {"inpaint": inpainted, "local-mean": local_mean}


class Occlusion(Explainer):
    """*Unoccluded score minus occluded score*, averaged over all windows that cover a voxel.

    Windows start at every multiple of the stride until the border is reached, where they are clipped, so that
    every voxel is covered. They are done coarse to fine: an intermediate map shows, at voxels that no
    window covers yet, the value of the nearest covered one; the last map is exact.
    """

    name = "occlusion"
    title = "Occlusion"
    summary = "how much the score drops when a window is hidden"
    reference = "Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, section 4.2"
    order = 2
    supports_box = True
    options: ClassVar[Mapping[str, Parameter]] = by_name(
        Parameter("window", "number", None, "Size of the hidden window; an eighth of the grid if not given.",
                  low=1, unit="voxels of the network's grid", per_axis=True),
        Parameter("window_mm", "number", None, "Size of the hidden window, instead of window.",
                  above=0, unit="mm", per_axis=True),
        Parameter("stride", "number", None, "Step between windows; by default half the window in 2D, all of it in 3D.",
                  low=1, unit="voxels of the network's grid", per_axis=True),
        HIDDEN,
        BLUR,
        Parameter("batch_size", "integer", None, "Windows per pass; measured on the device if not given.", low=1),
    )  # fmt: skip

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:
        """Return options for a thumbnail."""
        return {
            "window": [max(1, -(-size // 4)) for size in shape],
            "stride": [max(1, -(-size // 4)) for size in shape],
        }

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:
        window = window_shape(options, shape, spacing)
        stride = _stride(options["stride"], window, shape)
        return 2 + math.prod(map(_count, shape, window, stride))

    def steps(self, problem: Problem) -> Iterator[Step]:
        windows, counts, stride = windows_of(problem)
        image = problem.input[0]

        def build(part: range) -> Array:
            inputs = np.repeat(problem.input, len(part), axis=0)
            for sample, index in enumerate(part):
                inputs[sample][(slice(None), *windows[index])] = hide(windows[index])
            return inputs

        unoccluded = problem.score_of(image)
        hide, baseline = hiding_of(problem, unoccluded)
        drops: list[float] = []
        total = np.zeros(problem.spatial_shape, np.float64)
        covered = np.zeros(problem.spatial_shape, np.int64)

        def current() -> Array:
            return _clip_to_box(_fill(total, covered), problem.box)

        for part, occluded in problem.feeder.map(len(windows), build, problem.scores):
            for index, score in zip(part, occluded, strict=True):
                drops.append(unoccluded - float(score))
                total[windows[index]] += drops[-1]
                covered[windows[index]] += 1
            if part.stop < len(windows):
                yield Step(part.stop / len(windows), current, counts, cell=stride)
        if baseline is None:
            yield Step(1.0, current, counts, _raised(drops), stride)
        else:
            yield Step(1.0, current, counts, baseline.notes, stride, baseline.score)


def windows_of(problem: Problem) -> tuple[list[Window], tuple[int, ...], tuple[int, ...]]:
    """Return the windows of a problem, coarse to fine, how many there are along each axis, and the step of each."""
    window = window_shape(problem.options, problem.spatial_shape, problem.spacing)
    stride = _stride(problem.options["stride"], window, problem.spatial_shape)
    return *list_windows(problem.spatial_shape, window, stride, problem.box), stride


def hiding_of(problem: Problem, of_input: float) -> tuple[Callable[[Window], Array], Baseline | None]:
    """Return what gives the values that hide a window, and the baseline that they are of, where it is one for all."""
    image, asked = problem.input[0], problem.options["baseline"]
    if isinstance(asked, str) and (local := _LOCAL.get(asked)):
        return lambda window: local(image, window), None
    found = find_baseline(problem, problem.options, of_input)
    return lambda window: found.image[(slice(None), *window)], found


def _raised(drops: list[float]) -> tuple[str, ...]:
    """Return a note where hiding adds to the score more than it takes away, in most windows and in all."""
    raised = sum(drop < 0 for drop in drops) / len(drops)
    if raised <= 0.5 or sum(drops) >= 0:
        return ()
    note = (
        f"Hiding raised the score in {raised:.0%} of the windows, and by more than it lowered it elsewhere: most of "
        "the input speaks against what is explained, or what hides it looks like it. Compare another baseline."
    )
    return (note,)


def window_shape(options: Mapping[str, Any], shape: tuple[int, ...], spacing: tuple[float, ...]) -> tuple[int, ...]:
    """Return the window in voxels of the network's grid, from `window`, `window_mm` or the default.

    Raises
    ------
    InputError
        If both are given, or the number of axes is wrong.
    """
    if options["window"] is not None and options["window_mm"] is not None:
        raise InputError("Give the window either in voxels (window=) or in mm (window_mm=), not both.")
    if options["window_mm"] is not None:
        extents = _per_axis(options["window_mm"], len(shape), "window_mm")
        wanted = [round(extent / size) for extent, size in zip(extents, spacing, strict=True)]
    elif options["window"] is not None:
        wanted = [round(extent) for extent in _per_axis(options["window"], len(shape), "window")]
    else:
        wanted = [round(size / 8) for size in shape]
    return tuple(int(np.clip(extent, 1, size)) for extent, size in zip(wanted, shape, strict=True))


def list_windows(
    shape: tuple[int, ...],
    window: tuple[int, ...],
    stride: tuple[int, ...],
    box: Box | None = None,
) -> tuple[list[Window], tuple[int, ...]]:
    """List the windows that touch the box, coarse to fine, and how many there are along each axis.

    A window at index ``i`` along an axis belongs to level ``n`` if ``2**n`` divides ``i``; a window's level is
    the lowest of its axes. Each level halves the distance between the windows done so far.
    """
    low, high = box or ((0,) * len(shape), shape)
    axes = []
    for size, width, step, start, stop in zip(shape, window, stride, low, high, strict=True):
        count = _count(size, width, step)
        axes.append([i for i in range(count) if i * step < stop and i * step + width > start])
    places = np.array(list(itertools.product(*axes)))
    origin = places.min(axis=0)
    level = np.stack([_power_of_two(places[:, axis] - origin[axis]) for axis in range(len(shape))]).min(axis=0)
    windows = [
        tuple(slice(i * s, min(i * s + w, n)) for i, s, w, n in zip(place, stride, window, shape, strict=True))
        for place in places[np.argsort(-level, kind="stable")].tolist()
    ]
    return windows, tuple(len(axis) for axis in axes)


def _count(size: int, width: int, step: int) -> int:
    """Return how many windows it takes to cover an axis."""
    return max(-(-(size - width) // step), 0) + 1


def _power_of_two(index: Array) -> Array:
    """Return how often 2 divides each index; 0 is divided for ever."""
    level = np.full(index.shape, 63)
    nonzero = index != 0
    level[nonzero] = np.log2(index[nonzero] & -index[nonzero]).astype(int)
    return level


def _per_axis(value: Any, ndim: int, name: str) -> list[float]:
    values = value if isinstance(value, list) else [value] * ndim
    if len(values) != ndim:
        raise InputError(f"{name} must be one number or one per spatial axis ({ndim}), but has {len(values)}.")
    return values


def _stride(value: Any, window: tuple[int, ...], shape: tuple[int, ...]) -> tuple[int, ...]:
    if value is None:  # a few hundred windows in either case
        return tuple(max(width // 2, 1) for width in window) if len(shape) == 2 else window
    stride = tuple(round(step) for step in _per_axis(value, len(window), "stride"))
    if any(step > width < size for step, width, size in zip(stride, window, shape, strict=True)):
        raise InputError(
            f"The stride must not be larger than the window, or voxels are left out, but stride is {stride} and "
            f"window is {window} voxels. Make the stride smaller or the window larger."
        )
    return tuple(min(step, width) for step, width in zip(stride, window, strict=True))


def _fill(total: Array, covered: Array) -> Array:
    """Average, and give voxels that no window covers yet the value of the nearest covered one."""
    mean = np.divide(total, covered, out=np.zeros_like(total), where=covered > 0)
    if covered.all() or not covered.any():
        return mean
    from scipy.ndimage import distance_transform_edt

    nearest = distance_transform_edt(covered == 0, return_distances=False, return_indices=True)
    filled: Array = mean[tuple(nearest)]
    return filled


def _clip_to_box(values: Array, box: Box | None) -> Array:
    if box is None:
        return values
    result = np.zeros_like(values)
    kept = inside(box)
    result[kept] = values[kept]
    return result
