"""How every kind of thing is found by its name: built in, brought by an installed package, or declared in a cell."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from operator import attrgetter, methodcaller
from typing import Any, Generic, TypeVar

from workbench.errors import InputError, StateError, choose

T = TypeVar("T")
G = TypeVar("G")


@dataclass(frozen=True)
class Source:
    """Where things come from.

    Parameters
    ----------
    name : str
        Of the entry point, or of the built-in thing.
    where : str
        As a person would look for it: ``package.module:attribute``.
    load : callable
        Imports what is there, without arguments.
    foreign : bool
        Whether another package brings it.
    """

    name: str
    where: str
    load: Callable[[], Any]
    foreign: bool = False


def place_of(name: str, place: str) -> Source:
    """Return the source that ``"package.module:attribute"`` is, under a name."""
    return Source(name, place, partial(_thing, place))


class Registry(Generic[T]):
    """The things of one kind, by name.

    A package that is broken is warned of once, by its name, and takes nothing else along; whoever asks for what it
    should have brought is told why it is not there. A name that two things have is an error that names both places;
    only what was declared in a notebook may be declared anew.

    Parameters
    ----------
    group : str
        Entry-point group under which other packages register theirs, such as ``"workbench.formats"``.
    what : str
        What one of them is called in messages: ``"format"``.
    accept : callable
        Makes things of what a source gives, as a mapping by name; raises a `WorkbenchError` that says what it must be.
    builtin : mapping of str to str, sequence of str, or callable
        Places (``"package.module:attribute"``), by name where `lazy`; or a function that returns sources.
    lazy : bool
        Whether names are those of the sources, so that nothing is imported before it is asked for by name.
    load : callable, optional
        Gets what an entry point names; by default its own ``load``.
    """

    def __init__(
        self,
        group: str,
        what: str,
        accept: Callable[[Any], Mapping[str, T]],
        *,
        builtin: Mapping[str, str] | Sequence[str] | Callable[[], Iterable[Source]],
        lazy: bool = False,
        load: Callable[[EntryPoint], Any] = methodcaller("load"),
    ) -> None:
        self.group, self.what = group, what
        self._accept, self._builtin, self._lazy, self._load = accept, builtin, lazy, load
        self._lock = threading.RLock()
        self._declared: dict[str, tuple[T, str]] = {}
        self._sources: dict[str, Source] | None = None
        self._things: dict[str, T] | None = None
        self._watchers: list[weakref.WeakMethod[Callable[[], Any]]] = []
        self._origins: dict[str, Source] = {}
        self._broken: dict[str, str] = {}

    def names(self) -> tuple[str, ...]:
        """Return all names: built in, of packages, declared."""
        with self._lock:
            found = self._known_sources() if self._lazy else self._loaded()
            return tuple(dict.fromkeys([*found, *self._declared]))

    def all(self) -> dict[str, T]:
        """Return everything that can be used, by name."""
        with self._lock:
            found = {name: self.get(name) for name in self._known_sources()} if self._lazy else self._loaded()
            return {**found, **{name: thing for name, (thing, _) in self._declared.items()}}

    def get(self, name: str) -> T:
        """Return the thing of that name.

        Raises
        ------
        InputError
            If there is none; the message names the nearest.
        StateError
            If there would be one, but what should bring it is broken.
        """
        with self._lock:
            if isinstance(name, str) and name in self._broken:
                raise StateError(self._broken[name])
            choose(name, self.names(), self.what)
            if name in self._declared:
                return self._declared[name][0]
            return self._one(name) if self._lazy else self._loaded()[name]

    def register(self, given: G) -> G:
        """Add what is written down in a notebook or a script; may be used as a decorator.

        Running the cell again replaces it.

        Parameters
        ----------
        given : class, function or str
            What an entry point of the group would name.

        Returns
        -------
        class, function or str
            The same.

        Raises
        ------
        InputError
            If it is not what it must be.
        StateError
            If the name belongs to something that is built in or that a package brings.
        """
        one = given if isinstance(given, str) or hasattr(given, "__qualname__") else type(given)
        where = one if isinstance(one, str) else f"{one.__module__}:{one.__qualname__}"
        with self._lock:
            things = self._accept(given)
            for name in things:
                if name in self._declared and self._declared[name][1] != where:
                    raise self._twice(name, self._declared[name][1], where)
                if name not in self._declared and name in self.names():
                    raise self._twice(name, self._place(name), where)
            self._declared |= {name: (thing, where) for name, thing in things.items()}
        for call in [watcher() for watcher in self._watchers]:
            if call is not None:
                call()
        return given

    def watch(self, call: Callable[[], Any]) -> None:
        """Call a method whenever something is declared, as long as its object lives."""
        self._watchers.append(weakref.WeakMethod(call))

    def only_here(self, name: str) -> bool:
        """Return whether a name was declared in this process, so that no other process knows it."""
        with self._lock:
            return name in self._declared

    def check_elsewhere(self, name: str, noun: str, otherwise: str) -> None:
        """Check that other processes know a name.

        Parameters
        ----------
        noun : str
            What is to be done by another process, with its article: ``"a run"``.
        otherwise : str
            What else can be done.

        Raises
        ------
        InputError
            If this process alone knows it.
        """
        if self.only_here(name):
            raise InputError(
                f"The {self.what} {name!r} was registered in this process only, and {noun} is another one, which does "
                f"not know it. Put it into a package with an entry point {self.group!r} (docs/how-to), {otherwise}."
            )

    def brought(self) -> dict[str, str]:
        """Return what other packages bring, by name, and where it lies.

        What is broken is not among them; where nothing is loaded to list names (`lazy`), it shows when it is asked for.
        """
        with self._lock:
            self.names()
            origins = self._known_sources() if self._lazy else self._origins
            return {name: source.where for name, source in origins.items() if source.foreign}

    def broken(self) -> dict[str, str]:
        """Return why what other packages should bring cannot be used, by the name of the entry point."""
        with self._lock:
            self.names()
            return dict(self._broken)

    def reset(self) -> None:
        """Forget what was found and declared; it is looked for anew."""
        with self._lock:
            self._declared.clear()
            self._broken.clear()
            self._origins.clear()
            self._sources = self._things = None

    def _known_sources(self) -> dict[str, Source]:
        """Return the sources by name."""
        if self._sources is None:
            found: dict[str, Source] = {}
            for source in [*self._own(), *self._foreign()]:
                other = found.setdefault(source.name, source)
                if other is not source:
                    raise self._twice(source.name, other.where, source.where)
            self._sources = found
        return self._sources

    def _own(self) -> Iterable[Source]:
        if callable(self._builtin):
            return list(self._builtin())
        places = self._builtin if isinstance(self._builtin, Mapping) else {place: place for place in self._builtin}
        return [place_of(name, place) for name, place in places.items()]

    def _foreign(self) -> list[Source]:
        points = sorted(entry_points(group=self.group), key=lambda point: point.name)
        return [Source(point.name, point.value, partial(self._load, point), foreign=True) for point in points]

    def _loaded(self) -> dict[str, T]:
        if self._things is None:
            found: dict[str, tuple[T, Source]] = {}
            for source in [*self._own(), *self._foreign()]:
                for name, thing in self._things_of(source).items():
                    if name in found:
                        raise self._twice(name, found[name][1].where, source.where)
                    found[name] = (thing, source)
            self._origins = {name: source for name, (_, source) in found.items()}
            self._things = {name: thing for name, (thing, _) in found.items()}
        return self._things

    def _things_of(self, source: Source) -> Mapping[str, T]:
        try:
            return self._accept(source.load())
        except Exception as error:
            if not source.foreign:
                raise
            self._broken[source.name] = self._unusable(source, error)
            warnings.warn(self._broken[source.name], stacklevel=2)
            return {}

    def _one(self, name: str) -> T:
        """Return what a source brings, loaded the first time that it is asked for."""
        if self._things is None:
            self._things = {}
        if name not in self._things:
            source = self._known_sources()[name]
            try:
                (self._things[name],) = self._accept(source.load()).values()
            except Exception as error:
                if not source.foreign:
                    raise
                raise StateError(self._unusable(source, error)) from error
        return self._things[name]

    def _place(self, name: str) -> str:
        return (self._known_sources() if self._lazy else self._origins)[name].where

    def _unusable(self, source: Source, error: Exception) -> str:
        said = str(error).strip() or "no reason given"
        why = f"{type(error).__name__}: {said}{'' if said.endswith('.') else '.'}"
        return f"The {self.what} plug-in {source.name!r} ({source.where}) cannot be used: {why} Update or uninstall it."

    def _twice(self, name: str, one: str, other: str) -> StateError:
        return StateError(
            f"Two {self.what}s are called {name!r}: {one} and {other}. Rename one of them, or uninstall its package."
        )


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
                raise InputError(f"It must be a subclass of {contract.__module__}.{contract.__name__}, got {kind!r}.")
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


def _thing(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
