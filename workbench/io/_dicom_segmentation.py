"""DICOM segmentations (binary, fractional, label map) as label volumes on the grid that their frames lie on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench.errors import FileError
from workbench.io import _dicom_stack, _files
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
    if any(frame.position is None or frame.orientation is None for frame in frames):
        raise FileError(f"{path} is a segmentation without positions in the patient, which is not supported.")
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
    # one frame per position is enough to know the grid
    normal = np.cross(*directions(frames))
    levels = levels_of(frames, normal)
    grid = _dicom_stack.stack([level[0] for level in levels], sparse=True)
    notes = [note for note in grid.notes if "missing slices" not in note]
    corner = {id(item): k for k, item in enumerate(grid.slices[0]) if item is not None}
    place = {id(frame): corner[id(level[0])] for level in levels for frame in level}
    pixels = frames[0].pixels
    shape = (pixels.columns, pixels.rows, len(grid.slices[0]))
    segments = [0] if kind == "LABELMAP" else sorted(set(numbers))
    fractional = kind == "FRACTIONAL"
    dtype = np.dtype(np.float32 if fractional else np.uint8 if max([*names, *segments, 0]) < 256 else np.uint16)
    _files.check_memory(path, _files.count_bytes((*shape, len(segments)), dtype))
    decoded = decode(source)
    if kind == "LABELMAP":
        dtype = decoded.dtype
    masks: Any = np.zeros((*shape, len(segments)), dtype=dtype)
    for frame, number in zip(frames, numbers, strict=True):
        k = place[id(frame)]
        masks[:, :, k, segments.index(number if kind != "LABELMAP" else 0)] += decoded[frame.frame, :, :, 0].T.astype(
            dtype
        )
    common: dict[str, Any] = {"source": path, "notes": notes}
    if fractional:
        data = masks / most
        channels = [names.get(number, f"segment {number}") for number in segments]
        return Volume(data, grid.affine, kind="scores", axes=("i", "j", "k", "c"), channels=channels, **common)
    if kind == "LABELMAP":
        return Volume(masks[..., 0], grid.affine, kind="labels", labels=names, **common)
    if (np.count_nonzero(masks, axis=-1) > 1).any():
        channels = [names.get(number, f"segment {number}") for number in segments]
        common["notes"] = [*notes, f"{len(segments)} segments overlap, so each is a channel of its own"]
        return Volume((masks > 0).astype(np.uint8), grid.affine, kind="labels", channels=channels, **common)
    labels = np.zeros(shape, dtype=dtype)
    for channel, number in enumerate(segments):
        labels[masks[..., channel] > 0] = number
    return Volume(labels, grid.affine, kind="labels", labels=names, **common)
