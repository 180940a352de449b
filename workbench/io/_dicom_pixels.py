"""Pixels of DICOM files: decoded, colours to RGB, rescaled slice by slice into one array."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._arrays import Array
from workbench.errors import FileError
from workbench.io import _dicom_values, _files
from workbench.io._dicom_file import Pixels, Source, fill_in, open_source, quiet
from workbench.io._dicom_header import Slice
from workbench.io._dicom_jpeg import mend_scans
from workbench.io._dicom_lookup import frame_count, whole
from workbench.io._format import GeometryWarning

_SEQUENTIAL_JPEG = {"1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"}


def is_colour(pixels: Pixels) -> bool:
    """Tell whether the pixels become RGB."""
    return pixels.samples > 1 or pixels.photometric == "PALETTE COLOR"


def result_dtype(slices: list[Slice]) -> np.dtype[Any]:
    """Return the smallest type that holds the rescaled values of all `slices`.

    Whole slopes and intercepts keep integers (CT is int16); others give float32.
    """
    first = slices[0].pixels
    if first.photometric == "PALETTE COLOR":
        return np.dtype(np.uint8)
    if any(item.pixels.floating for item in slices):
        return np.dtype(np.float64 if any(item.pixels.floating == 8 for item in slices) else np.float32)
    scales = {(item.scale.slope, item.scale.inter) for item in slices}
    if any(slope != int(slope) or inter != int(inter) for slope, inter in scales):
        return np.dtype(np.float32 if max(item.pixels.bits for item in slices) <= 24 else np.float64)
    ends = [
        limit * item.scale.slope + item.scale.inter
        for item in {(i.pixels, i.scale, i.padding): i for i in slices}.values()
        for limit in _limits(item)
    ]
    for name in ("u1", "i1", "u2", "i2", "u4", "i4", "i8"):
        info = np.iinfo(name)
        if min(ends) >= info.min and max(ends) <= info.max:
            return np.dtype(name)
    return np.dtype(np.float64)


def _limits(item: Slice) -> list[float]:
    pixels = item.pixels
    if item.scale.table_bits:
        return [0, (1 << item.scale.table_bits) - 1]
    ends = [-(1 << (pixels.bits - 1)), (1 << (pixels.bits - 1)) - 1] if pixels.signed else [0, (1 << pixels.bits) - 1]
    # padding may lie beyond the stored bits
    return [*ends, *item.padding]


def load_grid(volumes: list[list[Slice | None]], dtype: np.dtype[Any]) -> Array:
    """Decode slices into [column, row, slice(, channel)].

    Blank slices get the smallest value of their volume. Colour gives channels red, green, blue.
    """
    first = next(item for items in volumes for item in items if item is not None)
    inner = 3 if is_colour(first.pixels) else 1
    # one slice is one piece of memory: rows of pixels as the file has them
    grid = np.zeros((len(volumes), len(volumes[0]), first.pixels.rows, first.pixels.columns, inner), dtype=dtype)
    places: dict[Source, list[tuple[int, int, Slice]]] = {}
    for c, items in enumerate(volumes):
        for k, item in enumerate(items):
            if item is not None:
                places.setdefault(item.path, []).append((c, k, item))
    beyond = 0
    for path, wanted in places.items():
        head = wanted[0][2]
        frames = decode(path, table=head.scale.table_bits > 0, indices=not is_colour(head.pixels))
        for c, k, item in wanted:
            if item.frame >= len(frames):
                raise FileError(f"{path} has {len(frames)} frames, frame {item.frame} was promised. It is damaged.")
            values, clipped = _rescaled(_cut(frames[item.frame], item), item, dtype)
            grid[c, k] = values
            beyond += clipped
    if beyond:
        warnings.warn(
            f"{beyond} values need more than the bits that the header states; they were set to the nearest that fits",
            GeometryWarning,
            stacklevel=2,
        )
    for c, items in enumerate(volumes):
        there = [item is not None for item in items]
        if not all(there):
            grid[c, np.logical_not(there)] = min(grid[c, k].min() for k in np.flatnonzero(there))
    data = grid.transpose(3, 2, 1, 0, 4)
    return data.reshape(*data.shape[:3], len(volumes) * inner) if len(volumes) * inner > 1 else data[..., 0, 0]


def _cut(frame: Any, item: Slice) -> Any:
    if item.corner is None:
        return frame
    row, column = item.corner
    return frame[row : row + item.pixels.rows, column : column + item.pixels.columns]


def _rescaled(frame: Any, item: Slice, dtype: np.dtype[Any]) -> tuple[Any, int]:
    """Return the real values of a frame, and how many of them the type cannot hold."""
    scale = item.scale
    if is_colour(item.pixels):
        return frame, 0
    scaled = frame
    if (scale.slope, scale.inter) != (1.0, 0.0):
        work = np.float64 if dtype.itemsize > 4 or (dtype.kind in "iu" and dtype.itemsize == 4) else np.float32
        scaled = frame.astype(work) * scale.slope + scale.inter
    if dtype.kind not in "iu" or (scaled is frame and frame.dtype == dtype):
        return scaled, 0
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    # values beyond the stored bits would wrap around otherwise
    beyond = int(np.count_nonzero((scaled < low) | (scaled > high)))
    if not beyond:
        return scaled, 0
    return np.clip(scaled if scaled.dtype.kind == "f" else scaled.astype(np.int64), low, high), beyond


def decode(source: Source, *, table: bool = False, indices: bool = False) -> NDArray[Any]:
    """Return the pixels of a file as [frame, row, column, sample], colours as RGB.

    With `table`, stored values are replaced by what the Modality LUT of the file has for them. With `indices`, those of
    a palette stay what they are: the numbers of segments.
    """
    import pydicom
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID

    with _files.damage_becomes_file_error(source, "DICOM", private=True), quiet(), open_source(source) as file:
        dataset = pydicom.dcmread(file, force=True)
        if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
            dataset.ensure_file_meta()
            implicit, little = dataset.original_encoding
            syntax = "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"
            dataset.file_meta.TransferSyntaxUID = UID(syntax)
        rows, columns = int(dataset.Rows), int(dataset.Columns)
        for keyword, kind in (("FloatPixelData", "f4"), ("DoubleFloatPixelData", "f8")):
            if keyword in dataset:
                return _floats(dataset, dataset[keyword].value, kind).reshape(-1, rows, columns, 1)
        fill_in(dataset)
        correct = _unused_bits_are_noise(dataset)
        dataset.NumberOfFrames = frame_count(dataset)
        pixels: NDArray[Any]
        try:
            pixels = pixel_array(dataset, correct_unused_bits=correct)
        except RuntimeError:
            if dataset.file_meta.TransferSyntaxUID not in _SEQUENTIAL_JPEG:
                raise
            dataset.PixelData = mend_scans(dataset.PixelData)
            pixels = pixel_array(dataset, correct_unused_bits=correct)
        colour = whole(dataset, "SamplesPerPixel", 1) > 1
        if dataset.PhotometricInterpretation == "PALETTE COLOR" and not indices:
            pixels, colour = apply_color_lut(pixels, dataset), True
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
        elif not colour:
            pixels = _lowered(dataset, pixels)
            pixels = _dicom_values.apply_table(dataset, pixels) if table else pixels
        return np.asarray(pixels[..., :3] if colour else pixels).reshape(-1, rows, columns, 3 if colour else 1)


def _floats(dataset: Any, raw: bytes, kind: str) -> NDArray[Any]:
    order = "<" if dataset.original_encoding[1] else ">"
    count = int(dataset.Rows) * int(dataset.Columns) * frame_count(dataset)
    return np.frombuffer(raw, f"{order}{kind}", count).astype(kind)


def _unused_bits_are_noise(dataset: Any) -> bool:
    """Tell whether bits beyond the stored ones may be cleared: not where the padding value needs them."""
    stored, allocated = whole(dataset, "BitsStored", 16), whole(dataset, "BitsAllocated", 16)
    if _shift(dataset):
        return False
    padding = _dicom_values.padding_range(dataset)
    if not padding or stored == allocated:
        return True
    signed = whole(dataset, "PixelRepresentation", 0)
    low, high = (-(1 << (stored - 1)), (1 << (stored - 1)) - 1) if signed else (0, (1 << stored) - 1)
    return low <= min(padding) and max(padding) <= high


def _shift(dataset: Any) -> int:
    """Return by how many bits the stored ones lie higher than usual (PS3.5 8.1.1)."""
    stored, allocated = whole(dataset, "BitsStored", 16), whole(dataset, "BitsAllocated", 16)
    extra = whole(dataset, "HighBit", stored - 1) - (stored - 1)
    return 0 if dataset.file_meta.TransferSyntaxUID.is_encapsulated else min(max(extra, 0), allocated - stored)


def _lowered(dataset: Any, pixels: NDArray[Any]) -> NDArray[Any]:
    extra = _shift(dataset)
    if not extra:
        return pixels
    stored, allocated = whole(dataset, "BitsStored", 16), whole(dataset, "BitsAllocated", 16)
    return np.right_shift(np.left_shift(pixels, allocated - stored - extra), allocated - stored)
