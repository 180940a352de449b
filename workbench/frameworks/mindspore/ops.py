"""The `ops` that networks and losses are given on MindSpore: the functions of the ``torch`` namespace they may use."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import ops as _ops

from workbench.frameworks.mindspore import autograd
from workbench.frameworks.mindspore._einsum import einsum
from workbench.frameworks.mindspore._static import static
from workbench.frameworks.mindspore.functional.activation import log_softmax, relu, sigmoid, softmax, tanh

float32 = ms.float32
float64 = ms.float64
float16 = ms.float16
int32 = ms.int32
int64 = ms.int64
long = ms.int64
bool = ms.bool_
Tensor = ms.Tensor

exp, log, sqrt, abs = _ops.exp, _ops.log, _ops.sqrt, _ops.abs
log1p, sin, cos, atan, erf = _ops.log1p, _ops.sin, _ops.cos, _ops.atan, _ops.erf
floor, round, sign = _ops.floor, _ops.round, _ops.sign
matmul, bmm, pow, minimum, maximum = _ops.matmul, _ops.bmm, _ops.pow, _ops.minimum, _ops.maximum
isfinite, isnan, logical_and, logical_or, logical_not = (
    _ops.isfinite,
    _ops.isnan,
    _ops.logical_and,
    _ops.logical_or,
    _ops.logical_not,
)

__all__ = ["autograd", "einsum", "log_softmax", "relu", "sigmoid", "softmax", "tanh"]


# a process has one MindSpore device, so where torch must be told the device there is nothing to tell: `device` is taken
# and not looked at


@static
def _shape(size: Any) -> tuple[int, ...]:
    return tuple(size[0]) if len(size) == 1 and isinstance(size[0], (tuple, list)) else tuple(size)


def tensor(data: Any, dtype: Any = None, device: Any = None) -> Any:  # noqa: ARG001
    return _constant(data, dtype)


@static
def _constant(data: Any, dtype: Any) -> Any:
    array = np.asarray(data)
    if dtype is None and array.dtype == np.float64:
        dtype = ms.float32
    return ms.Tensor(array, dtype=dtype)


def zeros(*size: Any, dtype: Any = None, device: Any = None) -> Any:  # noqa: ARG001
    return _ops.zeros(_shape(size), ms.float32 if dtype is None else dtype)


def ones(*size: Any, dtype: Any = None, device: Any = None) -> Any:  # noqa: ARG001
    return _ops.ones(_shape(size), ms.float32 if dtype is None else dtype)


def full(size: Sequence[int], fill_value: float, dtype: Any = None, device: Any = None) -> Any:  # noqa: ARG001
    return _ops.full(tuple(size), fill_value, dtype=ms.float32 if dtype is None else dtype)


def zeros_like(x: Any, dtype: Any = None) -> Any:
    return _ops.zeros_like(x, dtype=dtype)


def ones_like(x: Any, dtype: Any = None) -> Any:
    return _ops.ones_like(x, dtype=dtype)


def arange(start: Any, end: Any = None, step: Any = 1, dtype: Any = None, device: Any = None) -> Any:  # noqa: ARG001
    return _range(start, end, step, dtype)


@static
def _range(start: Any, end: Any, step: Any, dtype: Any) -> Any:
    return _constant(np.arange(start) if end is None else np.arange(start, end, step), dtype)


def linspace(start: float, end: float, steps: int, dtype: Any = None, device: Any = None) -> Any:  # noqa: ARG001
    return _spaced(start, end, steps, dtype)


@static
def _spaced(start: float, end: float, steps: int, dtype: Any) -> Any:
    return _constant(np.linspace(start, end, steps), dtype)


def meshgrid(*tensors: Any, indexing: str = "ij") -> Any:
    if len(tensors) == 1 and isinstance(tensors[0], (tuple, list)):
        return _ops.meshgrid(*tensors[0], indexing=indexing)
    return _ops.meshgrid(*tensors, indexing=indexing)


def cat(tensors: Sequence[Any], dim: int = 0) -> Any:
    return _ops.cat(tuple(tensors), dim)


def stack(tensors: Sequence[Any], dim: int = 0) -> Any:
    return _ops.stack(tuple(tensors), dim)


def split(x: Any, split_size_or_sections: Any, dim: int = 0) -> Any:
    return _ops.split(x, split_size_or_sections, dim)


def chunk(x: Any, chunks: int, dim: int = 0) -> Any:
    return _ops.chunk(x, chunks, dim)


def flatten(x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    return x.flatten(start_dim, end_dim)


def reshape(x: Any, shape: Sequence[int]) -> Any:
    return x.reshape(tuple(shape))


def permute(x: Any, dims: Sequence[int]) -> Any:
    return _ops.transpose(x, tuple(dims))


def transpose(x: Any, dim0: int, dim1: int) -> Any:
    return x.swapaxes(dim0, dim1)


def unsqueeze(x: Any, dim: int) -> Any:
    return x.unsqueeze(dim)


def squeeze(x: Any, dim: int) -> Any:
    return x.squeeze(dim)


def flip(x: Any, dims: Sequence[int]) -> Any:
    return _ops.flip(x, tuple(dims))


def roll(x: Any, shifts: Any, dims: Any) -> Any:
    # built from slices: the CPU has no kernel for it
    for dim, cut, rest in _cuts(x.shape, shifts, dims):
        head, tail = _ops.split(x, [cut, rest], dim)
        x = _ops.cat((tail, head), dim)
    return x


@static
def _cuts(shape: Any, shifts: Any, dims: Any) -> tuple[tuple[int, int, int], ...]:
    if isinstance(dims, int):
        shifts, dims = (shifts,), (dims,)
    cuts = [(dim, -shift % shape[dim], shape[dim]) for shift, dim in zip(shifts, dims, strict=True)]
    return tuple((dim, cut, extent - cut) for dim, cut, extent in cuts if cut)


def clamp(x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002
    return _ops.clamp(x, min, max)


def where(condition: Any, x: Any, y: Any) -> Any:
    return _ops.where(condition, x, y)


def detach(x: Any) -> Any:
    return _ops.stop_gradient(x)


@static
def _axes(ndim: int, dim: Any) -> Any:
    return tuple(range(ndim)) if dim is None else (tuple(dim) if isinstance(dim, list) else dim)


@static
def _count(shape: Any, axes: Any) -> int:
    return math.prod(shape[axis] for axis in ((axes,) if isinstance(axes, int) else axes))


def sum(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    if x.dtype == ms.bool_:
        x = x.astype(ms.int64)
    return x.sum(_axes(x.ndim, dim), keepdims=keepdim)


def mean(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return x.mean(_axes(x.ndim, dim), keep_dims=keepdim)


def var(x: Any, dim: Any = None, *, correction: int = 1, keepdim: Any = False) -> Any:
    axes = _axes(x.ndim, dim)
    centred = x - x.mean(axes, keep_dims=True)
    return (centred * centred).sum(axes, keepdims=keepdim) / (_count(x.shape, axes) - correction)


def std(x: Any, dim: Any = None, *, correction: int = 1, keepdim: Any = False) -> Any:
    return _ops.sqrt(var(x, dim, correction=correction, keepdim=keepdim))


def amax(x: Any, dim: Any = (), keepdim: Any = False) -> Any:
    return _ops.amax(x, None if dim == () else _axes(x.ndim, dim), keepdims=keepdim)


def amin(x: Any, dim: Any = (), keepdim: Any = False) -> Any:
    return _ops.amin(x, None if dim == () else _axes(x.ndim, dim), keepdims=keepdim)


def max(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return _ops.amax(x) if dim is None else _ops.max(x, dim, keepdim)


def min(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return _ops.amin(x) if dim is None else _ops.min(x, dim, keepdim)


def argmax(x: Any, dim: Any = None, keepdim: Any = False) -> Any:
    return _ops.argmax(x, dim, keepdim)


def cumsum(x: Any, dim: int) -> Any:
    return _ops.cumsum(x, dim)


def topk(x: Any, k: int, dim: int = -1) -> Any:
    return _ops.topk(x, k, dim)


def logsumexp(x: Any, dim: Any, keepdim: Any = False) -> Any:
    highest = _ops.stop_gradient(_ops.amax(x, dim, keepdims=True))
    total = _ops.log(_ops.exp(x - highest).sum(dim, keepdims=True)) + highest
    return total if keepdim else total.squeeze(dim)


def gather(x: Any, dim: int, index: Any) -> Any:
    return _ops.gather_elements(x, dim, index)
