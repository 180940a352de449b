"""How every kind of thing is found by its name: built in, brought by an installed package, or declared in a cell."""

from __future__ import annotations

import threading
import warnings
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from operator import methodcaller
from typing import Any, Generic, TypeVar

from workbench.errors import InputError, StateError, WorkbenchError, choose, reason

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
    should have brought is told why it is not there. What is built in keeps its name: a package that gives it to
    something else is warned of once, and that thing is left out. A name that two packages give is nobody's: it is
    warned of once, asking for it is an error that names both places, and all other names go on working. Only what was
    declared in a notebook may be declared anew.

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
            found = self._usable() if self._lazy else self._loaded()
            return {**found, **{name: thing for name, (thing, _) in self._declared.items()}}

    def get(self, name: str) -> T:
        """Return the thing of that name.

        Raises
        ------
        InputError
            If there is none; the message names the nearest.
        StateError
            If there would be one, but what should bring it is broken, or if two packages give the name.
        """
        with self._lock:
            known = self.names()
            if name not in known and isinstance(name, str) and name in self._broken:
                raise StateError(self._broken[name])
            try:
                choose(name, known, self.what)
            except InputError as error:
                raise InputError(f"{error}{self.lacking()}") from None
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
            self.names()
            for name in things:
                if name in self._declared and self._declared[name][1] != where:
                    raise self._twice(name, self._declared[name][1], where)
                if (origin := self._origin(name)) is not None:
                    raise self._twice(name, origin.where, where)
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

    def lacking(self) -> str:
        """Return a sentence on what is not among the names because it is broken, with a space before it; may be empty.

        It belongs into the error for what is not found, which may be just that.
        """
        told = self.broken().values()
        return f" Not among them: {' '.join(told)}" if told else ""

    def leave_out(self, name: str, error: Exception, *, declared: bool = False) -> None:
        """Note that what a package brings cannot be used after all, and warn of it; it is not among the names any more.

        Parameters
        ----------
        error : Exception
            What it raised. Raised again if the thing is our own, or was declared here.
        declared : bool
            Whether what was declared here is warned of, too, each time, and stays declared: its author mends it.
        """
        with self._lock:
            if declared and name in self._declared:
                where = self._declared[name][1]
                told = f"The {self.what} {name!r} ({where}), declared here, cannot be used: {reason(error)}"
                warnings.warn(f"{told} Mend it and run its cell again.", stacklevel=3)
                return
            source = self._origin(name)
            if source is None or not source.foreign:
                raise error
            if name not in self._broken:
                self._loaded().pop(name, None)
                self._warn(name, self._unusable(source, error))

    @contextmanager
    def using(self, name: str) -> Iterator[None]:
        """Let what a package's thing raises by accident come out as an error that names it.

        Raises
        ------
        StateError
            Instead of whatever is no `WorkbenchError`. What is our own, or was declared here, is its author's to
            debug, and raises what it raises.
        """
        try:
            yield
        except WorkbenchError:
            raise
        except Exception as error:
            source = self._origin(name)
            if source is None or not source.foreign:
                raise
            raise StateError(self._unusable(source, error)) from error

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
            contested: set[str] = set()
            for source in [*self._own(), *self._foreign()]:
                other = found.setdefault(source.name, source)
                if other is not source and not self._keeps(source.name, other, source):
                    contested.add(source.name)
            self._sources = {name: source for name, source in found.items() if name not in contested}
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
            contested: set[str] = set()
            for source in [*self._own(), *self._foreign()]:
                for name, thing in self._things_of(source).items():
                    if name in contested:
                        continue
                    if name not in found:
                        found[name] = (thing, source)
                    elif not self._keeps(name, found[name][1], source):
                        contested.add(name)
            found = {name: one for name, one in found.items() if name not in contested}
            self._origins = {name: source for name, (_, source) in found.items()}
            self._things = {name: thing for name, (thing, _) in found.items()}
        return self._things

    def _things_of(self, source: Source) -> Mapping[str, T]:
        try:
            return self._accept(source.load())
        except Exception as error:
            if not source.foreign:
                raise
            self._warn(source.name, self._unusable(source, error))
            return {}

    def _keeps(self, name: str, one: Source, other: Source) -> bool:
        """Return whether the first keeps a name that another one has too, and warn; two of our own are our mistake."""
        error = self._twice(name, one.where, other.where)
        if not other.foreign:
            raise error
        if one.foreign:
            self._warn(name, str(error))
            return False
        self._warn(
            name,
            f"The {self.what} plug-in {other.name!r} ({other.where}) gives the name {name!r}, which is that of "
            f"{one.where}, built in and used. Rename what it brings, or uninstall it.",
        )
        return True

    def _warn(self, name: str, told: str) -> None:
        self._broken[name] = told
        warnings.warn(told, stacklevel=3)

    def _usable(self) -> dict[str, T]:
        """Load every source of a lazy registry that can be."""
        found = {}
        for name, source in self._known_sources().items():
            try:
                found[name] = self._one(name)
            except StateError as error:
                if not source.foreign:
                    raise
                if name not in self._broken:
                    self._warn(name, str(error))
        return found

    def _one(self, name: str) -> T:
        """Return what a source brings, loaded the first time that it is asked for."""
        if self._things is None:
            self._things = {}
        if name not in self._things:
            source = self._known_sources()[name]
            try:
                things = self._accept(source.load())
                if [*things] != [name]:
                    raise InputError(f"It must be called {name!r}, as its entry point is, got {', '.join(things)}.")
                self._things[name] = things[name]
            except Exception as error:
                if not source.foreign:
                    raise
                raise StateError(self._unusable(source, error)) from error
        return self._things[name]

    def _origin(self, name: str) -> Source | None:
        """Return where a thing comes from; None of what was declared here, or is not known."""
        if name in self._declared:
            return None
        return (self._known_sources() if self._lazy else self._origins).get(name)

    def _unusable(self, source: Source, error: Exception) -> str:
        return (
            f"The {self.what} plug-in {source.name!r} ({source.where}) cannot be used: {reason(error)} Update or "
            "uninstall it."
        )

    def _twice(self, name: str, one: str, other: str) -> StateError:
        return StateError(
            f"Two {self.what}s are called {name!r}: {one} and {other}. Rename one of them, or uninstall its package."
        )


def _thing(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)
