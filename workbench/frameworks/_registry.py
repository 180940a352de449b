"""Which frameworks there are: the two built in, and those that other packages register."""

from __future__ import annotations

import functools
import importlib
from importlib import metadata

from workbench.errors import MissingExtraError, StateError, choose
from workbench.frameworks.base import Device, Framework

GROUP = "workbench.frameworks"
_BUILT_IN = {
    "torch": "workbench.frameworks.torch:TorchFramework",
    "mindspore": "workbench.frameworks.mindspore:MindSporeFramework",
}


def names() -> tuple[str, ...]:
    """Return the names of all known frameworks, installed or not."""
    return tuple(_known())


@functools.cache
def get(name: str) -> Framework:
    """Return a framework by name; it is imported now, not before.

    Raises
    ------
    InputError
        If no framework of that name is known.
    MissingExtraError
        If it is known but not installed.
    """
    target = _known()[choose(name, _known(), "framework")]
    module, _, attribute = target.partition(":")
    kind: type[Framework] = getattr(importlib.import_module(module), attribute)
    if not kind.installed():
        raise MissingExtraError(f"The {name} framework", name)
    return kind()


def devices() -> list[Device]:
    """Return the devices of every framework that is installed.

    A framework that is installed but cannot be used (a version clash) is left out; `get` tells why.
    """
    found: list[Device] = []
    for name in names():
        try:
            found += get(name).devices()
        except StateError:
            continue
    return found


@functools.cache
def _known() -> dict[str, str]:
    others = {entry.name: entry.value for entry in metadata.entry_points(group=GROUP)}
    return {**others, **_BUILT_IN}
