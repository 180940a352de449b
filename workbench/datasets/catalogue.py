"""The catalogue: every data set that can be loaded by name, plug-ins included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

from workbench._accepting import by_name
from workbench._plugins import Registry
from workbench._rooms import modules_in
from workbench.datasets.cards import Card, CardList
from workbench.datasets.dataset import Dataset
from workbench.datasets.entry import Entry
from workbench.errors import InputError, check_keywords
from workbench.parameters import Parameter


def _named(given: Any) -> Mapping[str, Entry]:
    made = given() if callable(given) else given
    entries = tuple(made) if isinstance(made, Iterable) and not isinstance(made, Dataset) else (made,)
    if not all(isinstance(entry, Entry) for entry in entries):
        raise InputError(
            f"A data set is registered as a workbench.datasets.Entry(card, load), got {type(made).__name__}. "
            "A function that is registered takes nothing and returns entries; the one that loads goes into its Entry."
        )
    return by_name(entries, lambda entry: entry.card.name)


#: Every data set. A source gives an `Entry`, a list of them, or a function that returns either;
#: `DATASETS.register` adds such a function that is written down in a notebook.
DATASETS: Registry[Entry] = Registry(
    "workbench.datasets",
    "data set",
    _named,
    builtin=lambda: modules_in("workbench.datasets.sources", attrgetter("entries")),
)
register = DATASETS.register


def list() -> CardList:
    """Return the card of every data set in the catalogue, in their `order` (shown as a table)."""
    entries = sorted(DATASETS.all().values(), key=lambda entry: entry.order)
    return CardList(replace(entry.card, available=entry.available()) for entry in entries)


def card(name: str) -> Card:
    """Return the card of the data set `name`."""
    entry = _entry(name)
    return replace(entry.card, available=entry.available(), parameters=entry.parameters)


def load(name: str, **options: Any) -> Dataset:
    """Open a data set; its samples are read when they are asked for.

    Parameters
    ----------
    name : str
        A name of :func:`list`.
    **options
        The options of that data set; :func:`options` lists them.

    Raises
    ------
    InputError
        If the name or an option is unknown; the message names the nearest valid one.
    FileError
        If the data is not on this machine; the message says where to get it and where to put it.
    """
    entry = _entry(name)
    owner = f"Data set {name!r}"
    check_keywords(options, entry.parameters, owner)
    checked = {key: entry.parameters[key].check(value, owner) for key, value in options.items()}
    with DATASETS.using(name):
        return entry.load(**checked)


def options(name: str) -> dict[str, Any]:
    """Return the options of the data set `name` and their defaults."""
    known = parameters(name).items()
    return {key: None if one.required else one.default for key, one in known}


def parameters(name: str) -> dict[str, Parameter]:
    """Return the options of the data set `name`: kind, limits, default and meaning of each."""
    return dict(_entry(name).parameters)


def from_spec(spec: Mapping[str, Any]) -> Dataset:
    """Make the data set again that :meth:`Dataset.spec` describes.

    Raises
    ------
    InputError
        If the spec is not one, or names something the catalogue does not have.
    """
    if not isinstance(spec, Mapping) or "name" not in spec:
        raise InputError(f"A data set spec must be a dict with a 'name', got {spec!r}. Use `dataset.spec()`.")
    if "parent" not in spec:
        check_keywords(spec, ("name", "options"), "A data set spec")
        options = spec.get("options", {})
        if not isinstance(options, Mapping):
            raise InputError(f"The options of a data set spec must be a dict, got {options!r}.")
        return load(spec["name"], **options)
    check_keywords(spec, ("name", "parent", "subset", "indices", "splits"), "A data set spec")
    parent = from_spec(spec["parent"])
    if "subset" in spec:
        return parent.subset(spec["subset"])
    if "indices" in spec:
        return parent.select(spec["indices"])
    if "splits" in spec:
        return parent.with_splits(spec["splits"])
    raise InputError(f"A spec with a 'parent' must say 'subset', 'indices' or 'splits', got {sorted(spec)}.")


def root_of(spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the spec of the data set of which another is a part."""
    return root_of(spec["parent"]) if "parent" in spec else spec


def _entry(name: str) -> Entry:
    return DATASETS.get(str(name))
