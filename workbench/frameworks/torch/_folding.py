"""A network that only has to answer, in fewer operations: equal outputs up to rounding, other layers inside.

Five things are done to its graph. A batch norm in evaluation mode is a scale and a shift, which the convolution before
it takes over, or, where there is none, those that follow (`_carrying`). An instance norm keeps the layout of its input
(`_normalising`). An activation writes into its own input. And maps that are doubled are convolved before they are
(`_doubling`).
"""

from __future__ import annotations

import copy
import operator
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import fx, nn
from torch.nn import functional as F
from torch.nn.utils.fusion import fuse_conv_bn_eval

from workbench.frameworks.torch._carrying import carry_norms
from workbench.frameworks.torch._doubling import merge_doublings
from workbench.frameworks.torch._graphs import CONVOLUTIONS, only_user, traced, uses
from workbench.frameworks.torch._interrupting import ASKS_ONLY
from workbench.frameworks.torch._normalising import quicken_norms

_FOLDED: weakref.WeakKeyDictionary[nn.Module, tuple[Any, nn.Module | None]] = weakref.WeakKeyDictionary()


def folded(module: nn.Module) -> nn.Module | None:
    """Return a network that answers as `module` does; None if nothing can be gained.

    It is kept until a weight of `module` changes. Weights that are as they were lie in the same memory.
    """
    if any(not hook.__dict__.get(ASKS_ONLY) for hook in _hooks(module)):
        return None  # a hook may change what a layer answers, or its weights, and such a layer may be folded away
    state = [*module.parameters(), *module.buffers()]
    if any(tensor.is_inference() for tensor in state):
        return _fold(module)  # such tensors do not tell when they change
    versions = [(tensor.data_ptr(), tensor._version) for tensor in state]
    known = _FOLDED.get(module)
    if known is None or known[0] != versions:
        known = _FOLDED[module] = (versions, _fold(module))
    return known[1]


def _hooks(module: nn.Module) -> Iterator[Any]:
    for layer in module.modules():
        yield from layer._forward_pre_hooks.values()
        yield from layer._forward_hooks.values()


def _fold(module: nn.Module) -> nn.Module | None:
    graph = traced(module)
    if graph is None:
        return None
    with torch.inference_mode(mode=False), torch.no_grad():
        # a transformer has hundreds of megabytes of weights that nothing is done to
        shared = {
            id(weight): nn.Parameter(weight.detach(), requires_grad=False)
            for weight in graph.parameters()
            if not weight.is_inference()
        }
        network = copy.deepcopy(graph, shared).eval()
        for layer in network.modules():
            layer._forward_pre_hooks.clear()
            layer._forward_hooks.clear()
        changes = _fold_norms(network) + carry_norms(network) + merge_doublings(network) + quicken_norms(network)
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
        if not isinstance(norm, nn.modules.batchnorm._BatchNorm) or not only_user(before, node):
            continue
        convolution: Any = modules.get(str(before.target))
        kinds = tuple(kind for pair in CONVOLUTIONS.values() for kind in pair)
        if not isinstance(convolution, kinds) or norm.running_mean is None or uses(network, before.target) > 1:
            continue
        transposed = isinstance(convolution, (nn.ConvTranspose2d, nn.ConvTranspose3d))
        if transposed and convolution.groups > 1:
            continue
        _replace(network, before.target, fuse_conv_bn_eval(convolution, norm, transpose=transposed))
        node.replace_all_uses_with(before)
        network.graph.erase_node(node)
        modules, count = dict(network.named_modules()), count + 1
    return count


def _overwrite(network: fx.GraphModule) -> None:
    """Let activations write into their input, where that is the output of a layer that nobody else looks at."""
    modules = dict(network.named_modules())
    for node in network.graph.nodes:
        before = node.args[0] if node.args else None
        if not only_user(before, node) or not _makes_a_map(before):
            continue
        if node.op == "call_module" and isinstance(modules.get(str(node.target)), (nn.ReLU, nn.LeakyReLU)):
            modules[str(node.target)].inplace = True
        elif node.op == "call_function" and node.target in (F.relu, F.leaky_relu):
            node.kwargs = {**node.kwargs, "inplace": True}


def _makes_a_map(node: Any) -> bool:
    """Return whether what it gives is its own, and not a view of what it was given."""
    return node.op == "call_module" or (node.op == "call_function" and node.target in (operator.add, torch.add))


def _replace(network: fx.GraphModule, target: Any, layer: nn.Module) -> None:
    parent, _, name = str(target).rpartition(".")
    setattr(operator.attrgetter(parent)(network) if parent else network, name, layer)
