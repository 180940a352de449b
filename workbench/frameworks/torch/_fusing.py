"""Convolutions that do what follows them in the same go: an activation, and the sum at the end of a residual block.

oneDNN writes a map once where layers one by one write and read it two or three times, and wants weights laid out in a
way of its own, which torch otherwise does at every call. Torch has operators for this since its compiler makes use of
them; that compiler needs another one, of C++, on the machine of whoever runs it, and these operators do not.
"""

from __future__ import annotations

import copy
import operator
import platform
import weakref
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F

from workbench.frameworks.torch._graphs import CONVOLUTIONS, only_user, uses

_LAST = {4: torch.channels_last, 5: torch.channels_last_3d}
_FUSED: weakref.WeakKeyDictionary[nn.Module, nn.Module | None] = weakref.WeakKeyDictionary()


def fused(network: nn.Module) -> nn.Module | None:
    """Return a folded network with its convolutions fused with what follows; None where torch or a network has none.

    Its maps are laid out channels-last. It is kept as long as `network` is. Where a layer's output is not a number, as
    of infinity less infinity, an activation in the same go gives 0: inputs and weights are finite before.
    """
    if network not in _FUSED:
        _FUSED[network] = _fuse(network)
    return _FUSED[network]


def _available() -> bool:
    return (
        platform.machine().lower() in ("x86_64", "amd64")
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and bool(torch.backends.mkldnn.enabled)
        and all(hasattr(torch.ops.mkldnn, name) for name in ("_convolution_pointwise", "_reorder_convolution_weight"))
    )


def _fuse(network: nn.Module) -> nn.Module | None:
    if not isinstance(network, fx.GraphModule) or not _available():
        return None
    with torch.inference_mode(mode=False), torch.no_grad():
        result = copy.deepcopy(network, {id(weight): weight for weight in network.parameters()})
        modules = dict(result.named_modules())
        order = {node: place for place, node in enumerate(result.graph.nodes)}
        found = [node for node in result.graph.nodes if _fits(modules.get(str(node.target))) and _once(result, node)]
        for node in found:
            layer: Any = modules[str(node.target)]
            other = _take_over_sum(result, node, order)
            # torch adds and applies ReLU in one go, and no other activation
            names = ("relu",) if other is not None else ("relu", "leaky_relu")
            name, given = _take_over_activation(result, node, modules, names)
            parent, _, leaf = str(node.target).rpartition(".")
            setattr(result.get_submodule(parent), leaf, _Convolution(layer, name, given))
            if other is not None:
                node.args = (*node.args, other)
    if not found:
        return None
    result.delete_all_unused_submodules()
    result.graph.lint()
    result.recompile()
    return result


def _once(network: fx.GraphModule, node: fx.Node) -> bool:
    return node.op == "call_module" and uses(network, node.target) == 1 and len(node.args) == 1 and not node.kwargs


def _fits(layer: Any) -> bool:
    # a subclass may do more than its class: pad by the shape of its input, standardise its weights
    if type(layer) not in {kinds[0] for kinds in CONVOLUTIONS.values()}:
        return False
    of: Any = layer
    zeros = of.padding_mode == "zeros" and not isinstance(of.padding, str)
    return bool(zeros and of.weight.dtype == torch.float32 and of.weight.device.type == "cpu")


def _take_over_sum(network: fx.GraphModule, node: fx.Node, order: dict[fx.Node, int]) -> fx.Node | None:
    """Return what is added to the output of a convolution and nothing else is done to, with the addition taken out."""
    following = next(iter(node.users), None)
    if following is None or not only_user(node, following) or following.op != "call_function" or following.kwargs:
        return None
    others = [one for one in following.args if one is not node]
    if following.target not in (operator.add, operator.iadd, torch.add) or len(others) != 1:
        return None
    other: Any = others[0]
    if following.target is operator.iadd and following.args[0] is not node:
        return None  # it is written into, and somebody may look at it afterwards
    # what lies between might write into it
    if other not in order or order[other] > order[node]:
        return None
    if any(order[node] < order.get(user, -1) < order[following] for user in other.users):
        return None
    following.replace_all_uses_with(node)
    network.graph.erase_node(following)
    return other if isinstance(other, fx.Node) else None


def _take_over_activation(
    network: fx.GraphModule, node: fx.Node, modules: dict[str, Any], names: tuple[str, ...]
) -> tuple[str, list[float]]:
    """Return oneDNN's name of the activation that alone follows a node, and its parameters, with it taken out."""
    following = next(iter(node.users), None)
    if following is None or not only_user(node, following) or following.args[:1] != (node,):
        return "none", []
    layer = modules.get(str(following.target)) if following.op == "call_module" else None
    plain = following.op == "call_function" and len(following.args) == 1
    slope = following.kwargs.get("negative_slope", 0.01) if plain else None
    if type(layer) is nn.ReLU or (plain and following.target in (F.relu, torch.relu)):
        name, parameters = "relu", []
    elif layer is not None and type(layer) is nn.LeakyReLU:
        name, parameters = "leaky_relu", [layer.negative_slope]
    elif plain and following.target is F.leaky_relu and isinstance(slope, float):
        name, parameters = "leaky_relu", [slope]
    else:
        return "none", []
    if name not in names:
        return "none", []
    following.replace_all_uses_with(node)
    network.graph.erase_node(following)
    return name, parameters


class _Convolution(nn.Module):
    """A convolution, what is added to its output, and an activation."""

    def __init__(self, layer: Any, activation: str, given: list[float]) -> None:
        super().__init__()
        self._weight, self._bias = layer.weight.detach(), None if layer.bias is None else layer.bias.detach()
        self._how = (list(layer.padding), list(layer.stride), list(layer.dilation), layer.groups)
        self._activation, self._given = activation, given
        self._last = _LAST[self._weight.dim()]
        self._laid: Any = None

    def forward(self, x: Any, other: Any = None) -> Any:
        if x.dim() != self._weight.dim():
            return self._unbatched(x, other)
        x = x.contiguous(memory_format=self._last)
        if self._laid is None:
            # other shapes may go with this layout too: where not, oneDNN lays the weights out for itself
            self._laid = torch.ops.mkldnn._reorder_convolution_weight(
                self._weight.contiguous(memory_format=self._last), *self._how, list(x.shape)
            )
        activation = (self._activation, self._given, "")
        if other is None:
            return torch.ops.mkldnn._convolution_pointwise(x, self._laid, self._bias, *self._how, *activation)
        if isinstance(other, torch.Tensor) and other.dtype == x.dtype and other.shape == self._shape(x):
            other = other.contiguous(memory_format=self._last)
            unary: tuple[Any, ...] = (None if self._activation == "none" else self._activation, [], None)
            return torch.ops.mkldnn._convolution_pointwise.binary(
                x, other, self._laid, self._bias, *self._how, "add", 1.0, *unary
            )
        # a number, or one that is repeated along an axis
        total = torch.ops.mkldnn._convolution_pointwise(x, self._laid, self._bias, *self._how, "none", [], "") + other
        return F.relu_(total) if self._activation == "relu" else total

    def _unbatched(self, x: Any, other: Any) -> Any:
        """Answer for a sample without an axis for samples, which torch allows."""
        plain = self.forward(
            x[None], other[None] if isinstance(other, torch.Tensor) and other.dim() == x.dim() else other
        )
        return plain[0]

    def _shape(self, x: Any) -> tuple[int, ...]:
        padding, stride, dilation, _ = self._how
        parts = zip(x.shape[2:], self._weight.shape[2:], padding, stride, dilation, strict=True)
        return (len(x), len(self._weight), *((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, p, s, d in parts))
