"""DICOM segmentations (binary, fractional, label map) as label volumes on the grid that their frames lie on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import FileError
from workbench.io import _dicom_notes, _dicom_stack, _files, _space
from workbench.io._dicom_file import Source, quiet
from workbench.io._dicom_groups import alike
from workbench.io._dicom_header import Slice
from workbench.io._dicom_levels import directions, levels_of
from workbench.io._dicom_lookup import find
from workbench.io._dicom_pixels import decode
from workbench.volume import Volume


def read(path: Path, source: Source, dataset: Any, frames: list[Slice]) -> Volume:
    """Read the segmentation `source`, found at `path`.

    Segments that do not overlap become labels by their number. Overlapping ones become the channels of a label volume
    with values 0 and 1, fractional ones the channels of scores from 0 to 1.
    """
    unplaced = [frame.position is None or frame.orientation is None for frame in frames]
    told = _dicom_notes.collect(frames)
    rejected = [note for note in told if note.startswith(("ImagePositionPatient", "ImageOrientationPatient"))]
    if any(unplaced) and rejected:
        raise FileError(f"{path} is a segmentation whose place cannot be used: {rejected[0]}. Export it again.")
    if any(unplaced) and not all(unplaced):
        raise FileError(
            f"{path} is a segmentation of which {sum(unplaced)} of {len(frames)} frames do not say where they lie. "
            "Export it again."
        )
    with _files.damage_becomes_file_error(path, "DICOM", private=True), quiet():
        groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
        numbers = [
            int(find([group, shared], "SegmentIdentificationSequence", "ReferencedSegmentNumber") or 0)
            for group in groups
        ]
        names = {
            int(item.SegmentNumber): str(item.get("SegmentLabel", "") or f"segment {item.SegmentNumber}")
            for item in dataset.get("SegmentSequence") or []
            if "SegmentNumber" in item
        }
        kind = str(dataset.get("SegmentationType", ""))
        most = float(dataset.get("MaximumFractionalValue", 255) or 255)
    if len(numbers) != len(frames):
        raise FileError(f"{path} is a segmentation of {len(frames)} frames that does not say where they lie.")
    parts = alike(frames)
    if len(parts) > 1:
        raise FileError(
            f"{path} is a segmentation whose frames lie on {len(parts)} grids (orientations, sizes, sides), which is "
            "not supported. Export each as a segmentation of its own."
        )
    if all(unplaced):
        place, count, affine = _of_a_picture(path, frames, numbers, kind)
        notes = told
    else:
        # one frame per position is enough to know the grid
        levels = levels_of(frames, np.cross(*directions(frames)))
        grid = _dicom_stack.stack([level[0] for level in levels], sparse=True)
        notes = [*told, *(note for note in grid.notes if "missing slices" not in note)]
        corner = {id(item): k for k, item in enumerate(grid.slices[0]) if item is not None}
        place = {id(frame): corner[id(level[0])] for level in levels for frame in level}
        count, affine = len(grid.slices[0]), grid.affine
    pixels = frames[0].pixels
    shape = (pixels.columns, pixels.rows, count)
    segments = [0] if kind == "LABELMAP" else sorted(set(numbers))
    fractional = kind == "FRACTIONAL"
    dtype = np.dtype(np.float32 if fractional else np.uint8 if max([*names, *segments, 0]) < 256 else np.uint16)
    _files.check_memory(path, _files.count_bytes((*shape, len(segments)), dtype))
    decoded = decode(source, indices=True)
    if kind == "LABELMAP":
        dtype = decoded.dtype
    masks: Any = np.zeros((*shape, len(segments)), dtype=dtype)
    for frame, number in zip(frames, numbers, strict=True):
        k = place[id(frame)]
        masks[:, :, k, segments.index(number if kind != "LABELMAP" else 0)] += decoded[frame.frame, :, :, 0].T.astype(
            dtype
        )
    common: dict[str, Any] = {"source": path, "notes": notes}
    axes: tuple[str, ...] = ("i", "j", "k", "c")
    if all(unplaced):
        # a picture like any other, rows first
        masks, axes = masks[:, :, 0].swapaxes(0, 1), ("i", "j", "c")
        common["space"] = _space.space(placed=False, sized=frames[0].spacing is not None)
    if fractional:
        data = masks / most
        channels = [names.get(number, f"segment {number}") for number in segments]
        return Volume(data, affine, kind="scores", axes=axes, channels=channels, **common)
    if kind == "LABELMAP":
        return Volume(masks[..., 0], affine, kind="labels", labels=names, **common)
    if (np.count_nonzero(masks, axis=-1) > 1).any():
        channels = [names.get(number, f"segment {number}") for number in segments]
        common["notes"] = [*notes, f"{len(segments)} segments overlap, so each is a channel of its own"]
        return Volume((masks > 0).astype(np.uint8), affine, kind="labels", axes=axes, channels=channels, **common)
    labels = np.zeros(masks.shape[:-1], dtype=dtype)
    for channel, number in enumerate(segments):
        labels[masks[..., channel] > 0] = number
    return Volume(labels, affine, kind="labels", labels=names, **common)


def _of_a_picture(path: Path, frames: list[Slice], numbers: list[int], kind: str) -> tuple[dict[int, int], int, Any]:
    """Return the place of each frame, how many there are, and the affine, where the segmentation is of a picture."""
    if len(set(numbers)) < len(frames) or (kind == "LABELMAP" and len(frames) > 1):
        raise FileError(
            f"{path} is a segmentation of several pictures that does not say where they lie, so that it is unknown "
            "which frame is of which. Export one for each picture."
        )
    return {id(frame): 0 for frame in frames}, 1, _space.picture_affine(frames[0].spacing)
