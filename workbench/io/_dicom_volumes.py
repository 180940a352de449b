"""Several images at one place as volumes: which image at this place belongs with which at the next.

No image is dropped. An attribute that has the same few values at all places (echo time, b-value, acquisition, ...) says
it; attributes are taken in the order of their table until all images are told apart. Where the values differ from
place to place (a clock, a trigger), or where nothing but instance numbers is left, their order says it.
"""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import Any

import numpy as np

from workbench.io._dicom_attributes import ATTRIBUTES, Attribute, cluster, labels
from workbench.io._dicom_header import Slice
from workbench.io._doubt import Doubt

Key = tuple[int, ...]
Volumes = list[list[Slice | None]]


def volumes_of(levels: list[list[Slice]], notes: list[str]) -> tuple[Volumes, list[str]]:
    """Return volumes, each with an image or None for every level, and their names (none for a single volume).

    Parameters
    ----------
    levels : list
        The slices at each place.
    notes : list of str
        Gets what a reader should know about the assignment.
    """
    most = max(map(len, levels))
    if most == 1:
        return [[level[0] for level in levels]], []
    table = _Table(levels)
    table.tell_apart()
    keys = sorted(set(table.keys))
    found: list[dict[Key, Slice]] = [{} for _ in levels]
    for item, level, key in zip(table.slices, table.level, table.keys, strict=True):
        found[level][key] = item
    blank = len(keys) * len(levels) - len(table.slices)
    note = f"{most} images lie at each position; they are the channels (choose one with volume=)"
    if blank:
        note = (
            f"up to {most} images lie at a position; they are {len(keys)} channels (choose one with volume=), of which "
            f"{blank} slices are missing and left blank{_doubled(levels)}"
        )
    note = f"{note}{table.remark}"
    notes.append(Doubt(note) if blank or table.remark else note)
    return [[level.get(key) for level in found] for key in keys], table.names(keys)


def _doubled(levels: list[list[Slice]]) -> str:
    """Say where the images lie that are more than one, if these are few."""
    where = [mm(level[0].position) for level in levels if len(level) > 1]
    if 2 * len(where) > len(levels) or levels[0][0].position is None:
        return ""
    return f"; more than one lie at {', '.join(where[:8])}{' ...' if len(where) > 8 else ''} (LPS mm)"


def mm(position: object) -> str:
    """Return a position as it is put in notes."""
    return "(" + " ".join(f"{value:.4g}" for value in np.asarray(position, dtype=float)) + ")"


