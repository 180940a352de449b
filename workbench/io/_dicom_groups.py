"""Which slices of a series can be stacked: of one size, spacing and orientation, and of one acquisition.

Spacing and orientation are compared by their distance, so that rounding never parts a series. Where a series as a whole
does not make an even stack and its acquisitions (or echoes, ... ) do, these are the stacks to choose from.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from math import dist

import numpy as np

from workbench.io._dicom_attributes import ATTRIBUTES, cluster, labels
from workbench.io._dicom_header import Slice
from workbench.io._dicom_levels import Spread, directions, levels_of, same_mm, sideways, spread
from workbench.io._dicom_pixels import is_colour

#: Directions nearer than this (radians, nearly) are one: a quarter of a millimetre over the width of a body.
_SAME_TURN = 2e-3
#: Share of a spacing: half a pixel over the width of a picture.
_SAME_STEP = 1e-3
#: How much wider than the gaps of the whole those of a part are where two stacks lie between each other's slices.
_BETWEEN = 1.5


@dataclass(frozen=True)
class Group:
    """Slices that stack, and what tells them from the other groups of the same size and orientation."""

    slices: list[Slice]
    name: str = ""

    def __str__(self) -> str:
        head = self.slices[0]
        facts = [
            f"{len(self.slices)} slices {head.pixels.columns}x{head.pixels.rows}",
            f"spacing {head.spacing}",
            f"orientation {head.orientation}",
            self.name,
            _extent(self.slices),
        ]
        return ", ".join(filter(None, facts))


def split(slices: list[Slice]) -> list[Group]:
    """Group slices that can be stacked: the largest of a size and orientation first, acquisitions in their order."""
    found: list[Group] = []
    for group in sorted(alike(slices), key=len, reverse=True):
        for part in _by_stack_id(group):
            found += _acquisitions(part)
    return found


def alike(slices: list[Slice]) -> list[list[Slice]]:
    """Group slices of one size, look, spacing and orientation."""
    groups: dict[object, list[list[Slice]]] = {}
    for item in slices:
        pixels = item.pixels
        looks = (pixels.samples, is_colour(pixels), pixels.photometric == "MONOCHROME1")
        known = (item.position is None, item.orientation is None, item.spacing is None)
        kin = groups.setdefault((pixels.rows, pixels.columns, looks, known, item.pictures, item.unplaced), [])
        home = next((group for group in kin if _near(group[0], item)), None)
        if home is None:
            kin.append([item])
        else:
            home.append(item)
    return [group for kin in groups.values() for group in kin]


def _near(one: Slice, other: Slice) -> bool:
    steps = zip(one.spacing or (), other.spacing or (), strict=True)
    if any(abs(a - b) > _SAME_STEP * max(a, b) for a, b in steps):
        return False
    a, b = one.orientation, other.orientation
    if a is None or b is None or a == b:
        return True
    return dist(a[:3], b[:3]) <= _SAME_TURN and dist(a[3:], b[3:]) <= _SAME_TURN


def _by_stack_id(slices: list[Slice]) -> list[list[Slice]]:
    """Part the stacks that an enhanced file names, unless they lie at the same places."""
    stacks: dict[str, list[Slice]] = {}
    for item in slices:
        stacks.setdefault(item.stack, []).append(item)
    if len(stacks) == 1 or slices[0].position is None or slices[0].orientation is None:
        return [slices]
    places = _Places(slices)
    sets = {frozenset(places.levels(part)) for part in stacks.values()}
    return [slices] if len(sets) == 1 else list(stacks.values())


def _acquisitions(slices: list[Slice]) -> list[Group]:
    if len(slices) < 4 or slices[0].position is None or slices[0].orientation is None:
        return [Group(slices)]
    places = _Places(slices)
    whole = places.fit(slices)
    if whole.complete and not whole.single:
        return [Group(slices)]
    ways = chain(_by_attribute(slices), _by_number(slices, places), () if whole.complete else _by_side(slices, places))
    for names, parts, clock in ways:
        fits = [places.fit(part) for part in parts]
        if not all(fit.even for fit in fits) or (clock and not _thick_enough(slices[0], fits)):
            continue
        if all(fit.spread is None for fit in fits):
            continue  # images of one place each are no stacks, in whatever order they were numbered
        if whole.complete or (whole.even and places.apart(parts)):
            if whole.complete and _between_each_other(slices[0], whole, fits, places, parts):
                return [Group(part, name) for name, part in zip(names, parts, strict=True)]
            continue
        within = whole.regular and not _between_each_other(slices[0], whole, fits, places, parts)
        if whole.straight and places.common(parts) and (within or places.shared(parts)):
            return [Group(slices)]
        if not whole.even or sum(fit.missing for fit in fits) < whole.missing or not whole.single:
            return [Group(part, name) for name, part in zip(names, parts, strict=True)]
    return [Group(slices)]


@dataclass(frozen=True)
class _Fit:
    spread: Spread | None  # None for a single level
    straight: bool  # on one line
    single: bool  # one slice at each level
    even: bool  # an even grid, with the same number of slices at each of its places; some may be missing
    complete: bool  # none is missing

    @property
    def missing(self) -> int:
        return self.spread.missing if self.spread else 0

    @property
    def regular(self) -> bool:
        """Whether the levels lie on an even grid, however many slices are at each."""
        return self.spread is None or self.spread.places is not None

    @property
    def step(self) -> float:
        return self.spread.usual if self.spread else 0.0


class _Places:
    """Levels of a group of slices and of its parts, all on one normal."""

    def __init__(self, slices: list[Slice]) -> None:
        self._normal = np.cross(*directions(slices))
        self._aside = max(0.1, 0.5 * min(slices[0].spacing or (1.0, 1.0)))
        self._level = {
            id(item): number for number, level in enumerate(levels_of(slices, self._normal)) for item in level
        }
        self._near = same_mm(slices)

    def levels(self, slices: list[Slice]) -> set[int]:
        return {self._level[id(item)] for item in slices}

    def heights(self, slices: list[Slice]) -> list[float]:
        return [float(np.dot(item.position or (), self._normal)) for item in slices]

    def beside(self, slices: list[Slice]) -> list[tuple[float, ...]]:
        """Return where slices lie in the plane, their heights left out."""
        points = np.array([item.position for item in slices])
        return [tuple(point) for point in points - np.outer(points @ self._normal, self._normal)]

    def fit(self, slices: list[Slice]) -> _Fit:
        levels = levels_of(slices, self._normal)
        counts = {len(level) for level in levels}
        points = np.array([item.position for item in slices])
        straight = sideways(points, self._normal) <= self._aside
        single, uniform = counts == {1}, len(counts) == 1
        if len(levels) == 1:
            return _Fit(None, straight, single, straight, straight)
        heights = np.array([level[0].position for level in levels]) @ self._normal
        found = spread(heights, slices[0], 2 * len(levels))
        even = straight and uniform and found.places is not None
        return _Fit(found, straight, single, even, even and not found.missing)

    def apart(self, parts: list[list[Slice]]) -> bool:
        """Tell whether the parts follow each other, none reaching into the next."""
        spans = sorted((min(heights), max(heights)) for heights in map(self.heights, parts))
        return all(one[1] < other[0] + self._near for one, other in pairwise(spans))

    def common(self, parts: list[list[Slice]]) -> bool:
        """Tell whether the parts lie at the same places but for some that are missing.

        A part that sticks out at one end and is short of the other is another stack.
        """
        sets = [self.levels(part) for part in parts]
        first, last = min(map(min, sets)), max(map(max, sets))
        return any((min(one), max(one)) == (first, last) for one in sets)

    def shared(self, parts: list[list[Slice]]) -> bool:
        """Tell whether most places of each part are those of the part with the most, and not between them."""
        sets = [self.levels(part) for part in parts]
        most = max(sets, key=len)
        return all(2 * len(one & most) > len(one) for one in sets)


Parted = tuple[list[str], list[list[Slice]], bool]


def _by_attribute(slices: list[Slice]) -> Iterator[Parted]:
    for attribute in ATTRIBUTES[:-1]:
        values = [item.tags.get(attribute.name) for item in slices]
        parts: dict[int, list[int]] = {}
        for at, number in enumerate(cluster(attribute, values)):
            parts.setdefault(number, []).append(at)
        if len(parts) >= 2 and all(len(part) > 1 for part in parts.values()):
            ordered = [parts[number] for number in sorted(parts)]
            names = labels(attribute, [values[part[0]] for part in ordered])
            yield (
                [name or f"no {attribute.name}" for name in names],
                [[slices[at] for at in part] for part in ordered],
                attribute.clock,
            )


def _by_number(slices: list[Slice], places: _Places) -> Iterator[Parted]:
    """Part where the instance numbers go on and the heights turn back or jump."""
    numbered = [item.tags.get("instance") for item in slices]
    if len(set(numbered)) < len(slices):
        return
    ordered = [slices[n] for n in np.argsort(numbered)]  # type: ignore[arg-type]
    steps = np.diff(places.heights(ordered))
    usual = float(np.median(steps))
    breaks = [n + 1 for n, step in enumerate(steps) if abs(step - usual) > 0.02 * abs(usual)]
    parts = [ordered[a:b] for a, b in zip([0, *breaks], [*breaks, len(ordered)], strict=True)]
    if len(parts) >= 2 and all(len(part) > 1 for part in parts):
        ends = [[item.tags["instance"] for item in (part[0], part[-1])] for part in parts]
        yield [f"numbers {a:g} to {b:g}" for a, b in ends], parts, False


def _by_side(slices: list[Slice], places: _Places) -> Iterator[Parted]:
    """Part stacks that lie beside each other in the plane."""
    parts: list[tuple[tuple[float, ...], list[Slice]]] = []
    for item, point in zip(slices, places.beside(slices), strict=True):
        home = next((part for other, part in parts if dist(other, point) < 1.0), None)
        if home is not None:
            home.append(item)
        elif 2 * len(parts) < len(slices):
            parts.append((point, [item]))
        else:
            return
    if len(parts) >= 2 and all(len(part) > 1 for _, part in parts):
        yield [f"stack {number} beside the others" for number in range(len(parts))], [part for _, part in parts], False


def _thick_enough(head: Slice, fits: list[_Fit]) -> bool:
    # slices that are excited together share a clock and lie far apart: they are no stack
    return head.thickness is not None and all(fit.step <= _BETWEEN * head.thickness for fit in fits)


def _between_each_other(head: Slice, whole: _Fit, fits: list[_Fit], places: _Places, parts: list[list[Slice]]) -> bool:
    """Tell whether parts that make an even stack together are stacks of their own, shifted by half of the step.

    An acquisition in two passes looks alike. What its slices state of their distance or thickness fits the whole, and
    not the parts.
    """
    step = min(fit.step for fit in fits)
    if not all(fit.complete for fit in fits) or step < _BETWEEN * whole.step or places.apart(parts):
        return False
    if head.between:
        return abs(head.between - step) < abs(head.between - whole.step)
    return head.thick is not None and head.thick >= 0.75 * step


def _extent(slices: list[Slice]) -> str:
    if slices[0].position is None or slices[0].orientation is None:
        return ""
    heights = np.array([item.position for item in slices]) @ np.cross(*directions(slices[:1]))
    return f"{heights.min():.4g} to {heights.max():.4g} mm along the normal"
