"""Which frameworks there are: the two built in, and those that other packages register."""

from __future__ import annotations

import functools
from collections.abc import Mapping

from workbench._accepting import classes_of
from workbench._plugins import Registry
from workbench.errors import MissingExtraError, StateError
from workbench.frameworks import _environment
from workbench.frameworks.base import Device, Framework
from workbench.signatures import checked

_OWN = {
    "torch": "workbench.frameworks.torch:TorchFramework",
    "mindspore": "workbench.frameworks.mindspore:MindSporeFramework",
}
#: As their makers write them.
_TITLES = {"torch": "PyTorch", "mindspore": "MindSpore"}
#: The framework that the package depends on, so that it is always there, and that is meant where none is named.
DEFAULT = "torch"

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


def worker_environment(name: str, inherited: Mapping[str, str], *, threads: int, deterministic: bool) -> dict[str, str]:
    """Return `inherited` with what a process must be started with that will compute with the framework called `name`.

    A built-in framework is not imported for it. Parameters are those of :meth:`Framework.worker_environment`.
    """
    needs = _environment.BUILT_IN.get(name) or FRAMEWORKS.get(name).worker_environment
    return {**inherited, **needs(inherited, threads=threads, deterministic=deterministic)}


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


def of(network: object) -> Framework | None:
    """Return the framework that a network is of, whoever wrote it; None if it is no network of any.

    A framework is imported only if something that the network is made of lies in a package of its name, or if it comes
    from elsewhere.
    """
    packages = {kind.__module__.partition(".")[0] for kind in type(network).__mro__}
    for name in names():
        if (name in packages or name not in _OWN) and FRAMEWORKS.get(name).owns(network):
            return get(name)
    return None


@functools.cache
def _made(kind: type[Framework]) -> Framework:
    if not kind.installed():
        raise MissingExtraError(f"The {kind.name} framework", kind.name)
    return kind()


@checked("wb.devices()")
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
