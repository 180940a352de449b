"""Copies among the images of a series: the same instance UID, the same place, the same pixels, in another file.

Nothing less is a copy. Frames of one file never are, and an equal UID at another place or with other pixels is a fault
of the identifiers, not of the images. Pixels are compared only where all else is equal.
"""

from __future__ import annotations

import hashlib
from functools import cache

import numpy as np

from workbench.errors import FileError
from workbench.io._dicom_file import Source, open_source
from workbench.io._dicom_header import Slice
from workbench.io._dicom_pixels import decode


def without_copies(slices: list[Slice]) -> tuple[list[Slice], list[str]]:
    """Return the slices in their order without those that are copies of an earlier one, and notes."""
    twins: dict[object, list[int]] = {}
    for number, item in enumerate(slices):
        if item.instance_uid:
            twins.setdefault((item.instance_uid, item.frame, item.corner), []).append(number)
    dropped: set[int] = set()
    shared = 0
    comparison = _Comparison()
    for found in twins.values():
        if len(found) == 1:
            continue
        kept: list[int] = []
        for number in found:
            if any(comparison.copies(slices[earlier], slices[number]) for earlier in kept):
                dropped.add(number)
            else:
                kept.append(number)
        shared += len(kept) if len(kept) > 1 else 0
    notes = []
    if dropped:
        files = {slices[number].path for number in dropped}
        notes.append(f"{len(files)} files are copies of others (same instance UID, place and pixels) and were left out")
    if shared:
        notes.append(
            f"{shared} images share an instance UID with another image that lies elsewhere or has other pixels; all "
            "were kept"
        )
    return [item for number, item in enumerate(slices) if number not in dropped], notes


class _Comparison:
    """Compares pairs of slices; each file is read once, however many frames it has."""

    def __init__(self) -> None:
        self._bytes = cache(_digest_of_file)
        self._frames = cache(_digests_of_frames)

    def copies(self, one: Slice, other: Slice) -> bool:
        if one.path == other.path or not _same_header(one, other):
            return False
        if self._bytes(one.path) == self._bytes(other.path):
            return True
        try:
            frames = [self._frames(item.path, item.scale.table_bits > 0)[item.frame] for item in (one, other)]
        except (FileError, IndexError):
            # pixels that cannot be decoded are nobody's copy; loading the voxels will say what is wrong with them
            return False
        return frames[0] == frames[1]


def _same_header(one: Slice, other: Slice) -> bool:
    tags = [{name: value for name, value in item.tags.items() if name != "instance"} for item in (one, other)]
    places = [(item.position or (), item.orientation or ()) for item in (one, other)]
    near = all(len(a) == len(b) and np.allclose(a, b, rtol=0, atol=1e-3) for a, b in zip(*places, strict=True))
    return near and tags[0] == tags[1] and (one.pixels, one.scale) == (other.pixels, other.scale)


def _digest_of_file(source: Source) -> bytes:
    with open_source(source) as file:
        return hashlib.blake2b(file.read()).digest()


def _digests_of_frames(source: Source, table: bool) -> list[bytes]:
    return [hashlib.blake2b(np.ascontiguousarray(frame).data).digest() for frame in decode(source, table=table)]
