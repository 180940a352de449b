"""Pooling with torch's arguments."""

from __future__ import annotations

from typing import Any

from mindspore import ops
from mindspore.ops import operations as P

from workbench.errors import InputError
from workbench.frameworks.mindspore._static import each, some, static, twice


@static
def _undilated(ndim: int, spread: Any) -> bool:
    if ndim == 3 and set(spread) != {1}:
        raise InputError(f"On MindSpore a 3D max pool needs dilation 1, got {tuple(spread)}.")
    return set(spread) == {1}


@static
def _adapted(spatial: Any, output_size: Any) -> tuple[int, ...]:
    wanted = output_size if isinstance(output_size, (tuple, list)) else (output_size,) * len(spatial)
    return tuple(have if value is None else int(value) for have, value in zip(spatial, wanted, strict=True))


def max_pool(
    x: Any,
    ndim: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Any:
    """Return the largest value of each window; padding counts as minus infinity."""
    kernel, pads = each(kernel_size, ndim), each(padding, ndim)
    steps = kernel if stride is None else each(stride, ndim)
    spread = each(dilation, ndim)
    undilated = _undilated(ndim, spread)
    plain = undilated and not some(pads) and not ceil_mode
    if ndim == 2 and plain:
        return P.MaxPool(kernel, steps, "valid")(x)
    if ndim == 2 and not undilated:
        return ops.max_pool2d(x, kernel, steps, pads, spread, False, ceil_mode)
    if ndim == 3:
        return _max_pool_of_volumes(x, kernel, steps, pads, ceil_mode)
    # a plane is a volume of depth one: the gradient of the padded 2D kernel takes a hundred times as long on a CPU
    return _max_pool_of_volumes(x.unsqueeze(2), (1, *kernel), (1, *steps), (0, *pads), ceil_mode).squeeze(2)


def _max_pool_of_volumes(x: Any, kernel: Any, steps: Any, pads: Any, ceil_mode: bool) -> Any:
    if not some(pads) and not ceil_mode:
        return P.MaxPool3D(kernel, steps, "valid")(x)
    return P.MaxPool3D(kernel, steps, "pad", twice(pads), ceil_mode)(x)


def avg_pool(
    x: Any,
    ndim: int,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    """Return the mean of each window."""
    kernel, pads = each(kernel_size, ndim), each(padding, ndim)
    steps = kernel if stride is None else each(stride, ndim)
    if ndim == 2 and not some(pads) and not ceil_mode and divisor_override is None:
        return P.AvgPool(kernel, steps, "valid")(x)
    around, over = twice(pads), divisor_override or 0
    if ndim == 2:
        # the padded 2D kernel is missing on CPU; a plane is a volume of depth one
        kernel, steps, around = (1, *kernel), (1, *steps), (0, 0, *around)
        x = x.unsqueeze(2)
    y = P.AvgPool3D(kernel, steps, "pad", around, ceil_mode, count_include_pad, over)(x)
    return y.squeeze(2) if ndim == 2 else y


def adaptive_pool(x: Any, ndim: int, output_size: Any, kind: str) -> Any:
    """Pool to a given size; None in it keeps an axis."""
    size = _adapted(x.shape[2:], output_size)
    axes = (2,) if ndim == 1 else ((2, 3) if ndim == 2 else (2, 3, 4))
    if size == (1,) * ndim:
        return x.mean(axes, keep_dims=True) if kind == "avg" else ops.amax(x, axes, keepdims=True)
    if kind == "avg":
        if ndim == 1:
            return ops.adaptive_avg_pool2d(x.unsqueeze(2), (1, *size)).squeeze(2)
        return ops.adaptive_avg_pool2d(x, size) if ndim == 2 else ops.adaptive_avg_pool3d(x, size)
    return ops.adaptive_max_pool2d(x, size) if ndim == 2 else ops.adaptive_max_pool3d(x, size)


def max_pool2d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    return max_pool(x, 2, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    x: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Any:
    return max_pool(x, 3, kernel_size, stride, padding, dilation, ceil_mode)


def avg_pool2d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    return avg_pool(x, 2, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    x: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Any:
    return avg_pool(x, 3, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def adaptive_avg_pool1d(x: Any, output_size: Any) -> Any:
    return adaptive_pool(x, 1, output_size, "avg")


def adaptive_avg_pool2d(x: Any, output_size: Any) -> Any:
    return adaptive_pool(x, 2, output_size, "avg")


def adaptive_avg_pool3d(x: Any, output_size: Any) -> Any:
    return adaptive_pool(x, 3, output_size, "avg")


def adaptive_max_pool2d(x: Any, output_size: Any) -> Any:
    return adaptive_pool(x, 2, output_size, "max")


def adaptive_max_pool3d(x: Any, output_size: Any) -> Any:
    return adaptive_pool(x, 3, output_size, "max")
