"""Layers by number of spatial axes, and the blocks that more than one network is made of.

Networks are written against names that are handed in (``nn``, ``F``, ``ops``), so the blocks are too: each function
here takes them and returns classes or modules of that framework.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

NORMS = ("batch", "instance", "group", "none")


def dimensional(nn: Any, ndim: int) -> SimpleNamespace:
    """Return the layers for 2 or 3 spatial axes under names without a number (``Conv``, ``MaxPool``, ...)."""
    names = ("Conv", "ConvTranspose", "BatchNorm", "InstanceNorm", "MaxPool", "AvgPool", "AdaptiveAvgPool", "Dropout")
    return SimpleNamespace(**{name: getattr(nn, f"{name}{ndim}d") for name in names})


def norm_layer(nn: Any, kind: str, channels: int, ndim: int, groups: int = 8) -> Any:
    """Return a normalisation layer with learned scale and shift.

    Parameters
    ----------
    kind : {"batch", "instance", "group", "none"}
    groups : int
        Most groups of a group normalisation; with channels that it does not divide there is a single group.
    """
    if kind == "batch":
        return dimensional(nn, ndim).BatchNorm(channels)
    if kind == "instance":
        return dimensional(nn, ndim).InstanceNorm(channels, affine=True)
    if kind == "group":
        return nn.GroupNorm(groups if channels % groups == 0 else 1, channels)
    return nn.Identity()


def conv_unit(
    nn: Any,
    ndim: int,
    in_channels: int,
    out_channels: int,
    *,
    norm: str = "batch",
    order: str = "conv-norm-relu",
    bias: bool = True,
) -> Any:
    """Return a 3-wide convolution with normalisation and ReLU, in the order that `order` spells out.

    The result is a Sequential; its parts are numbered as they come.
    """
    parts = []
    channels = in_channels
    for name in order.split("-"):
        if name == "conv":
            parts.append(dimensional(nn, ndim).Conv(in_channels, out_channels, 3, padding=1, bias=bias))
            channels = out_channels
        elif name == "norm":
            parts.append(norm_layer(nn, norm, channels, ndim))
        else:
            parts.append(nn.ReLU())
    return nn.Sequential(*parts)
