"""Losses with torch's arguments and reductions."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import ops

from workbench.frameworks.mindspore._static import chosen
from workbench.frameworks.mindspore.functional.activation import log_softmax


def _reduce(values: Any, reduction: str) -> Any:
    chosen(reduction, ("mean", "sum", "none"), "reduction")
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values


def cross_entropy(
    x: Any,
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """Softmax cross entropy of logits ``[n, c, *spatial]`` with class numbers ``[n, *spatial]`` or probabilities."""
    chosen(reduction, ("mean", "sum", "none"), "reduction")
    logs = log_softmax(x, 1)
    classes = x.shape[1]
    per_class = None if weight is None else weight.reshape((1, classes) + (1,) * (x.ndim - 2))
    if target.shape == x.shape:
        smooth = target * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else target
        losses = -(smooth * (logs if per_class is None else logs * per_class)).sum(1)
        if reduction == "mean":
            return losses.sum() / (losses.numel())
        return _reduce(losses, reduction)
    return _indexed(logs, target, per_class, ignore_index, reduction, label_smoothing)


def nll_loss(x: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Negative log likelihood of log probabilities ``[n, c, *spatial]``."""
    per_class = None if weight is None else weight.reshape((1, x.shape[1]) + (1,) * (x.ndim - 2))
    return _indexed(x, target, per_class, ignore_index, chosen(reduction, ("mean", "sum", "none"), "reduction"), 0.0)


def _indexed(logs: Any, target: Any, per_class: Any, ignore_index: int, reduction: str, smoothing: float) -> Any:
    valid = (target != ignore_index).astype(ms.float32)
    safe = ops.where(target == ignore_index, ops.zeros_like(target), target).astype(ms.int32).unsqueeze(1)
    weights = valid
    if per_class is not None:
        weights = ops.gather_elements(ops.broadcast_to(per_class, logs.shape), 1, safe).squeeze(1) * valid
    losses = -ops.gather_elements(logs, 1, safe).squeeze(1) * weights
    if smoothing:
        spread = -(logs if per_class is None else logs * per_class).sum(1) * valid
        losses = (1.0 - smoothing) * losses + (smoothing / logs.shape[1]) * spread
    if reduction == "mean":
        return losses.sum() / weights.sum()
    return _reduce(losses, reduction)


def binary_cross_entropy_with_logits(
    x: Any, target: Any, weight: Any = None, *, reduction: str = "mean", pos_weight: Any = None
) -> Any:
    # log(1 + exp(-|x|)) cannot overflow, unlike the definition
    tail = ops.log1p(ops.exp(-ops.abs(x)))
    if pos_weight is None:
        losses = ops.maximum(x, 0.0) - x * target + tail
    else:
        losses = (1.0 - target) * x + (1.0 + (pos_weight - 1.0) * target) * (tail + ops.maximum(-x, 0.0))
    return _reduce(losses if weight is None else losses * weight, reduction)


def binary_cross_entropy(x: Any, target: Any, weight: Any = None, *, reduction: str = "mean") -> Any:
    # torch clamps the logarithms at -100
    losses = -(target * ops.maximum(ops.log(x), -100.0) + (1.0 - target) * ops.maximum(ops.log(1.0 - x), -100.0))
    return _reduce(losses if weight is None else losses * weight, reduction)


def mse_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _reduce((x - target) * (x - target), reduction)


def l1_loss(x: Any, target: Any, *, reduction: str = "mean") -> Any:
    return _reduce(ops.abs(x - target), reduction)


def smooth_l1_loss(x: Any, target: Any, *, reduction: str = "mean", beta: float = 1.0) -> Any:
    distance = ops.abs(x - target)
    if beta == 0.0:
        return _reduce(distance, reduction)
    return _reduce(ops.where(distance < beta, 0.5 * distance * distance / beta, distance - 0.5 * beta), reduction)


def one_hot(x: Any, num_classes: int = -1) -> Any:
    depth = int(x.max().asnumpy()) + 1 if num_classes == -1 else num_classes
    # as in torch: integers, class axis last
    return ops.one_hot(x.astype(ms.int32), depth, ms.Tensor(1.0), ms.Tensor(0.0), -1).astype(ms.int64)
