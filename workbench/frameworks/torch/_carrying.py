"""Batch norms that the convolutions after them take over, where none stands before them to do so.

In evaluation mode a norm multiplies each channel by a number and adds another one. Pooling by averages, interpolation
and putting maps side by side leave that as it is, so it is carried to the convolutions that follow: the factor goes
into their weights. What is added goes into their bias, except near the border: there a part of the kernel sees zeros,
which nothing was added to. What the kernel would see too much of there does not depend on the image, so it is known
beforehand.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

_POOLS = (F.avg_pool2d, F.avg_pool3d)
_SAME_CHANNELS = (nn.ReLU, nn.LeakyReLU, nn.Dropout, nn.Identity, nn.Upsample, nn.AvgPool2d, nn.AvgPool3d)
_INTERPOLATIONS = ("nearest", "nearest-exact", "linear", "bilinear", "trilinear")


@dataclass
class _Carried:
    """What has not been done to a map yet: channel by channel, times `scale` plus `shift`."""

    scale: torch.Tensor
    shift: torch.Tensor
    norms: frozenset[fx.Node]

    @classmethod
    def nothing(cls, channels: int, like: torch.Tensor) -> _Carried:
        return cls(like.new_ones(channels), like.new_zeros(channels), frozenset())


def carry_norms(network: fx.GraphModule) -> int:
    """Let convolutions take over the batch norms before them; return how many norms are gone.

    A norm stays where anything but such convolutions would see what it leaves out.
    """
    modules: dict[str, Any] = dict(network.named_modules())
    refused: set[fx.Node] = set()
    while True:
        carried, seen_by_others = _carry(network, modules, refused)
        if not seen_by_others:
            break
        refused |= seen_by_others
    norms: set[fx.Node] = set()
    for node in network.graph.nodes:
        given = carried.get(node.args[0]) if node.op == "call_module" and node.args else None
        if given is not None and given.norms and _absorbs(modules.get(str(node.target))):
            network.set_submodule(str(node.target), _Absorbing(modules[str(node.target)], given))
        if _is_norm(node, modules) and node not in refused:
            norms.add(node)
    for node in norms:
        node.replace_all_uses_with(node.args[0])  # type: ignore[arg-type]
        network.graph.erase_node(node)
    return len(norms)


def _carry(
    network: fx.GraphModule, modules: dict[str, Any], refused: set[fx.Node]
) -> tuple[dict[Any, _Carried], set[fx.Node]]:
    """Return what each map carries, and the norms of which something else than a convolution would see the lack."""
    carried: dict[Any, _Carried] = {}
    targets = [node.target for node in network.graph.nodes if node.op == "call_module"]
    seen: set[fx.Node] = set()
    for node in network.graph.nodes:
        layer = modules.get(str(node.target)) if node.op == "call_module" else None
        given = [carried[one] for one in node.all_input_nodes if one in carried]
        first = carried.get(node.args[0]) if node.args and isinstance(node.args[0], fx.Node) else None
        if _is_norm(node, modules) and node not in refused and not (first and first.norms):
            carried[node] = _of_norm(layer, node)
        elif isinstance(layer, (nn.Conv2d, nn.Conv3d)) and _absorbs(layer) and targets.count(node.target) == 1:
            carried[node] = _Carried.nothing(layer.out_channels, layer.weight)
        elif first is not None and _keeps(node, layer):
            carried[node] = first
        elif (parts := side_by_side(node)) is not None and all(part in carried for part in parts):
            together = [carried[part] for part in parts]
            carried[node] = _Carried(
                torch.cat([one.scale for one in together]),
                torch.cat([one.shift for one in together]),
                frozenset().union(*(one.norms for one in together)),
            )
        else:
            seen.update(*(one.norms for one in given))
            if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
                carried[node] = _Carried.nothing(layer.out_channels, layer.weight)
            elif first is not None and isinstance(layer, _SAME_CHANNELS):
                carried[node] = _Carried.nothing(len(first.scale), first.scale)
            elif isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None:
                carried[node] = _Carried.nothing(layer.num_features, layer.running_mean)
    return carried, seen


def _is_norm(node: fx.Node, modules: dict[str, Any]) -> bool:
    layer = modules.get(str(node.target)) if node.op == "call_module" else None
    return isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.running_mean is not None


def _of_norm(norm: Any, node: fx.Node) -> _Carried:
    scale = torch.rsqrt(norm.running_var + norm.eps)
    if norm.weight is not None:
        scale = scale * norm.weight
    shift = -norm.running_mean * scale
    if norm.bias is not None:
        shift = shift + norm.bias
    return _Carried(scale, shift, frozenset((node,)))


def _absorbs(layer: Any) -> bool:
    """Return whether it is a convolution of 1 or 3 voxels that keeps the size, so that its border is known."""
    if not isinstance(layer, (nn.Conv2d, nn.Conv3d)) or layer.groups != 1 or layer.padding_mode != "zeros":
        return False
    ones = (1,) * (layer.weight.dim() - 2)
    small = all(width in (1, 3) for width in layer.kernel_size)
    same = small and layer.padding == tuple(width // 2 for width in layer.kernel_size)
    return same and layer.stride == ones and layer.dilation == ones


def _keeps(node: fx.Node, layer: Any) -> bool:
    """Return whether an operation gives the same, done before or after each channel is scaled and shifted."""
    if isinstance(layer, (nn.Identity, nn.Dropout)):
        return True
    if isinstance(layer, nn.Upsample):
        return layer.mode in _INTERPOLATIONS
    if isinstance(layer, (nn.AvgPool2d, nn.AvgPool3d)):
        return layer.divisor_override is None and not any(_several(layer.padding))
    if node.op != "call_function" or node.target not in _POOLS:
        return False
    # of a pool's arguments only size and stride: padding and another divisor add zeros, or change the weights
    return len(node.args) <= 3 and set(node.kwargs) <= {"kernel_size", "stride", "ceil_mode"}


def _several(value: Any) -> tuple[int, ...]:
    return value if isinstance(value, tuple) else (value,)


def side_by_side(node: fx.Node) -> list[fx.Node] | None:
    """Return the maps that a node puts side by side as channels."""
    if node.op != "call_function" or node.target not in (torch.cat, torch.concat):
        return None
    dim = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
    parts = node.args[0] if node.args else node.kwargs.get("tensors", ())
    nodes = isinstance(parts, (tuple, list)) and all(isinstance(part, fx.Node) for part in parts)
    return list(parts) if dim == 1 and nodes else None  # type: ignore[arg-type]


class _Absorbing(nn.Module):
    """A convolution of a map that is still to be scaled and shifted, channel by channel."""

    added: torch.Tensor

    def __init__(self, convolution: Any, carried: _Carried) -> None:
        super().__init__()
        weight = convolution.weight
        ndim = weight.dim() - 2
        per_channel = (1, -1, *[1] * ndim)
        added = (weight * carried.shift.reshape(per_channel)).sum(1)
        for axis, width in enumerate(convolution.kernel_size, start=1):
            # which taps see the map, for each kind of place that `_places` tells
            seen = weight.new_tensor([[1, 1, 1], [0, 1, 1], [1, 1, 0], [0, 1, 0]] if width == 3 else [[1]] * 4)
            added = torch.tensordot(added, seen, ([axis], [1])).movedim(-1, axis)
        inside = added[(slice(None), *[0] * ndim)]
        settings = {"dtype": weight.dtype, "device": weight.device, "padding": convolution.padding}
        self.convolution = type(convolution)(weight.shape[1], len(weight), convolution.kernel_size, **settings)
        self.convolution.weight.copy_(weight * carried.scale.reshape(per_channel))
        self.convolution.bias.copy_(inside if convolution.bias is None else inside + convolution.bias)
        self.register_buffer("added", added - inside.reshape(-1, *[1] * ndim))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.convolution(x)
        places = [
            _places(n) if width > 1 else [(slice(None), 0)]
            for n, width in zip(x.shape[2:], self.convolution.kernel_size, strict=True)
        ]
        for place in itertools.product(*places):
            if any(kind for _, kind in place):
                there = (slice(None), slice(None), *(part for part, _ in place))
                added = self.added[(slice(None), *(slice(kind, kind + 1) for _, kind in place))]
                result[there] += added
        return result


def _places(length: int) -> list[tuple[slice, int]]:
    """Return the parts of an axis, each with its number: 0 inside, 1 its beginning, 2 its end, 3 both in one."""
    if length == 1:
        return [(slice(0, 1), 3)]
    return [(slice(0, 1), 1), (slice(1, length - 1), 0), (slice(length - 1, length), 2)]
