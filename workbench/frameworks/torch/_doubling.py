"""Maps that are doubled, put beside others and convolved: one convolution of the coarse map in place of two.

Where a map is doubled by a transposed convolution (2 wide, stride 2), put beside another one and convolved (3 wide),
both convolutions of the doubled map are one: each voxel of the fine grid sees 2 voxels of the coarse one along each
axis, at distances that depend only on whether its index is even or odd. So the coarse map is convolved once, 2 wide,
for all 2^n parities side by side, and the results are put in turn: 8 products for each voxel and pair of channels where
there were 27 (2D: 4 for 9), and neither the doubled map nor the two side by side are ever made. A convolution 1 wide,
the shortcut of a residual block, is one with the doubling too.
"""

from __future__ import annotations

import itertools
from typing import Any

import torch
from torch import fx, nn

from workbench.frameworks.torch._carrying import side_by_side
from workbench.frameworks.torch._graphs import CONVOLUTIONS, only_user, uses


def merge_doublings(network: fx.GraphModule) -> int:
    """Merge transposed convolutions into all convolutions of what they are put beside; return how many were."""
    modules, count = dict(network.named_modules()), 0
    for node in list(network.graph.nodes):
        parts = side_by_side(node)
        if parts is None or len(parts) != 2:
            continue
        convolutions = [modules.get(str(user.target)) if user.op == "call_module" else None for user in node.users]
        widths = [_width(layer) for layer in convolutions]
        if not widths or any(width is None for width in widths):
            continue
        doubled = [modules.get(str(part.target)) if part.op == "call_module" else None for part in parts]
        ndim = convolutions[0].weight.dim() - 2  # type: ignore[union-attr]
        which = next((i for i, one in enumerate(doubled) if _doubles(one, ndim) and only_user(parts[i], node)), None)
        if which is None or any(uses(network, user.target) > 1 for user in node.users):
            continue
        for user, layer, width in zip(list(node.users), convolutions, widths, strict=True):
            name = f"{str(user.target).replace('.', '_')}_merged"
            kind = _Merged if width == 3 else _MergedPointwise
            network.add_submodule(name, kind(layer, doubled[which], first=which == 0))
            with network.graph.inserting_before(user):
                merged = network.graph.call_module(name, (parts[1 - which], parts[which].args[0]))
            user.replace_all_uses_with(merged)
            network.graph.erase_node(user)
        network.graph.erase_node(node)
        network.graph.erase_node(parts[which])
        count += 1
    return count


def _parted(weight: torch.Tensor, middle: int, *, first: bool) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a convolution's weights for the doubled map, of `middle` channels, and for that beside it."""
    return (weight[:, :middle], weight[:, middle:]) if first else (weight[:, -middle:], weight[:, :-middle])


class _Merged(nn.Module):
    """Convolve `fine` and a doubled `coarse` side by side, without doubling the coarse one."""

    def __init__(self, convolution: Any, doubling: Any, *, first: bool) -> None:
        super().__init__()
        weight = convolution.weight
        self.ndim = weight.dim() - 2
        middle = doubling.out_channels
        up, beside = _parted(weight, middle, first=first)
        kind: Any = CONVOLUTIONS[self.ndim][0]
        settings = {"dtype": weight.dtype, "device": weight.device}
        bias = convolution.bias
        self.beside = kind(beside.shape[1], len(weight), 3, padding=1, bias=bias is not None, **settings)
        self.beside.weight.copy_(beside)
        if bias is not None:
            self.beside.bias.copy_(bias)
        spread = doubling.weight
        self.biased = doubling.bias is not None
        if self.biased:
            # one more channel, of ones: what lies beyond the border of the doubled map is 0, the bias too
            spread = torch.cat((spread, doubling.bias.reshape(1, -1, *[1] * self.ndim).expand(1, *spread.shape[1:])))
        phases = _phases(up, spread)
        self.coarse = kind(phases.shape[1], len(phases), 2, padding=1, bias=False, **settings)
        self.coarse.weight.copy_(phases)
        self.channels = len(weight)

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        if self.biased:
            coarse = torch.cat((coarse, torch.ones_like(coarse[:, :1])), dim=1)
        result: torch.Tensor = self.beside(fine)
        phases = self.coarse(coarse)
        for number, parity in enumerate(itertools.product((0, 1), repeat=self.ndim)):
            places = tuple(slice(odd, None, 2) for odd in parity)
            inner = tuple(slice(odd, odd + n) for odd, n in zip(parity, coarse.shape[2:], strict=True))
            channels = slice(number * self.channels, (number + 1) * self.channels)
            result[(slice(None), slice(None), *places)] += phases[(slice(None), channels, *inner)]
        return result


