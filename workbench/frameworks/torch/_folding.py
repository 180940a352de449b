"""A network that only has to answer, in fewer operations: equal outputs up to rounding, other layers inside.

Four things are done to its graph. A batch norm in evaluation mode is a scale and a shift, which the convolution before
it takes over, or, where there is none, those that follow (`_carrying`). An activation writes into its own input. And
where a map is doubled by a transposed convolution (2 wide, stride 2), put beside another one and convolved (3 wide),
both convolutions of the doubled map are one: each voxel of the fine grid sees 2 voxels of the coarse one along each
axis, at distances that depend only on whether its index is even or odd. So the coarse map is convolved once, 2 wide,
for all 2^n parities side by side, and the results are put in turn: 8 products for each voxel and pair of channels where
there were 27 (2D: 4 for 9), and neither the doubled map nor the two side by side are ever made.
"""

from __future__ import annotations

import copy
import itertools
import operator
import weakref
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from workbench.frameworks.torch._carrying import carry_norms, side_by_side

_CONVOLUTIONS = {2: (nn.Conv2d, nn.ConvTranspose2d), 3: (nn.Conv3d, nn.ConvTranspose3d)}
_FOLDED: weakref.WeakKeyDictionary[nn.Module, tuple[Any, nn.Module | None]] = weakref.WeakKeyDictionary()


def folded(module: nn.Module) -> nn.Module | None:
    """Return a network that answers as `module` does and shares no weights with it; None if nothing can be gained.

    It is kept until a weight of `module` changes.
    """
    state = [*module.parameters(), *module.buffers()]
    if any(tensor.is_inference() for tensor in state):
        return _fold(module)  # such tensors do not tell when they change
    versions = [(tensor.data_ptr(), tensor._version) for tensor in state]
    known = _FOLDED.get(module)
    if known is None or known[0] != versions:
        known = _FOLDED[module] = (versions, _fold(module))
    return known[1]


def _fold(module: nn.Module) -> nn.Module | None:
    try:
        traced = fx.symbolic_trace(module)
    except Exception:  # noqa: BLE001 - whatever a forward pass does that cannot be written down as a graph
        return None
    with torch.inference_mode(mode=False), torch.no_grad():
        network = copy.deepcopy(traced).eval()
        changes = _fold_norms(network) + carry_norms(network) + _merge_doublings(network)
        if not changes:
            return None
        network.delete_all_unused_submodules()
        _overwrite(network)
    network.graph.lint()
    network.recompile()
    return network.requires_grad_(requires_grad=False)


def _fold_norms(network: fx.GraphModule) -> int:
    """Let convolutions take over the batch norms that follow them; return how many did."""
    modules, count = dict(network.named_modules()), 0
    for node in list(network.graph.nodes):
        norm: Any = modules.get(str(node.target))
        before: Any = node.args[0] if node.args else None
        if not isinstance(norm, nn.modules.batchnorm._BatchNorm) or not _only_user(before, node):
            continue
        convolution: Any = modules.get(str(before.target))
        kinds = tuple(kind for pair in _CONVOLUTIONS.values() for kind in pair)
        if not isinstance(convolution, kinds) or norm.running_mean is None or _uses(network, before.target) > 1:
            continue
        transposed = isinstance(convolution, (nn.ConvTranspose2d, nn.ConvTranspose3d))
        if transposed and convolution.groups > 1:
            continue
        _replace(network, before.target, fuse_conv_bn_eval(convolution, norm, transpose=transposed))
        node.replace_all_uses_with(before)
        network.graph.erase_node(node)
        modules, count = dict(network.named_modules()), count + 1
    return count


