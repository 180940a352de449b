"""Segmentations that 3D Slicer writes (``.seg.nrrd``): the segments that the key/value pairs describe.

A segment has a name, a value and a layer. Segments of one layer do not overlap; where no segments do, all layers become
one label map. Files before Slicer 4.11 have one layer for each segment and give neither value nor layer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench._arrays import Array

_KEY = re.compile(r"Segment(\d+)_(Name|LabelValue|Layer|Color|ID)")


@dataclass(frozen=True)
class Segment:
    """A name, the value it has in its layer, and the layer."""

    name: str
    value: int
    layer: int


def segments(keys: dict[str, str], layers: int) -> list[Segment]:
    """Return the segments of a header, in order; none if the file is no segmentation or a fractional one."""
    said: dict[int, dict[str, str]] = {}
    for key, value in keys.items():
        if found := _KEY.fullmatch(key):
            said.setdefault(int(found.group(1)), {})[found.group(2)] = value.strip()
    fractional = any("fractional" in keys.get(key, "").lower() for key in (
        "Segmentation_MasterRepresentation", "Segmentation_SourceRepresentation",
    ))  # fmt: skip
    if fractional:
        return []
    found_ = []
    for place, (number, facts) in enumerate(sorted(said.items())):
        name = facts.get("Name") or facts.get("ID") or f"segment {number}"
        old = "LabelValue" not in facts
        layer = _whole(facts.get("Layer"), place if old and layers > 1 else 0)
        found_.append(Segment(name, _whole(facts.get("LabelValue"), 1 if layers > 1 else place + 1), layer))
    return found_


def _whole(text: str | None, default: int) -> int:
    try:
        return int(text) if text is not None else default
    except ValueError:
        return default


def notes(keys: dict[str, str]) -> list[str]:
    """Return what a segmentation says that a Volume has no place for."""
    colours = sum(key.endswith("_Color") for key in keys if key.startswith("Segment"))
    return [f"the colours of {colours} segments are not kept"] if colours else []


def names(found: Sequence[Segment]) -> dict[int, str]:
    """Return the names of the values of one layer."""
    return {segment.value: segment.name for segment in found}


def merge(data: Array, found: Sequence[Segment]) -> tuple[Array, dict[str, Any], list[str]]:
    """Make one label map of layers [..., layer], or a channel for each segment where they overlap.

    Returns
    -------
    array, dict, list of str
        The labels, ``labels`` or ``channels`` of the Volume, and notes.
    """
    layers = range(data.shape[-1])
    filled = sum((data[..., layer] != 0).astype(np.uint16) for layer in layers)
    if int(np.max(filled)) > 1:
        parts = [data[..., segment.layer] == segment.value for segment in found]
        channels = [segment.name for segment in found]
        words = "segments overlap; each has a channel of its own, 1 where it is"
        return np.stack(parts, axis=-1).astype(np.uint8), {"channels": channels}, [words]
    values = [segment.value for segment in found]
    distinct = len(set(values)) == len(values)
    new = values if distinct else list(range(1, len(found) + 1))
    out = np.zeros(data.shape[:-1], np.uint8 if max(new, default=0) <= 255 else np.int32)
    for segment, value in zip(found, new, strict=True):
        out[data[..., segment.layer] == segment.value] = value
    words = f"{len(layers)} layers of segments became one label map"
    labels = {value: segment.name for segment, value in zip(found, new, strict=True)}
    return out, {"labels": labels}, [words if distinct else f"{words}; the segments were numbered anew"]
