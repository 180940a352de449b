"""The pixels of a TIFF: a whole series, or a region of it, of which only the tiles or strips in it are decoded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import FileError
from workbench.io._pyramid import Region, region_shape

_YCBCR, _MINISWHITE = 6, 0
_JPEG = {6, 7, 33007, 34892}
#: Codes of JPEG 2000, whose decoder hands on what is stored.
_JPEG2000 = {33003, 33004, 33005, 34712}
#: Fax codes, which Pillow decodes and tifffile's codecs do not.
_FAX = {2, 3, 4}
_BLACK_PADDING = 0


def read(path: Path, series: Any, region: Region) -> Array:
    """Return the pixels of a series in the order of its axes, rows and columns cut to `region`.

    Raises
    ------
    FileError
        If there is no decoder for the compression.
    """
    keyframe = series.keyframe
    is_whole = region_shape(region) == _size(series) and region[0] == (0, 0)
    is_ycbcr = keyframe.photometric == _YCBCR and keyframe.compression not in _JPEG | _JPEG2000
    if keyframe.compression in _FAX or is_ycbcr:
        pages = np.stack([_by_pillow(path, page) for page in series.pages])
        return _cut(pages.reshape(series.shape), series.axes, region)
    _check_codec(path, keyframe)
    if is_whole:
        return np.asarray(series.asarray())
    by_page = keyframe.imagedepth == 1 and len(series.pages) * int(np.prod(keyframe.shape)) == series.size
    if not by_page:
        return _cut(series.asarray(), series.axes, region)
    pages = np.stack([_page(page, keyframe, region) for page in series.pages])
    rows, columns = region_shape(region)
    lengths = {"Y": rows, "X": columns}
    return pages.reshape([lengths.get(a, n) for a, n in zip(series.axes, series.shape, strict=True)])


def _size(series: Any) -> tuple[int, int]:
    return series.shape[series.axes.index("Y")], series.shape[series.axes.index("X")]


def _cut(data: Array, axes: str, region: Region) -> Array:
    (top, left), (bottom, right) = region
    parts = {"Y": slice(top, bottom), "X": slice(left, right)}
    return data[tuple(parts.get(letter, slice(None)) for letter in axes)]


def _check_codec(path: Path, keyframe: Any) -> None:
    import tifffile

    try:
        if keyframe.compression != 1:
            _ = tifffile.TIFF.DECOMPRESSORS[keyframe.compression]
    except KeyError as error:
        raise FileError(
            f"{path} is compressed in a way for which there is no decoder here ({error.args[0]}). Save it with LZW, "
            "deflate or without compression."
        ) from None


def _page(page: Any, keyframe: Any, region: Region) -> Array:
    """Return a region of one page as [separate samples, row, column, samples]."""
    (top, left), (bottom, right) = region
    samples, _, length, width, inner = keyframe.shaped
    out = np.full((samples, bottom - top, right - left, inner), _BLACK_PADDING, keyframe.dtype)
    if page is None:
        return out
    if keyframe.is_contiguous and keyframe.is_memmappable and page.parent.filehandle.is_file:
        dtype = keyframe.parent.byteorder + keyframe.dtype.char
        stored: Any = np.memmap(
            page.parent.filehandle.path, dtype, "r", page.dataoffsets[0], (samples, length, width, inner)
        )
        return np.array(stored[:, top:bottom, left:right])
    high, wide = (keyframe.tilelength, keyframe.tilewidth) if keyframe.is_tiled else (keyframe.rowsperstrip, width)
    high = min(high, length) if not keyframe.is_tiled else high
    down, across = -(-length // high), -(-width // wide)
    for sample in range(samples):
        for row in range(top // high, -(-bottom // high)):
            for column in range(left // wide, -(-right // wide)):
                segment = _segment(page, keyframe, (sample * down + row) * across + column)
                if segment is not None:
                    _paste(segment, (row * high, column * wide), out[sample], (top, left))
    return out


def _segment(page: Any, keyframe: Any, index: int) -> Array | None:
    """Decode one tile or strip, [row, column, samples]; None if the file leaves it out."""
    count = page.databytecounts[index] if index < len(page.databytecounts) else 0
    if not count:
        return None
    file = page.parent.filehandle
    file.seek(page.dataoffsets[index])
    content = file.read(count)  # now, because looking up the tables and the decoder moves the place in the file
    options = {}
    if keyframe.compression in _JPEG:
        options = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
    data, _, shape = keyframe.decode(content, index, **options)
    return None if data is None else np.asarray(data).reshape(shape)[0]


def _paste(segment: Array, place: tuple[int, int], out: Array, start: tuple[int, int]) -> None:
    """Copy what of a segment lies in the region into it."""
    parts, targets = [], []
    for axis in (0, 1):
        first = max(place[axis], start[axis])
        last = min(place[axis] + segment.shape[axis], start[axis] + out.shape[axis])
        if first >= last:
            return
        parts.append(slice(first - place[axis], last - place[axis]))
        targets.append(slice(first - start[axis], last - start[axis]))
    out[tuple(targets)] = segment[tuple(parts)]


def _by_pillow(path: Path, page: Any) -> Array:
    from PIL import Image

    index = getattr(page, "index", None)
    if not isinstance(index, int):
        raise FileError(f"{path}: pages of pages in this compression cannot be read. Save it with LZW.")
    with Image.open(path) as image:
        image.seek(index)
        if page.keyframe.photometric == _YCBCR:
            return np.array(image.convert("RGB"))
        pixels = np.array(image)
    # Pillow turns white and black round where 0 is white; here values are as stored
    return ~pixels if pixels.dtype == bool and page.keyframe.photometric == _MINISWHITE else pixels
