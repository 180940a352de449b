"""The forms of the data sets: what each option is called, what it may be, and how large a data set gets."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from typing import Annotated, Any, TypedDict

import psutil

from workbench import datasets
from workbench._words import size, span
from workbench.parameters import Schema
from workbench.widgets import _options

_HERE = frozenset({"built in", "here", "your files"})
_HINTS = {"download": "not downloaded yet", "your files": ""}
#: More cases than this, or more voxels in one, are asked about before they are made.
_MANY_CASES = 100_000
_MANY_VOXELS = 1 << 28
#: Voxels of the phantom that is made to measure, and bytes that a voxel takes while one is made: a float image and its
#: noise, both in double precision, and a label.
_SMALL = 32
_BYTES_PER_VOXEL = 2 * 8 + 4 + 1
#: What a case takes before it is read: its name, its place in the splits, what is drawn of it beforehand.
_BYTES_PER_CASE = 400


class DataEntry(TypedDict):
    """A data set of the catalogue."""

    name: str
    title: str
    about: str
    available: bool
    hint: Annotated[str, "How to get it, where it is not here."]
    options: list[Schema]


def entry(card: datasets.Card) -> DataEntry:
    """Return what the panel offers of a data set: name, what it shows, its form, and where to get it."""
    available = card.available in _HERE
    hint = "" if available else f"{_HINTS.get(card.available, card.available)}; wb.datasets.download({card.name!r})"
    dimensions = f"{card.spatial_ndim}D" if card.spatial_ndim else "2D or 3D"
    about = ", ".join(filter(None, (modality(card), f"{dimensions} {card.tasks[0]}" if card.tasks else dimensions)))
    return {
        "name": card.name,
        "title": card.title,
        "about": about + (" and other tasks" if len(card.tasks) > 1 else ""),
        "available": available,
        "hint": hint,
        "options": _options.schemas(datasets.parameters(card.name)),
    }


def modality(card: datasets.Card) -> str:
    """Return what made the images, in a word: ``CT`` for ``CT (simulated)``."""
    return re.split(r"[,(]", card.modality)[0].strip()


def largeness(name: str, values: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return what a very large data set would take, and whether it can be made at all; None for any other.

    Memory follows from the number of voxels; time from making one small case here and now.
    """
    known = datasets.options(name) | dict(values)
    if not name.startswith("phantom") or "n" not in known or "size" not in known:
        return None
    sides = known["size"] if isinstance(known["size"], list | tuple) else [known["size"]]
    ndim = datasets.card(name).spatial_ndim or 2
    voxels = math.prod(sides) if len(sides) > 1 else int(sides[0]) ** ndim
    cases = int(known["n"])
    if voxels <= _MANY_VOXELS and cases <= _MANY_CASES:
        return None
    memory = voxels * _BYTES_PER_VOXEL + cases * _BYTES_PER_CASE
    began = time.perf_counter()
    datasets.load(name, n=1, size=_SMALL)[0]["image"].load()
    seconds = (time.perf_counter() - began) / _SMALL**ndim * voxels
    there = psutil.virtual_memory().total
    text = (
        f"{cases:,} cases of {voxels:,} voxels take about {size(memory)} of memory for the list and one case, and "
        f"{span(seconds)} to make each (derived from the number of voxels and from a small case made on this machine, "
        f"which has {size(there)})."
    )
    return text, memory < there