def _merge_doublings(network: fx.GraphModule) -> int:
    """Merge transposed convolutions into the convolution of what they are put beside; return how many were."""
    modules, count = dict(network.named_modules()), 0
    for node in list(network.graph.nodes):
        convolution = modules.get(str(node.target)) if node.op == "call_module" else None
        ndim = _plain(convolution, 3, 1)
        if ndim is None or not _only_user(node.args[0], node):
            continue
        parts = side_by_side(node.args[0])
        if parts is None or len(parts) != 2:
            continue
        doubled = [modules.get(str(part.target)) if part.op == "call_module" else None for part in parts]
        which = next((i for i, one in enumerate(doubled) if _doubles(one, ndim) and len(parts[i].users) == 1), None)
        if which is None or _uses(network, node.target) > 1:
            continue
        name = f"{str(node.target).replace('.', '_')}_merged"
        network.add_submodule(name, _Merged(convolution, doubled[which], first=which == 0))
        with network.graph.inserting_before(node):
            merged = network.graph.call_module(name, (parts[1 - which], parts[which].args[0]))
        node.replace_all_uses_with(merged)
        for old in (node, node.args[0], parts[which]):
            network.graph.erase_node(old)
        count += 1
    return count


class _Merged(nn.Module):
    """Convolve `fine` and a doubled `coarse` side by side, without doubling the coarse one."""

    def __init__(self, convolution: Any, doubling: Any, *, first: bool) -> None:
        super().__init__()
        weight = convolution.weight
        self.ndim = weight.dim() - 2
        middle = doubling.out_channels
        up, beside = (weight[:, :middle], weight[:, middle:]) if first else (weight[:, -middle:], weight[:, :-middle])
        kind: Any = _CONVOLUTIONS[self.ndim][0]
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
    kernels = []
    for parity in itertools.product((0, 1), repeat=ndim):
        kernel = weight.new_zeros(out, given, *[2] * ndim)
        tap: Any
        for tap in itertools.product(range(3), repeat=ndim):
            # tap t of the fine voxel 2 x + odd reads the fine voxel 2 x + odd + t - 1, which is half of a coarse one
            reached = [odd + t - 1 for odd, t in zip(parity, tap, strict=True)]
            slot: Any = tuple(place // 2 + 1 - odd for place, odd in zip(reached, parity, strict=True))
            half: Any = tuple(place % 2 for place in reached)
            kernel[(..., *slot)] += weight[(..., *tap)] @ spread[(..., *half)].T
        kernels.append(kernel)
    return torch.cat(kernels)


def _overwrite(network: fx.GraphModule) -> None:
    """Let activations write into their input, where that is the output of a layer that nobody else looks at."""
    modules = dict(network.named_modules())
    for node in network.graph.nodes:
        before = node.args[0] if node.args else None
        if not isinstance(before, fx.Node) or before.op != "call_module" or not _only_user(before, node):
            continue
        if node.op == "call_module" and isinstance(modules.get(str(node.target)), (nn.ReLU, nn.LeakyReLU)):
            modules[str(node.target)].inplace = True
        elif node.op == "call_function" and node.target in (F.relu, F.leaky_relu):
            node.kwargs = {**node.kwargs, "inplace": True}


def _plain(layer: Any, width: int, stride: int) -> int | None:
    """Return the number of axes of an ordinary convolution that keeps the size; None if it is anything else."""
    for ndim, (kind, _) in _CONVOLUTIONS.items():
        if isinstance(layer, kind):
            shape = (layer.kernel_size, layer.stride, layer.padding, layer.dilation)
            wanted = tuple((n,) * ndim for n in (width, stride, width // 2, 1))
            return ndim if shape == wanted and layer.groups == 1 and layer.padding_mode == "zeros" else None
    return None


def _doubles(layer: Any, ndim: int) -> bool:
    if not isinstance(layer, _CONVOLUTIONS[ndim][1]):
        return False
    shape = (layer.kernel_size, layer.stride, layer.padding, layer.output_padding, layer.dilation)
    return shape == tuple((n,) * ndim for n in (2, 2, 0, 0, 1)) and layer.groups == 1


def _only_user(node: Any, user: fx.Node) -> bool:
    return isinstance(node, fx.Node) and list(node.users) == [user]


def _uses(network: fx.GraphModule, target: Any) -> int:
    return sum(node.op == "call_module" and node.target == target for node in network.graph.nodes)


def _replace(network: fx.GraphModule, target: Any, layer: nn.Module) -> None:
    parent, _, name = str(target).rpartition(".")
    setattr(operator.attrgetter(parent)(network) if parent else network, name, layer)
