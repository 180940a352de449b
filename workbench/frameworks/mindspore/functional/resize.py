"""Resizing, padding and sampling with torch's arguments."""

from __future__ import annotations

import math
from typing import Any

from mindspore import ops

from workbench.errors import InputError, choose
from workbench.frameworks.mindspore._static import some, static
from workbench.frameworks.mindspore.functional.pooling import adaptive_pool

_LINEAR = ("linear", "bilinear", "trilinear")  # the bicubic kernel gives other values than torch's


@static
def _resized(spatial: Any, size: Any, scale_factor: Any, mode: str, by_sizes: bool) -> tuple[int, ...]:
    choose(mode, ("nearest", "area", *_LINEAR), "interpolation mode")
    if (size is None) == (scale_factor is None):
        raise InputError("F.interpolate takes either size or scale_factor.")
    if size is None:
        factors = (scale_factor,) * len(spatial) if isinstance(scale_factor, (int, float)) else tuple(scale_factor)
        exact = [extent * factor for extent, factor in zip(spatial, factors, strict=True)]
        wanted = tuple(math.floor(value) for value in exact)
        if not by_sizes and any(a != b for a, b in zip(exact, wanted, strict=True)):
            raise InputError(
                f"scale_factor={scale_factor} does not give a whole size for {tuple(spatial)}. Give the size instead."
            )
    else:
        wanted = (size,) * len(spatial) if isinstance(size, int) else tuple(int(value) for value in size)
    return wanted


def interpolate(
    x: Any,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
) -> Any:
    """Resize the spatial axes to `size`, or by `scale_factor`.

    Raises
    ------
    InputError
        If a scale factor gives a size that is not whole: torch then samples by the factor, MindSpore by the sizes.
    """
    spatial = x.shape[2:]
    wanted = _resized(spatial, size, scale_factor, mode, bool(align_corners or recompute_scale_factor))
    if wanted == spatial:
        return x
    if mode == "area":
        return adaptive_pool(x, len(spatial), wanted, "avg")
    if mode == "nearest":
        factors = _repeats(spatial, wanted)
        return ops.interpolate(x, size=wanted, mode="nearest") if factors is None else _repeated(x, factors)
    return ops.interpolate(x, size=wanted, mode=mode, align_corners=bool(align_corners))


@static
def _repeats(spatial: Any, wanted: Any) -> tuple[int, ...] | None:
    """Return how often each value comes along each axis, or None where that is no whole number."""
    if any(after % before for before, after in zip(spatial, wanted, strict=True)):
        return None
    return tuple(after // before for before, after in zip(spatial, wanted, strict=True))


def _repeated(x: Any, factors: tuple[int, ...]) -> Any:
    # the gradient of the resizing kernel takes three times as long on a CPU
    for index in range(len(factors)):
        if factors[index] > 1:
            axis = index + 2
            shape = x.shape
            size = (*shape[:axis], factors[index] * shape[axis], *shape[axis + 1 :])
            x = ops.stack([x] * factors[index], axis + 1).reshape(size)
    return x


@static
def _crop(shape: Any, pad: Any, mode: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the first index and the extent of what negative padding leaves along each axis."""
    choose(mode, ("constant", "reflect", "replicate"), "padding mode")
    begin, extent = [0] * len(shape), list(shape)
    for index in range(len(pad) // 2):
        axis = len(shape) - 1 - index
        before, after = min(pad[2 * index], 0), min(pad[2 * index + 1], 0)
        begin[axis] = -before
        extent[axis] += before + after
    return tuple(begin), tuple(extent)


@static
def _grow(pad: Any) -> list[int]:
    return [max(int(entry), 0) for entry in pad]


def pad(x: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Pad the last axes; `pad` lists (before, after) from the last axis backwards, negative values crop."""
    begin, extent = _crop(x.shape, pad, mode)
    if extent != x.shape:
        x = ops.slice(x, begin, extent)
    pads = _grow(pad)
    if not some(pads):
        return x
    if mode == "constant":
        return ops.pad(x, pads, mode="constant", value=0.0 if value is None else value)
    return ops.pad(x, pads, mode=mode)


def grid_sample(
    x: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    return ops.grid_sample(x, grid, mode, padding_mode, bool(align_corners))
