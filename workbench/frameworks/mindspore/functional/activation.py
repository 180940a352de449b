"""Activations, linear maps and dropout as functions with torch's arguments."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import ops
from mindspore.ops import operations as P

from workbench.frameworks.mindspore._static import chosen
from workbench.frameworks.mindspore.random import generator

_MATMUL_T = P.MatMul(transpose_b=True)
# The gradients of these are quicker on a CPU than those of `+` and `-` where one side is broadcast.
_ADD_BIAS, _SUBTRACT = P.BiasAdd(), P.Sub()
_SQRT_HALF = math.sqrt(0.5)


def relu(x: Any, inplace: bool = False) -> Any:  # noqa: ARG001
    return ops.relu(x)


def relu6(x: Any, inplace: bool = False) -> Any:  # noqa: ARG001
    return ops.clamp(x, 0.0, 6.0)


def leaky_relu(x: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:  # noqa: ARG001
    # as a sum, since the gradient of the operator takes twice as long on a CPU
    return ops.relu(x) * (1.0 - negative_slope) + x * negative_slope


def prelu(x: Any, weight: Any) -> Any:
    return ops.prelu(x, weight)


def elu(x: Any, alpha: float = 1.0, inplace: bool = False) -> Any:  # noqa: ARG001
    if alpha == 1.0:
        return ops.elu(x, 1.0)
    # the kernel takes alpha 1 only
    return ops.relu(x) + alpha * (ops.exp(ops.minimum(x, 0.0)) - 1.0)


def gelu(x: Any, approximate: str = "none") -> Any:
    if chosen(approximate, ("none", "tanh"), "approximation of GELU") == "tanh":
        return ops.gelu(x, "tanh")
    # the operator takes twice as long on a CPU
    return x * (ops.erf(x * _SQRT_HALF) * 0.5 + 0.5)


def silu(x: Any, inplace: bool = False) -> Any:  # noqa: ARG001
    return x * ops.sigmoid(x)


def mish(x: Any, inplace: bool = False) -> Any:  # noqa: ARG001
    return ops.mish(x)


def hardswish(x: Any, inplace: bool = False) -> Any:  # noqa: ARG001
    return x * ops.clamp(x + 3.0, 0.0, 6.0) / 6.0


def softplus(x: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    scaled = x * beta
    smooth = ops.log1p(ops.exp(ops.minimum(scaled, threshold))) / beta
    return ops.where(scaled > threshold, x, smooth)


def logsigmoid(x: Any) -> Any:
    return ops.minimum(x, 0.0) - ops.log1p(ops.exp(-ops.abs(x)))


def sigmoid(x: Any) -> Any:
    return ops.sigmoid(x)


def tanh(x: Any) -> Any:
    return ops.tanh(x)


def softmax(x: Any, dim: int) -> Any:
    return ops.softmax(x, dim)


def log_softmax(x: Any, dim: int) -> Any:
    logits, total = exponentials(x, dim)
    return _SUBTRACT(logits, ops.log(total))


def exponentials(x: Any, dim: int) -> tuple[Any, Any]:
    """Return what a softmax is made of: the logits less the largest along an axis, and the sum of their exponentials.

    The softmax kernels of a CPU are quick along the last axis only, and classes are seldom there.
    """
    shifted = _SUBTRACT(x, ops.stop_gradient(ops.amax(x, dim, keepdims=True)))
    return shifted, ops.exp(shifted).sum(dim, keepdims=True)


def linear(x: Any, weight: Any, bias: Any = None) -> Any:
    shape = x.shape
    y = _MATMUL_T(x if x.ndim == 2 else x.reshape(-1, shape[-1]), weight)
    if bias is not None:
        y = _ADD_BIAS(y, bias)
    return y if len(shape) == 2 else y.reshape(*shape[:-1], y.shape[-1])


def embedding(x: Any, weight: Any) -> Any:
    return ops.gather(weight, x, 0)


def normalize(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    if p == 2.0:
        length = ops.sqrt((x * x).sum(dim, keepdims=True))
    else:
        length = (ops.abs(x) ** p).sum(dim, keepdims=True) ** (1.0 / p)
    return x / ops.maximum(length, eps)


def mask_logits(logits: Any, mask: Any) -> Any:
    """Return attention logits with a mask: added where it holds numbers, minus infinity where it is True."""
    if mask.dtype == ms.bool_:
        return ops.where(mask, ms.Tensor(np.float32(-np.inf)), logits)
    return logits + mask


def _kept(shape: Any, p: float, by_channel: bool) -> Any:
    if by_channel:
        shape = shape[:2] + (1,) * (len(shape) - 2)
    kept = (generator().random(shape, dtype=np.float32) >= p).astype(np.float32) / np.float32(1.0 - p)
    return ms.Tensor(kept)


def random_drop(x: Any, p: float, training: bool, by_channel: bool = False) -> Any:
    """Set values (or whole channels) to zero with probability `p`, and scale the rest by ``1 / (1 - p)``."""
    if not training or p == 0.0:
        return x
    if p == 1.0:
        return x * 0.0
    return x * _kept(x.shape, p, by_channel)


def dropout(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:  # noqa: ARG001
    return random_drop(x, p, training)


def dropout2d(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:  # noqa: ARG001
    return random_drop(x, p, training, by_channel=True)


def dropout3d(x: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:  # noqa: ARG001
    return random_drop(x, p, training, by_channel=True)
