"""The notes of many slices as few sentences: said once, with the count, however often the headers say it."""

from __future__ import annotations

import re

from workbench.io._dicom_header import Slice
from workbench.io._doubt import Doubt

_NUMBERS_SHOWN = 8
_NUMBER = re.compile(r"-?\d[\d.e+-]*")


def collect(slices: list[Slice]) -> list[str]:
    """Return what the headers of the slices made a note of, and what only all of them together show."""
    notes = []
    for alike in _alike([note for item in slices for note in dict.fromkeys(item.notes)]):
        more = f" (in {len(alike)} of {len(slices)} images)" if len(alike) < len(slices) else ""
        words = f"{', and the like in other images' if len(set(alike)) > 1 else ''}{more}"
        notes.append(alike[0].also(words) if isinstance(alike[0], Doubt) else f"{alike[0]}{words}")
    return [*notes, *_padding(slices), *_references(slices)]


def left_out(damaged: list[tuple[int, str]], count: int) -> Doubt:
    """Return the doubt about files that could not be read.

    Parameters
    ----------
    damaged : list of (int, str)
        The number of each among the files, in the order of their names, and what is wrong with it.
    count : int
        How many files were looked at.
    """
    reasons = []
    for alike in map(set, _alike([words for _, words in damaged])):
        which = [(number, words) for number, words in damaged if words in alike]
        shown = ", ".join(str(number) for number, _ in which[:_NUMBERS_SHOWN])
        more = ", ..." if len(which) > _NUMBERS_SHOWN else ""
        like = ", and the like" if len(alike) > 1 else ""
        reasons.append(f'number {shown}{more} ("{which[0][1]}"{like})')
    return Doubt(
        f"{len(damaged)} DICOM files are damaged or of a kind not supported and were left out; of the {count} files in "
        f"the order of their names these are {'; '.join(reasons)}"
    )


def _alike(notes: list[str]) -> list[list[str]]:
    """Gather notes that differ in their numbers alone, or a rescale for each slice would make a hundred."""
    found: dict[str, list[str]] = {}
    for note in notes:
        found.setdefault(_NUMBER.sub("#", note), []).append(note)
    return list(found.values())


def _padding(slices: list[Slice]) -> list[str]:
    values = sorted({end * item.scale.slope + item.scale.inter for item in slices for end in item.padding})
    if not values:
        return []
    shown = f"{values[0]:g}" if len(values) == 1 else f"{values[0]:g} to {values[-1]:g}"
    return [f"the value {shown} is padding, where nothing was measured (Pixel Padding Value)"]


def _references(slices: list[Slice]) -> list[str]:
    count = len({item.reference for item in slices if item.reference})
    if count < 2:
        return []
    return [Doubt(f"the images refer to {count} frames of reference; their places may not fit together")]
