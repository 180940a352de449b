"""Networks as graphs of what their forward pass does, and the questions that are asked of them."""

from __future__ import annotations

import weakref
from typing import Any

from torch import fx, nn

#: Convolutions and transposed ones, by the number of axes.
CONVOLUTIONS: dict[int, tuple[Any, Any]] = {
    2: (nn.Conv2d, nn.ConvTranspose2d),
    3: (nn.Conv3d, nn.ConvTranspose3d),
}

#: Of networks that cannot be written down as a whole: of which layers they were made, and which of these are closed.
_CLOSED: weakref.WeakKeyDictionary[nn.Module, tuple[list[int], list[weakref.ref[nn.Module]]]] = (
    weakref.WeakKeyDictionary()
)


class _Tracer(fx.Tracer):
    """Writes a network down, but for the modules that it is not to look into."""

    def __init__(self, closed: set[nn.Module]) -> None:
        super().__init__()
        self._closed = closed

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return m in self._closed or super().is_leaf_module(m, module_qualified_name)


def traced(module: nn.Module) -> fx.GraphModule | None:
    """Return a module as a graph, which shares its weights; None if its own forward pass cannot be written down.

    Modules inside of which that is so, a transformer that looks at the shape of its input, are one node each.
    """
    layers = [id(layer) for layer in module.modules()]
    known = _CLOSED.get(module)
    if known is not None and known[0] == layers:
        found = _written_down(module, {layer for ref in known[1] if (layer := ref()) is not None})
        if found is not None:
            return found
    found = _written_down(module, set())
    if found is None:
        # found out inside first, where the whole has been tried: most networks need no second look
        closed: set[nn.Module] = set()
        for child in module.children():
            _close(child, closed)
        found = _written_down(module, closed) if closed else None
        if found is not None:
            _CLOSED[module] = (layers, [weakref.ref(layer) for layer in closed])
    return found


def _close(module: nn.Module, closed: set[nn.Module]) -> None:
    """Add the modules that cannot be written down, of those inside of `module` or itself."""
    inside: set[nn.Module] = set()
    for child in module.children():
        _close(child, inside)
    standard = module.__module__.startswith("torch.nn")
    if standard or _written_down(module, inside) is not None:
        closed |= inside
    else:
        closed.add(module)


def _written_down(module: nn.Module, closed: set[nn.Module]) -> fx.GraphModule | None:
    try:
        tracer = _Tracer(closed)
        graph = tracer.trace(module)
    except Exception:  # noqa: BLE001 - whatever a forward pass does that cannot be written down as a graph
        return None
    return fx.GraphModule(tracer.root, graph)


def only_user(node: Any, user: fx.Node) -> bool:
    """Return whether `node` is a node that nobody but `user` looks at."""
    return isinstance(node, fx.Node) and list(node.users) == [user]


def uses(network: fx.GraphModule, target: Any) -> int:
    """Return how often a module is called."""
    return sum(node.op == "call_module" and node.target == target for node in network.graph.nodes)
