"""A network as it is: a ``torch.nn.Module``, a ``mindspore.nn.Cell``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from workbench import frameworks
from workbench.zoo.foreign.adapter import Adapter, Found


class Network(Adapter):
    """A network of any of the frameworks, of which nothing else is known."""

    name = "network"
    title = "a network (torch.nn.Module, mindspore.nn.Cell)"
    order: ClassVar[float] = 90

    def takes(self, thing: Any) -> bool:
        return frameworks.of(thing) is not None

    def read(self, thing: Any, said: Mapping[str, Any]) -> Found:  # noqa: ARG002
        return Found(thing)
