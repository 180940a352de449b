"""Which frameworks there are: the two built in, and those that other packages register."""

from __future__ import annotations

import functools

from workbench._plugins import Registry, classes_of
from workbench.errors import MissingExtraError, StateError
from workbench.frameworks.base import Device, Framework

_OWN = {
    "torch": "workbench.frameworks.torch:TorchFramework",
    "mindspore": "workbench.frameworks.mindspore:MindSporeFramework",
}
#: As their makers write them.
_TITLES = {"torch": "PyTorch", "mindspore": "MindSpore"}


#: Every framework's class; none is imported before it is asked for.
FRAMEWORKS: Registry[type[Framework]] = Registry(
    "workbench.frameworks", "framework", classes_of(Framework), builtin=_OWN, lazy=True
)
register = FRAMEWORKS.register


def names() -> tuple[str, ...]:
    """Return the names of all known frameworks, installed or not."""
    return FRAMEWORKS.names()


def title(name: str) -> str:
    """Return what people call a framework, which is not imported for it; one of another package goes by its name."""
    return _TITLES.get(name, name)


def get(name: str) -> Framework:
    """Return a framework by name; it is imported now, not before.

    Raises
    ------
    InputError
        If no framework of that name is known.
    MissingExtraError
        If it is known but not installed.
    StateError
        If the package that should bring it is broken.
    """
    return _made(FRAMEWORKS.get(name))


@functools.cache
def _made(kind: type[Framework]) -> Framework:
    if not kind.installed():
        raise MissingExtraError(f"The {kind.name} framework", kind.name)
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
