"""`nn.init`: initial values drawn as torch draws them (the same distributions, not the same numbers)."""

from __future__ import annotations

import math
from typing import Any

import mindspore as ms
import numpy as np

from workbench._arrays import Array
from workbench.errors import choose
from workbench.frameworks.mindspore.random import generator

_GAINS = {"linear": 1.0, "conv": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}


def uniform(shape: tuple[int, ...], low: float, high: float) -> ms.Tensor:
    """Return a new float32 tensor, uniform in [low, high)."""
    return ms.Tensor(generator().uniform(low, high, shape).astype(np.float32))


def default_weight(shape: tuple[int, ...]) -> ms.Tensor:
    """Return torch's default weights of convolutions and linear layers: kaiming_uniform with a = sqrt(5)."""
    bound = 1 / math.sqrt(math.prod(shape[1:]))
    return uniform(shape, -bound, bound)


def default_bias(count: int, fan_in: int) -> ms.Tensor:
    """Return torch's default bias of convolutions and linear layers: uniform within 1 / sqrt(fan_in)."""
    bound = 1 / math.sqrt(fan_in) if fan_in else 0.0
    return uniform((count,), -bound, bound)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity.startswith("conv"):
        return 1.0
    return _GAINS[choose(nonlinearity, [*_GAINS, "leaky_relu"], "nonlinearity")]


def _fans(tensor: Any) -> tuple[int, int]:
    receptive = math.prod(tensor.shape[2:])
    return tensor.shape[1] * receptive, tensor.shape[0] * receptive


def _put(tensor: Any, values: Array) -> Any:
    tensor.set_data(ms.Tensor(values.astype(np.float32)))
    return tensor


def _fan(tensor: Any, mode: str) -> int:
    return _fans(tensor)[("fan_in", "fan_out").index(choose(mode, ("fan_in", "fan_out"), "mode"))]


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0) -> Any:
    return _put(tensor, generator().uniform(a, b, tensor.shape))


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0) -> Any:
    return _put(tensor, generator().normal(mean, std, tensor.shape))


def trunc_normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0) -> Any:
    values = generator().normal(mean, std, tensor.shape)
    while (outside := (values < a) | (values > b)).any():
        values[outside] = generator().normal(mean, std, int(outside.sum()))
    return _put(tensor, values)


def constant_(tensor: Any, val: float) -> Any:
    return _put(tensor, np.full(tensor.shape, val))


def zeros_(tensor: Any) -> Any:
    return constant_(tensor, 0.0)


def ones_(tensor: Any) -> Any:
    return constant_(tensor, 1.0)


def kaiming_uniform_(tensor: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Any:
    bound = calculate_gain(nonlinearity, a) * math.sqrt(3 / _fan(tensor, mode))
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(tensor: Any, a: float = 0.0, mode: str = "fan_in", nonlinearity: str = "leaky_relu") -> Any:
    return normal_(tensor, 0.0, calculate_gain(nonlinearity, a) / math.sqrt(_fan(tensor, mode)))


def xavier_uniform_(tensor: Any, gain: float = 1.0) -> Any:
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Any, gain: float = 1.0) -> Any:
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))))