class _MergedPointwise(nn.Module):
    """Convolve `fine` and a doubled `coarse` side by side, 1 wide: what is done to the doubled map, doubling does."""

    def __init__(self, convolution: Any, doubling: Any, *, first: bool) -> None:
        super().__init__()
        weight = convolution.weight
        ndim = weight.dim() - 2
        up, beside = _parted(weight, doubling.out_channels, first=first)
        up = up.flatten(1)
        settings = {"dtype": weight.dtype, "device": weight.device}
        added = [] if convolution.bias is None else [convolution.bias]
        if doubling.bias is not None:
            added.append(up @ doubling.bias)
        plain, transposed = CONVOLUTIONS[ndim]
        self.beside: Any = plain(beside.shape[1], len(weight), 1, bias=bool(added), **settings)
        self.beside.weight.copy_(beside)
        if added:
            self.beside.bias.copy_(sum(added))
        spread = doubling.weight
        self.coarse: Any = transposed(spread.shape[0], len(weight), 2, stride=2, bias=False, **settings)
        self.coarse.weight.copy_(torch.einsum("im...,om->io...", spread, up))

    def forward(self, fine: torch.Tensor, coarse: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = self.beside(fine)
        result += self.coarse(coarse)
        return result


def _phases(weight: torch.Tensor, spread: torch.Tensor) -> torch.Tensor:
    """Return the kernels [2^n * out, in, 2, ...] that convolve a coarse map for each parity of the fine index.

    Parameters
    ----------
    weight : tensor [out, middle, 3, ...]
        The convolution of the doubled map.
    spread : tensor [in, middle, 2, ...]
        The transposed convolution that doubles it.
    """
    ndim = weight.dim() - 2
    out, given = weight.shape[0], spread.shape[0]
    # each tap is a matrix: in one piece it is multiplied several times as fast
    ends = tuple(range(-2, 0))
    taps = weight.movedim((0, 1), ends).contiguous()
    halves = spread.movedim((1, 0), ends).contiguous()
    kernels = []
    for parity in itertools.product((0, 1), repeat=ndim):
        kernel = weight.new_zeros(out, given, *[2] * ndim)
        tap: Any
        for tap in itertools.product(range(3), repeat=ndim):
            # tap t of the fine voxel 2 x + odd reads the fine voxel 2 x + odd + t - 1, which is half of a coarse one
            reached = [odd + t - 1 for odd, t in zip(parity, tap, strict=True)]
            slot: Any = tuple(place // 2 + 1 - odd for place, odd in zip(reached, parity, strict=True))
            half: Any = tuple(place % 2 for place in reached)
            kernel[(..., *slot)] += taps[tap] @ halves[half]
        kernels.append(kernel)
    return torch.cat(kernels)


def _width(layer: Any) -> int | None:
    """Return the width, 1 or 3, of an ordinary convolution that keeps the size; None if it is anything else."""
    for ndim, (kind, _) in CONVOLUTIONS.items():
        if isinstance(layer, kind):
            width = layer.kernel_size[0]
            shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
            wanted = tuple((n,) * ndim for n in (width, 1, width // 2, 1))
            plain = shape == wanted and layer.groups == 1 and layer.padding_mode == "zeros"
            return width if plain and width in {1, 3} else None
    return None


def _doubles(layer: Any, ndim: int) -> bool:
    if not isinstance(layer, CONVOLUTIONS[ndim][1]):
        return False
    shape = (layer.kernel_size, layer.stride, layer.padding, layer.output_padding, layer.dilation)
    return shape == tuple((n,) * ndim for n in (2, 2, 0, 0, 1)) and layer.groups == 1
