"""Single values of a DICOM header as Python numbers and codes."""

from __future__ import annotations

import re
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.io._doubt import Doubt

#: What pydicom raises on a value that its type cannot hold.
UNREADABLE = (ValueError, TypeError, OverflowError, LookupError, AttributeError, NotImplementedError, struct.error)


def find(places: list[Any], group: str, keyword: str) -> Any:
    """Return a value from the per-frame groups, the shared groups or the file itself, whichever has it first."""
    for place in places:
        if place is None:
            continue
        items = place.get(group) or []
        for item in (items[0] if len(items) else None, place):
            value = None if item is None else item.get(keyword)
            if value is not None and value != "":
                return value
    return None


def code(dataset: Any, keyword: str) -> str:
    """Return a code or an identifier without the blanks and zeros that pad it to an even length."""
    return clean(dataset.get(keyword))


def codes(dataset: Any, keyword: str) -> tuple[str, ...]:
    """Return the values of an element of codes."""
    value = dataset.get(keyword)
    if value is None or isinstance(value, str):
        value = [value]
    return tuple(clean(item) for item in value)


def clean(value: Any) -> str:
    """Return text without the blanks and zeros around it."""
    return "" if value is None else str(value).strip(" \0")


def whole(dataset: Any, keyword: str, default: int) -> int:
    """Return a whole number, `default` where it is not given; what follows the digits is left out, as C does."""
    value = dataset.get(keyword)
    if value in (None, ""):
        return default
    leading = re.match(r"\s*[-+]?\d+", value) if isinstance(value, str) else None
    return int(leading[0] if leading else value)


def real(value: Any, default: float = 0.0) -> float:
    """Return a number, `default` where it is not given."""
    return default if value is None or value == "" else float(value)


def numbers(value: Any) -> tuple[float, ...]:
    """Return the numbers of an element, however many; none where they cannot be read."""
    if value is None or value == "":
        return ()
    try:
        found: NDArray[np.float64] = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except UNREADABLE:
        return ()
    return tuple(float(n) for n in found.ravel()) if np.isfinite(found).all() else ()


def positive(value: Any) -> float | None:
    """Return a length above 0, None for anything else."""
    found = numbers(value)
    number = abs(found[0]) if found else 0.0
    return number if 0 < number < 1e6 else None


def floats(value: Any, count: int, keyword: str, notes: list[str]) -> tuple[float, ...] | None:
    """Return `count` finite numbers, None where they are not given; where they are something else, it is doubted."""
    if value is None or value == "":
        return None
    found = numbers(value)
    if len(found) == count:
        return found
    had = "something else" if not found else f"{len(found)}: {list(found)}"
    doubt(notes, f"{keyword} is {count} finite numbers, the header has {had}; it was not used")
    return None


def doubt(notes: list[str], words: str) -> None:
    """Add a doubt to the notes, once."""
    if words not in notes:
        notes.append(Doubt(words))


def private(dataset: Any, group: int, creator: str, *elements: int) -> tuple[float, ...]:
    """Return the numbers of private elements, none where there are none."""
    if (group, 0x0010) not in dataset:
        return ()
    try:
        block = dataset.private_block(group, creator)
        return tuple(n for element in elements for n in numbers(block[element].value))
    except UNREADABLE:
        return ()


def frame_count(dataset: Any) -> int:
    """Return how many frames a file has; several writers leave 0 where it has one."""
    return whole(dataset, "NumberOfFrames", 1) or 1
