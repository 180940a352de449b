"""What is built in is found by looking: the modules of a folder, and what each of them defines itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from workbench._plugins import Source

#: The modules of a folder; the names of those that only help others begin with an underscore.
_MODULES = "[!_]*.py"


def modules_in(package: str, take: Callable[[ModuleType], Any], *, pattern: str = _MODULES) -> Iterator[Source]:
    """Give the modules of a folder as sources; none of them is imported before it is loaded.

    Parameters
    ----------
    package : str
        The folder, as it is imported: ``"workbench.explain.explainers"``.
    take : callable
        Returns what a registry gets of a module.
    pattern : str
        Which files of the folder, as `Path.glob` takes it.

    Yields
    ------
    Source
        Called like the file, with a hyphen for each underscore.
    """
    for folder in map(Path, import_module(package).__path__):
        for file in sorted(folder.glob(pattern)):
            yield _source(".".join([package, *file.relative_to(folder).with_suffix("").parts]), take)


def classes_in(package: str, contract: type[Any], *, pattern: str = _MODULES) -> Callable[[], Iterator[Source]]:
    """Return what gives the modules of a folder, each with the subclasses of a contract that it defines.

    What is there to be derived from, and so leaves something open, is not among them.

    Parameters
    ----------
    contract : type
    package, pattern
        As for `modules_in`.
    """

    def fits(thing: Any) -> bool:
        derived = isinstance(thing, type) and issubclass(thing, contract) and thing is not contract
        return derived and not inspect.isabstract(thing)

    return lambda: modules_in(package, lambda module: own(module, fits), pattern=pattern)


def own(module: ModuleType, fits: Callable[[Any], bool]) -> list[Any]:
    """Return what a module defines itself, without what it imports, in the order in which it stands there.

    Parameters
    ----------
    fits : callable
        Which of it is wanted.
    """
    return [one for one in vars(module).values() if fits(one) and one.__module__ == module.__name__]


def _source(place: str, take: Callable[[ModuleType], Any]) -> Source:
    return Source(place.rpartition(".")[2].replace("_", "-"), place, lambda: take(import_module(place)))
