"""The notes of many slices as few sentences: said once, with the count, however often the headers say it."""

from __future__ import annotations

import re

from workbench.io._dicom_header import Slice
from workbench.io._format import Doubt

_NUMBER = re.compile(r"-?\d[\d.e+-]*")


def collect(slices: list[Slice]) -> list[str]:
    """Return what the headers of the slices made a note of, and what only all of them together show."""
    # notes that differ in their numbers alone are one note, or a rescale for each slice would make a hundred
    found: dict[str, list[str]] = {}
    for item in slices:
        for note in dict.fromkeys(item.notes):
            found.setdefault(_NUMBER.sub("#", note), []).append(note)
    notes = []
    for alike in found.values():
        more = f" (in {len(alike)} of {len(slices)} images)" if len(alike) < len(slices) else ""
        words = f"{', and the like in other images' if len(set(alike)) > 1 else ''}{more}"
        notes.append(alike[0].also(words) if isinstance(alike[0], Doubt) else f"{alike[0]}{words}")
    return [*notes, *_padding(slices), *_references(slices)]


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
