"""Instance norms of a network that only has to answer: equal outputs up to rounding, in the layout of their input.

Torch computes an instance norm as a batch norm of a map that is laid out contiguously: a map in channels-last layout is
copied there and back, which takes longer than the norm. And its loop over a contiguous map is slower than that of a
group norm with one channel in each group, which is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

#: Sums of so many voxels are made in float32, and sums of those in float64: longer ones lose digits.
_BLOCK = 256


def quicken_norms(network: nn.Module) -> int:
    """Replace the instance norms inside of a network that keep no statistics; return how many there were."""
    count = 0
    for parent in list(network.modules()):
        for name, layer in list(parent.named_children()):
            if isinstance(layer, (nn.InstanceNorm2d, nn.InstanceNorm3d)) and layer.running_mean is None:
                setattr(parent, name, _Normalising(layer))
                count += 1
    return count


class _Normalising(nn.Module):
    """An instance norm of maps [n, c, *spatial] of `ndim` axes."""

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.ndim = 2 if isinstance(norm, nn.InstanceNorm2d) else 3
        self.eps, self.weight, self.bias = norm.eps, norm.weight, norm.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.dim() != self.ndim + 2:
            return F.instance_norm(x, weight=self.weight, bias=self.bias, eps=self.eps)
        if x.is_contiguous() or x.dtype != torch.float32:
            # what a group norm sums in float32 in channels-last layout is inexact by more than other types round
            return F.group_norm(x, x.shape[1], self.weight, self.bias, self.eps)
        rows = x.movedim(1, -1).reshape(len(x), -1, x.shape[1])
        # squares of what lies far from zero would lose digits
        centred = rows - _mean(rows, _sums)
        scale = torch.rsqrt(_mean(centred, _squares) + self.eps)
        centred.mul_(scale if self.weight is None else scale * self.weight)
        if self.bias is not None:
            centred.add_(self.bias)
        return centred.reshape(len(x), *x.shape[2:], x.shape[1]).movedim(-1, 1)


def _mean(rows: torch.Tensor, summed: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """Return the mean [n, 1, c] over the voxels of rows [n, voxels, c] of what is summed up block by block."""
    n, voxels, channels = rows.shape
    whole = voxels // _BLOCK * _BLOCK
    total = rows.new_zeros(n, 1, channels, dtype=torch.float64)
    for part, length in ((rows[:, :whole], _BLOCK), (rows[:, whole:], voxels - whole)):
        if part.numel():
            sums = summed(part.reshape(-1, length, channels))
            total += sums.double().reshape(n, -1, channels).sum(1, keepdim=True)
    return (total / voxels).to(rows.dtype)


# products of matrices are by far the quickest way to sum along an axis that is not the last one


def _sums(blocks: torch.Tensor) -> torch.Tensor:
    return torch.matmul(blocks.new_ones(1, blocks.shape[1]), blocks)


def _squares(blocks: torch.Tensor) -> torch.Tensor:
    return torch.bmm(blocks.transpose(1, 2), blocks).diagonal(dim1=1, dim2=2)
