"""What a `Registry` takes from a source: classes of a contract, one instance of each, things with a name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any, TypeVar

from workbench.errors import InputError

T = TypeVar("T")


def by_name(things: Iterable[T], name: Callable[[T], str]) -> dict[str, T]:
    """Return things by the names that they have.

    Raises
    ------
    InputError
        If two have one name.
    """
    found: dict[str, T] = {}
    for thing in things:
        if found.setdefault(name(thing), thing) is not thing:
            raise InputError(f"Two of them are called {name(thing)!r}. Rename one.")
    return found


def classes_of(contract: type[Any], name: str = "name", needs: Sequence[str] = ()) -> Callable[[Any], dict[str, Any]]:
    """Return an `accept` for subclasses of `contract`, one or a list of them.

    Parameters
    ----------
    name : str
        Attribute that is the name of each.
    needs : sequence of str
        Further attributes that each must have.
    """

    def accept(given: Any) -> dict[str, Any]:
        kinds = given if isinstance(given, list) else [given]
        for kind in kinds:
            if not (isinstance(kind, type) and issubclass(kind, contract)):
                raise InputError(
                    f"It must be a subclass of {contract.__module__}.{contract.__name__}, got {kind!r}. Give one."
                )
            if missing := [need for need in (name, *needs) if not hasattr(kind, need)]:
                raise InputError(f"{kind.__name__} must define {', '.join(missing)}, as {contract.__name__} says.")
        return by_name(kinds, attrgetter(name))

    return accept


def instances_of(contract: type[Any], needs: Sequence[str] = ()) -> Callable[[Any], dict[str, Any]]:
    """Return an `accept` for subclasses of `contract`, of each of which one instance is made."""
    classes = classes_of(contract, needs=needs)

    def accept(given: Any) -> dict[str, Any]:
        kinds = classes(given)
        for kind in kinds.values():
            if lacking := sorted(getattr(kind, "__abstractmethods__", ())):
                raise InputError(f"{kind.__name__} must define {', '.join(lacking)}, as {contract.__name__} says.")
        return {name: kind() for name, kind in kinds.items()}

    return accept
