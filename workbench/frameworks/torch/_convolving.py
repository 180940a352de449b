"""Convolutions in 3D of a single sample, which torch computes in its slowest way where they have few channels."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

#: Up to here torch (2.x, `use_mkldnn` in Convolution.cpp) does not give a single sample to oneDNN, whose convolution is
#: up to 6 times as fast: samples x channels x the first two spatial axes; the last one is not counted.
_TORCH_LIMIT = 20480
#: Elements from which it pays: of less, oneDNN takes as long to begin.
_LEAST = 1 << 14


class SingleSamples(TorchFunctionMode):
    """Give `torch.conv3d` of one float32 sample on the CPU to oneDNN, as torch does with two samples."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.conv3d and not kwargs and len(args) == 7 and _slow(*args):
            inputs, weight, bias, stride, padding, dilation, groups = args
            return torch.mkldnn_convolution(inputs, weight, bias, padding, stride, dilation, groups)
        return func(*args, **(kwargs or {}))


def _slow(inputs: Any, weight: Any, _bias: Any, stride: Any, padding: Any, dilation: Any, groups: int) -> bool:
    return (
        inputs.ndim == 5
        and len(inputs) == 1
        and groups == 1
        and inputs.dtype == weight.dtype == torch.float32
        and inputs.device.type == "cpu"
        and inputs.numel() >= _LEAST
        and math.prod(inputs.shape[:4]) <= _TORCH_LIMIT
        and all(isinstance(one, tuple) for one in (stride, padding, dilation))
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and bool(torch.backends.mkldnn.enabled)
    )