class _Table:
    """The images of all levels, with the keys that are found for them step by step."""

    def __init__(self, levels: list[list[Slice]]) -> None:
        self.slices = [item for level in levels for item in level]
        self.level = [number for number, level in enumerate(levels) for _ in level]
        self.most = max(map(len, levels))
        self.count = len(levels)
        self.keys: list[Key] = [()] * len(self.slices)
        self.chosen: list[Attribute] = []
        self.last: Attribute | None = None
        self.rank = [0] * len(self.slices)
        self.ordered = False
        self.remark = ""

    def tell_apart(self) -> None:
        # a number that counts the files names a volume only where a file is one
        single = len({item.path for item in self.slices}) == len(self.slices)
        for attribute in ATTRIBUTES[: -1 if single else None]:
            if self._told(self.keys) == len(self.slices):
                return
            numbers = self._clusters(attribute)
            keys = [(*key, number) for key, number in zip(self.keys, numbers, strict=True)]
            if self._told(keys) > self._told(self.keys) and self._is_shared(keys):
                self.keys = keys
                self.chosen.append(attribute)
        if self._told(self.keys) < len(self.slices):
            self._by_order()

    def names(self, keys: list[Key]) -> list[str]:
        columns = [self._labels(attribute, at, keys) for at, attribute in enumerate(self.chosen)]
        if self.ordered:
            columns.append(self._ordered_labels(keys))
        names = [", ".join(filter(None, parts)) for parts in zip(*columns, strict=True)]
        if len(set(names)) < len(names) or not all(names):
            names = [f"{name}, volume {number}" if name else f"volume {number}" for number, name in enumerate(names)]
        return names

    def _clusters(self, attribute: Attribute) -> list[int]:
        return cluster(attribute, [item.tags.get(attribute.name) for item in self.slices])

    def _told(self, keys: list[Key]) -> int:
        return len(set(zip(self.level, keys, strict=True)))

    def _is_shared(self, keys: list[Key]) -> bool:
        """Tell whether the values come back from place to place, so that they name volumes, not slices."""
        volumes = len(set(keys))
        return volumes <= self.most or 2 * len(keys) > volumes * self.count

    def _by_order(self) -> None:
        self.ordered = True
        sizes = Counter(zip(self.level, self.keys, strict=True))
        alike = [n for n, place in enumerate(zip(self.level, self.keys, strict=True)) if sizes[place] > 1]
        for attribute in ATTRIBUTES:
            numbers = self._clusters(attribute)
            told = {(self.level[n], self.keys[n], numbers[n]) for n in alike}
            if len(told) == len(alike) and all(self.slices[n].tags.get(attribute.name) is not None for n in alike):
                self.last, self.rank = attribute, numbers
                break
        if self.last is None or self.last.name == "instance":
            self.remark = "; nothing but their numbers tells some of them apart"
        order = sorted(range(len(self.slices)), key=self._place_in_order)
        passes = self._passes(order)
        most: dict[Key, int] = {}
        for (_, key), size in sizes.items():
            most[key] = max(size, most.get(key, 0))
        found: dict[Key, int] = {}
        for key, number in zip(self.keys, passes, strict=True):
            found[key] = max(found.get(key, 0), number + 1)
        ranks = self._ranks(order)
        self.keys = [(*key, passes[n] if found[key] == most[key] else ranks[n]) for n, key in enumerate(self.keys)]

    def _place_in_order(self, n: int) -> Any:
        return self.rank[n], self.slices[n].order, str(self.slices[n].path), n

    def _passes(self, order: list[int]) -> list[int]:
        """Number the images by sweeps: a new one begins where a place comes for the second time."""
        number: dict[Key, int] = {}
        seen: dict[Key, set[int]] = {}
        passes = [0] * len(order)
        for n in order:
            key = self.keys[n]
            if self.level[n] in seen.setdefault(key, set()):
                number[key] = number.get(key, 0) + 1
                seen[key] = set()
            seen[key].add(self.level[n])
            passes[n] = number.get(key, 0)
        return passes

    def _ranks(self, order: list[int]) -> list[int]:
        """Number the images at each place by themselves."""
        seen: Counter[Any] = Counter()
        ranks = [0] * len(order)
        for n in order:
            place = (self.level[n], self.keys[n])
            ranks[n] = seen[place]
            seen[place] += 1
        return ranks

    def _labels(self, attribute: Attribute, at: int, keys: list[Key]) -> list[str]:
        values: dict[int, Any] = {}
        for item, key in zip(self.slices, self.keys, strict=True):
            values.setdefault(key[at], item.tags.get(attribute.name))
        names = dict(zip(values, labels(attribute, list(values.values())), strict=True))
        return [names[key[at]] for key in keys]

    def _ordered_labels(self, keys: list[Key]) -> list[str]:
        """Name volumes by the attribute that orders them, where its values in one lie apart from those in the next."""
        attribute = self.last
        spans: dict[Key, list[float]] = {key: [] for key in keys}
        for item, key in zip(self.slices, self.keys, strict=True):
            value = item.tags.get(attribute.name) if attribute is not None else None
            if isinstance(value, float):
                spans[key].append(value)
        single = {key[:-1] for key in keys if key[-1] > 0}
        if attribute is None or attribute.name == "instance" or not all(spans.values()):
            return [f"volume {key[-1]}" if key[:-1] in single else "" for key in keys]
        ordered = sorted(spans.values(), key=min)
        apart = all(max(one) < min(other) for one, other in pairwise(ordered))
        if not apart:
            return [f"volume {key[-1]}" if key[:-1] in single else "" for key in keys]
        middle: list[Any] = [min(spans[key]) for key in keys]
        return labels(attribute, middle)
