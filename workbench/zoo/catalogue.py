"""Which algorithms there are: the folders of this room, and those that other packages register."""

from __future__ import annotations

import functools
import importlib.util
from importlib import metadata
from pathlib import Path

from workbench.errors import StateError, choose
from workbench.zoo.algorithm import Algorithm
from workbench.zoo.card import Card, Cards

GROUP = "workbench.algorithms"


@functools.cache
def _known() -> dict[str, Algorithm]:
    room = Path(__file__).parent
    found = [Algorithm(f"{__package__}.{card.parent.name}", card.parent) for card in sorted(room.glob("*/card.yaml"))]
    for entry in sorted(metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
        spec = importlib.util.find_spec(entry.value)
        if spec is None or not spec.submodule_search_locations:
            raise StateError(
                f"The entry point {entry.name!r} in {GROUP!r} names {entry.value!r}, which cannot be "
                "imported. It must be a folder with __init__.py, card.yaml, network.py and task.py."
            )
        found.append(Algorithm(entry.value, Path(next(iter(spec.submodule_search_locations)))))
    by_name: dict[str, Algorithm] = {}
    for algorithm in found:
        other = by_name.setdefault(algorithm.name, algorithm)
        if other is not algorithm:
            raise StateError(f"Two algorithms are called {algorithm.name!r}: {other.package} and {algorithm.package}.")
    return by_name


def algorithm(name: str) -> Algorithm:
    """Return an algorithm by name.

    Raises
    ------
    InputError
        If there is none of that name; the message names the nearest.
    """
    return _known()[choose(name, _known(), "algorithm")]


def card(name: str) -> Card:
    """Return the card of an algorithm: what it does, its options, its paper, its figures."""
    return algorithm(name).card


def cards() -> Cards:
    """Return the cards of all algorithms; prints as a table."""
    return Cards(entry.card for entry in _known().values())
