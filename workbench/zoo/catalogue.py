"""Which algorithms there are: the folders of this room, and those that other packages register."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from functools import partial
from operator import attrgetter
from pathlib import Path

from workbench._plugins import Registry, Source
from workbench.errors import InputError
from workbench.zoo.algorithm import Algorithm
from workbench.zoo.card import Card, Cards


def _own() -> Iterator[Source]:
    for card in sorted(Path(__file__).parent.glob("*/card.yaml")):
        package = f"{__package__}.{card.parent.name}"
        yield Source(card.parent.name, package, partial(Algorithm, package, card.parent))


def _named(given: Algorithm | str) -> Mapping[str, Algorithm]:
    algorithm = _in_package(given) if isinstance(given, str) else given
    if not isinstance(algorithm, Algorithm):
        raise InputError(
            f"An algorithm must be the name of a package that holds its folder, got {given!r}. Give "
            "'my_package.my_net'."
        )
    return {algorithm.name: algorithm}


def _in_package(package: str) -> Algorithm:
    """Return the algorithm whose folder is a package; nothing of it is imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise InputError(
            f"{package!r} cannot be imported as a folder with __init__.py, card.yaml, network.py and task.py."
        )
    return Algorithm(package, Path(next(iter(spec.submodule_search_locations))))


#: Every algorithm, by the name on its card.
ALGORITHMS: Registry[Algorithm] = Registry(
    "workbench.algorithms", "algorithm", _named, builtin=_own, load=attrgetter("value")
)
register = ALGORITHMS.register


def algorithm(name: str) -> Algorithm:
    """Return an algorithm by name.

    Raises
    ------
    InputError
        If there is none of that name; the message names the nearest.
    StateError
        If the package that should bring it is broken.
    """
    return ALGORITHMS.get(name)


def card(name: str) -> Card:
    """Return the card of an algorithm: what it does, its options, its paper, its figures."""
    return algorithm(name).card


def cards() -> Cards:
    """Return the cards of all algorithms; prints as a table."""
    return Cards(entry.card for entry in ALGORITHMS.all().values())
