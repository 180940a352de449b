"""Losses with torch's arguments and reductions."""

from __future__ import annotations

from typing import Any

import mindspore as ms
from mindspore import ops

from workbench.frameworks.mindspore._static import chosen
from workbench.frameworks.mindspore.functional.activation import exponentials, log_softmax


def _reduce(values: Any, reduction: str) -> Any:
    chosen(reduction, ("mean", "sum", "none"), "reduction")
    if reduction == "mean":
        return values.mean()
    return values.sum() if reduction == "sum" else values


def _weighted(losses: Any, weights: Any, reduction: str) -> Any:
    return losses.sum() / weights.sum() if reduction == "mean" else _reduce(losses, reduction)


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
    classes = x.shape[1]
    if target.shape == x.shape:
        smooth = target * (1.0 - label_smoothing) + label_smoothing / classes if label_smoothing else target
        losses = -_weighted_sum(smooth * log_softmax(x, 1), weight)
        return _reduce(losses, reduction)
    label, valid, weights = _labels(target, weight, ignore_index)
    shifted, total = exponentials(x, 1)
    # the logarithms of all classes would only be made to pick one of them
    losses = (ops.log(total).squeeze(1) - _own(shifted, label)) * weights
    if label_smoothing:
        spread = -_weighted_sum(shifted - ops.log(total), weight) * valid
        losses = (1.0 - label_smoothing) * losses + (label_smoothing / classes) * spread
    return _weighted(losses, weights, reduction)


def nll_loss(x: Any, target: Any, weight: Any = None, *, ignore_index: int = -100, reduction: str = "mean") -> Any:
    """Negative log likelihood of log probabilities ``[n, c, *spatial]``."""
    chosen(reduction, ("mean", "sum", "none"), "reduction")
    label, _, weights = _labels(target, weight, ignore_index)
    losses = -_own(x, label) * weights
    return _weighted(losses, weights, reduction)


def _labels(target: Any, weight: Any, ignore_index: int) -> tuple[Any, Any, Any]:
    """Return the class of each place (0 where it is to be ignored), 1 where it counts, and by how much it counts."""
    valid = (target != ignore_index).astype(ms.float32)
    label = ops.where(target == ignore_index, ops.zeros_like(target), target).astype(ms.int32)
    return label, valid, valid if weight is None else ops.gather(weight, label, 0) * valid


def _own(x: Any, label: Any) -> Any:
    """Return the value of each place's own class."""
    return ops.gather_elements(x, 1, label.unsqueeze(1)).squeeze(1)


def _weighted_sum(x: Any, weight: Any) -> Any:
    """Return the sum over classes, each times its weight."""
    return (x if weight is None else x * weight.reshape((1, -1) + (1,) * (x.ndim - 2))).sum(1)


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
