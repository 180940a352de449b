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
from workbench.explain.baselines import BLUR, HIDDEN, OF_PART, Baseline, Window, find_baseline, inpainted, local_mean
from workbench.explain.box import Box, inside
from workbench.explain.explainers._lattice import Lattice, power_of_two
from workbench.explain.large.field import Field
from workbench.parameters import Parameter, by_name

#: What is another baseline for each window, so that nothing is hidden by all of it.
_LOCAL: dict[Any, Callable[[Array, Window], Array]] = {"inpaint": inpainted, "local-mean": local_mean}


class Occlusion(Explainer):
    """*Unoccluded score minus occluded score*, averaged over all windows that cover a voxel.

    Windows start at every multiple of the stride until the border is reached, where they are clipped, so that
    every voxel is covered. They are done coarse to fine, and then where the score varies: an intermediate map takes
    for a window that is not done yet what lies linearly between those that are; the last map is exact. A window that
    holds what would hide it already is not run, as it changes nothing.
    """

    name = "occlusion"
    title = "Occlusion"
    summary = "how much the score drops when a window is hidden"
    reference = "Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks, section 4.2"
    order = 2
    in_part = "same"
    end_to_end = True
    forward_only = True
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
        return 1 + math.prod(map(_count, shape, window, stride))

    def passes_in(self, field: Field, spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:
        window = window_shape(options, field.of, spacing)
        stride = _stride(options["stride"], window, field.of)
        return 1 + len(list_windows(field.of, window, stride, (field.start, field.stop))[0])

    def steps(self, problem: Problem) -> Iterator[Step]:
        windows, counts, stride = windows_of(problem)
        lattice = Lattice(counts)
        image = problem.input[0]
        unoccluded = problem.unchanged
        hide, baseline = hiding_of(problem, unoccluded)
        same = 0
        if baseline is not None:
            for index, one in enumerate(windows):
                if np.array_equal(image[(slice(None), *one)], hide(one)):
                    lattice.record(index, 0.0)
                    same += 1
        notes: tuple[str, ...] = (
            () if same == 0 else (f"{same} of {len(windows)} windows hold what hides them already: no passes.",)
        )
        batch = _Batch(problem.input, windows, hide)
        order: list[int] = []
        count = len(windows) - same

        def build(part: range) -> Array:
            # a batch that memory was too small for is asked for again, in parts: what was chosen stays
            if part.stop > len(order):
                order.extend(lattice.choose(part.stop - len(order)))
            return batch.fill(order[part.start : part.stop])

        def current() -> Array:
            return _clip_to_box(_averaged(lattice.estimate(), windows, problem.spatial_shape), problem.box)

        for part, occluded in problem.feeder.map(count, build, problem.scores):
            for index, score in zip(order[part.start : part.stop], occluded, strict=True):
                lattice.record(index, unoccluded - float(score))
            if part.stop < count:
                yield Step(part.stop / count, current, counts, cell=stride)
        if baseline is None:
            notes += _raised(lattice.estimate()) + (OF_PART,) * (problem.field is not None)
            yield Step(1.0, current, counts, notes, stride)
        else:
            yield Step(1.0, current, counts, (*notes, *baseline.notes), stride, baseline.score)


class _Batch:
    """Copies of an input of which each has another window hidden; what was hidden before is written back."""

    def __init__(self, batch: Array, windows: list[Window], hide: Callable[[Window], Array]) -> None:
        self._input, self._windows, self._hide = batch, windows, hide
        self._buffer = np.empty((0, *batch.shape[1:]), batch.dtype)
        self._hidden: list[int] = []

    def fill(self, indices: list[int]) -> Array:
        """Return the input with these windows hidden, ``[len(indices), channels, *spatial]``, until the next call."""
        if len(indices) > len(self._buffer):
            self._buffer, self._hidden = np.repeat(self._input, len(indices), axis=0), []
        for sample, index in enumerate(self._hidden):
            place = (slice(None), *self._windows[index])
            self._buffer[sample][place] = self._input[0][place]
        for sample, index in enumerate(indices):
            window = self._windows[index]
            self._buffer[sample][(slice(None), *window)] = self._hide(window)
        self._hidden = list(indices)
        return self._buffer[: len(indices)]


def _moved(problem: Problem, start: tuple[int, ...] | None) -> Box | None:
    """Return the box that is wanted, in voxels of the whole input."""
    if start is None:
        return problem.box
    corners = problem.box or ((0,) * len(start), problem.spatial_shape)
    low, high = (tuple(a + n for a, n in zip(start, corner, strict=True)) for corner in corners)
    return low, high


def _cut(window: Window, start: tuple[int, ...], shape: tuple[int, ...]) -> Window:
    """Return what of a window of the whole input lies in a part of it, in voxels of the part."""
    parts = zip(window, start, shape, strict=True)
    return tuple(slice(max(0, part.start - a), min(n, part.stop - a)) for part, a, n in parts)


def windows_of(problem: Problem) -> tuple[list[Window], tuple[int, ...], tuple[int, ...]]:
    """Return the windows of a problem in the order of space, how many there are along each axis, and the step of each.

    They are those of the whole input, of which the problem may hold a part.
    """
    field = problem.field
    whole = problem.spatial_shape if field is None else field.of
    window = window_shape(problem.options, whole, problem.spacing)
    stride = _stride(problem.options["stride"], window, whole)
    windows, counts = list_windows(whole, window, stride, _moved(problem, None if field is None else field.start))
    windows = sorted(windows, key=lambda one: tuple(part.start for part in one))
    if field is not None:
        windows = [_cut(one, field.start, problem.spatial_shape) for one in windows]
    return windows, counts, stride


def hiding_of(problem: Problem, of_input: float) -> tuple[Callable[[Window], Array], Baseline | None]:
    """Return what gives the values that hide a window, and the baseline that they are of, where it is one for all."""
    image, asked = problem.input[0], problem.options["baseline"]
    if isinstance(asked, str) and (local := _LOCAL.get(asked)):
        return lambda window: local(image, window), None
    found = find_baseline(problem, problem.options, of_input)
    return lambda window: found.image[(slice(None), *window)], found


def _raised(drops: Array) -> tuple[str, ...]:
    """Return a note where hiding adds to the score more than it takes away, in most windows and in all."""
    raised = float((drops < 0).mean())
    if raised <= 0.5 or drops.sum() >= 0:
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
    level = np.stack([power_of_two(places[:, axis] - origin[axis]) for axis in range(len(shape))]).min(axis=0)
    windows = [
        tuple(slice(i * s, min(i * s + w, n)) for i, s, w, n in zip(place, stride, window, shape, strict=True))
        for place in places[np.argsort(-level, kind="stable")].tolist()
    ]
    return windows, tuple(len(axis) for axis in axes)


def _count(size: int, width: int, step: int) -> int:
    """Return how many windows it takes to cover an axis."""
    return max(-(-(size - width) // step), 0) + 1


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


def _averaged(drops: Array, windows: list[Window], shape: tuple[int, ...]) -> Array:
    """Return the mean of all windows that cover a voxel."""
    total, covered = np.zeros(shape, np.float64), np.zeros(shape, np.int64)
    for window, drop in zip(windows, drops.ravel().tolist(), strict=True):
        total[window] += drop
        covered[window] += 1
    return np.divide(total, covered, out=total, where=covered > 0)


def _clip_to_box(values: Array, box: Box | None) -> Array:
    if box is None:
        return values
    result = np.zeros_like(values)
    kept = inside(box)
    result[kept] = values[kept]
    return result
