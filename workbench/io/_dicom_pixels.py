"""Pixels of DICOM files: decoded, colours to RGB, rescaled slice by slice into one array."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import FileError
from workbench.io import _files
from workbench.io._dicom_header import Pixels, Slice, quiet
from workbench.volume import Array


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
    scales = {(item.slope, item.inter) for item in slices}
    if any(slope != int(slope) or inter != int(inter) for slope, inter in scales):
        return np.dtype(np.float32 if max(item.pixels.bits for item in slices) <= 24 else np.float64)
    ends = [
        limit * item.slope + item.inter
        for item in {(i.pixels, i.slope, i.inter): i for i in slices}.values()
        for limit in _limits(item.pixels)
    ]
    for name in ("u1", "i1", "u2", "i2", "u4", "i4", "i8"):
        info = np.iinfo(name)
        if min(ends) >= info.min and max(ends) <= info.max:
            return np.dtype(name)
    return np.dtype(np.float64)


def _limits(pixels: Pixels) -> tuple[int, int]:
    if pixels.signed:
        return -(1 << (pixels.bits - 1)), (1 << (pixels.bits - 1)) - 1
    return 0, (1 << pixels.bits) - 1


def load_grid(volumes: list[list[Slice | None]], dtype: np.dtype[Any]) -> Array:
    """Decode slices into [column, row, slice(, channel)].

    Blank slices get the smallest value that the others hold. Colour gives channels red, green, blue.
    """
    first = next(item for items in volumes for item in items if item is not None)
    inner = 3 if is_colour(first.pixels) else 1
    # one slice is one piece of memory: rows of pixels as the file has them
    grid = np.zeros((len(volumes), len(volumes[0]), first.pixels.rows, first.pixels.columns, inner), dtype=dtype)
    places: dict[Path, list[tuple[int, int, Slice]]] = {}
    for c, items in enumerate(volumes):
        for k, item in enumerate(items):
            if item is not None:
                places.setdefault(item.path, []).append((c, k, item))
    for path, wanted in places.items():
        frames = decode(path, wanted[0][2].pixels)
        for c, k, item in wanted:
            if item.frame >= len(frames):
                raise FileError(f"{path} has {len(frames)} frames, frame {item.frame} was promised. It is damaged.")
            grid[c, k] = _rescaled(frames[item.frame], item, dtype)
    blank = [(c, k) for c, items in enumerate(volumes) for k, item in enumerate(items) if item is None]
    if blank:
        lowest = min(grid[c, k].min() for found in places.values() for c, k, _ in found)
        for c, k in blank:
            grid[c, k] = lowest
    data = grid.transpose(3, 2, 1, 0, 4)
    return data.reshape(*data.shape[:3], len(volumes) * inner) if len(volumes) * inner > 1 else data[..., 0, 0]


def _rescaled(frame: Any, item: Slice, dtype: np.dtype[Any]) -> Any:
    if (item.slope, item.inter) == (1.0, 0.0) or is_colour(item.pixels):
        return frame
    work = np.float64 if dtype.itemsize > 4 or (dtype.kind in "iu" and dtype.itemsize == 4) else np.float32
    scaled = frame.astype(work) * item.slope + item.inter
    # values beyond the stored bits (padding, overlays) would wrap around otherwise
    return np.clip(scaled, np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "iu" else scaled


def decode(path: Path, expected: Pixels) -> NDArray[Any]:
    """Return the pixels of a file as [frame, row, column, sample], colours as 8-bit RGB."""
    import pydicom
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import UID

    with _files.damage_becomes_file_error(path, "DICOM", private=True), quiet():
        dataset = pydicom.dcmread(path, force=True)
        if not hasattr(dataset, "file_meta") or "TransferSyntaxUID" not in dataset.file_meta:
            dataset.ensure_file_meta()
            implicit = "1.2.840.10008.1.2" if dataset.original_encoding[0] else "1.2.840.10008.1.2.1"
            dataset.file_meta.TransferSyntaxUID = UID(implicit)
        pixels: NDArray[Any] = pixel_array(dataset)
        if expected.photometric == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, dataset)
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
        inner = (3,) if is_colour(expected) else (1,)
        return np.asarray(pixels[..., :3] if inner == (3,) else pixels).reshape(
            -1, expected.rows, expected.columns, *inner
        )
