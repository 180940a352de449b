"""A DICOM file, or one in a zip, up to its pixels: opened, recognised, read, and checked for being whole.

Words of pydicom's own errors and warnings may quote a value, so they are not passed on.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from workbench.errors import FileError
from workbench.io import _files
from workbench.io._dicom_lookup import code, frame_count, whole
from workbench.io._zipped import Member

#: Where a file lies: in a folder or in an archive.
Source = Path | Member

HEAD_BYTES = 132
_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PIXEL_ELEMENTS = {0x0008: "FloatPixelData", 0x0009: "DoubleFloatPixelData", 0x0010: "PixelData"}
_MOST_FRAMES = 1 << 20
#: Colours that decoders turn into red, green and blue.
_COLOURS = {"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"}
#: With what files begin that lack the preamble: low elements of the first groups.
_FIRST_ELEMENTS = {0x0000, 0x0001, 0x0002, 0x0005, 0x0008, 0x0012, 0x0016, 0x0018}
_FIRST_VRS = {b"UL", b"OB", b"CS", b"UI", b"DA"}


_GREY = "MONOCHROME2"


@dataclass(frozen=True)
class Pixels:
    """How the pixels of a file are stored."""

    rows: int
    columns: int
    samples: int
    bits: int
    signed: bool
    floating: int  # bytes of a float pixel, 0 for integers
    photometric: str


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom's words about values from logs and warnings: they may quote patient text."""
    from pydicom import config

    logger = logging.getLogger("pydicom")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        with warnings.catch_warnings(action="ignore"), config.disable_value_validation():
            yield
    finally:
        logger.setLevel(level)


def open_source(source: Source) -> IO[bytes]:
    """Open a file for reading; zip and gzip are undone in memory."""
    if isinstance(source, Member):
        return source.open()
    if not _files.is_gzip(source):
        return source.open("rb")
    with _files.open_stream(source) as stream:
        return BytesIO(stream.read(source.stat().st_size * _files.DEFLATE_LIMIT))


def head_of(source: Source) -> bytes:
    """Return the first bytes of a file, as many as tell what it is."""
    if isinstance(source, Path):
        return _files.read_head(source, HEAD_BYTES)
    with source.open() as file:
        return file.read(HEAD_BYTES)


def looks_like_dicom(head: bytes) -> bool:
    """Tell whether a file begins like DICOM: the preamble and DICM, or at once with group 2 or 8."""
    if head[128:132] == b"DICM":
        return True
    for order in ("little", "big"):
        group, element = (int.from_bytes(head[at : at + 2], order) for at in (0, 2))
        if group in {2, 8} and element in _FIRST_ELEMENTS:
            return head[4:6] in _FIRST_VRS or (order == "little" and head[6:8] == b"\0\0")
    return False


def read_dataset(source: Source) -> Any:
    """Read all of a file but the pixels, and check that the pixels are there.

    The element of the pixels is in the dataset, empty, so that it says of which kind they are.
    """
    import pydicom

    with _files.damage_becomes_file_error(source, "DICOM", private=True), quiet(), open_source(source) as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        if "Rows" in dataset:
            syntax = str(dataset.file_meta.get("TransferSyntaxUID", "")) if hasattr(dataset, "file_meta") else ""
            if syntax == _DEFLATED:
                file.seek(0)
                dataset = pydicom.dcmread(file, force=True)
                _check_inflated(source, dataset)
            else:
                _check_pixels(source, dataset, file, syntax)
    return dataset


def _check_pixels(source: Source, dataset: Any, file: Any, syntax: str) -> None:
    start, size = file.tell(), _size(file)
    raw = file.read(4)
    order = "little" if raw[:2] == b"\xe0\x7f" else "big"
    tag = tuple(int.from_bytes(raw[at : at + 2], order) for at in (0, 2))  # type: ignore[arg-type]
    if len(raw) < 4 or tag[0] != 0x7FE0 or tag[1] not in _PIXEL_ELEMENTS:
        raise FileError(
            f"{source} is a DICOM image without pixels; it is cut short or a header alone. Get a fresh copy."
        )
    dataset.add_new(tag, "OW", None)
    needed = _promised(source, dataset)
    if syntax in _NATIVE or not syntax:
        # the tag and the length that come before the pixels
        start += 8 if dataset.original_encoding[0] else 12
        if size - start < needed:
            raise FileError(
                f"{source} is cut short: its header promises {needed:,} bytes of pixels, {size - start:,} are there. "
                "Get a fresh copy."
            )
    else:
        _check_decoder(source, syntax)
        _check_fragments(source, file, start, size)
    _files.check_memory(source, needed)


def _check_inflated(source: Source, dataset: Any) -> None:
    found = next((dataset[keyword] for keyword in _PIXEL_ELEMENTS.values() if keyword in dataset), None)
    needed, there = _promised(source, dataset), len(found.value or b"") if found is not None else 0
    if there < needed:
        raise FileError(
            f"{source} is cut short: its header promises {needed:,} bytes of pixels, {there:,} are there. "
            "Get a fresh copy."
        )


def _promised(source: Source, dataset: Any) -> int:
    """Return the bytes of all frames, unpacked."""
    pixels = pixels_of(source, dataset)
    count = frame_count(dataset)
    if not 1 <= count <= _MOST_FRAMES:
        raise FileError(f"{source}: a DICOM file has 1 to {_MOST_FRAMES} frames, the header says {count}.")
    bits = pixels.floating * 8 or whole(dataset, "BitsAllocated", 16)
    needed = (pixels.rows * pixels.columns * pixels.samples * count * bits + 7) // 8
    return needed * 2 // 3 if pixels.photometric == "YBR_FULL_422" else needed


def _size(file: Any) -> int:
    place = file.tell()
    size = int(file.seek(0, os.SEEK_END))
    file.seek(place)
    return size


def _check_decoder(source: Source, syntax: str) -> None:
    """Raise if nothing here decodes a transfer syntax: a video, a new or a private way of packing pixels."""
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    try:
        known = get_decoder(UID(syntax)).is_available
    except NotImplementedError:
        known = False
    if not known:
        name = UID(syntax).name
        stored = f"the transfer syntax {syntax[:64]}" if name == syntax else name
        raise FileError(
            f"{source} has its pixels stored as {stored}, which is not supported here. Convert it to an uncompressed "
            "transfer syntax, or export the frames of a video."
        )


def _check_fragments(source: Source, file: Any, start: int, size: int) -> None:
    place = start + 12
    while place + 8 <= size:
        file.seek(place)
        tag, length = file.read(4), int.from_bytes(file.read(4), "little")
        if tag != b"\xfe\xff\x00\xe0":
            return
        place += 8 + length
    if place > size:
        raise FileError(f"{source} is cut short: its compressed pixels end at byte {place:,}, the file at {size:,}.")


def pixels_of(source: Source, dataset: Any) -> Pixels:
    """Return how the pixels are stored.

    Raises
    ------
    FileError
        If it is nothing that can be an image.
    """
    rows, columns = whole(dataset, "Rows", 0), whole(dataset, "Columns", 0)
    samples = whole(dataset, "SamplesPerPixel", 1)
    floating = 4 if "FloatPixelData" in dataset else 8 if "DoubleFloatPixelData" in dataset else 0
    allocated = whole(dataset, "BitsAllocated", 16)
    bits = whole(dataset, "BitsStored", allocated) or allocated
    if min(rows, columns) < 1 or samples < 1 or not 1 <= bits <= allocated:
        raise FileError(
            f"{source} is no image that can be read: {rows} rows, {columns} columns, {samples} samples of {bits} of "
            f"{allocated} bits. {_files.AGAIN}"
        )
    if samples not in {1, 3, 4} or allocated not in {1, 8, 16, 32, 64}:
        raise FileError(
            f"{source} stores {samples} samples of {allocated} bits for a pixel, which is not supported (1, 3 or 4 "
            "samples of 1, 8, 16, 32 or 64 bits are). Export it in 16 bits."
        )
    signed = bool(whole(dataset, "PixelRepresentation", 0))
    photometric = code(dataset, "PhotometricInterpretation")[:16].upper() or (_GREY if samples == 1 else "")
    if samples > 1 and photometric not in _COLOURS:
        raise FileError(
            f"{source} has {samples} samples of {photometric!r} for a pixel, which is not supported (these are: "
            f"{', '.join(sorted(_COLOURS))}). Export it in colours (RGB) or grey."
        )
    return Pixels(rows, columns, samples, bits, signed, floating, photometric)


def fill_in(dataset: Any) -> list[str]:
    """Give an image the elements about how pixels are stored that it lacks, as other readers do; return their names.

    A decoder asks for all of them. What is missing of colours is not guessed, but for the usual order of their samples.
    """
    if "PixelData" not in dataset:
        return []  # floats are stored in one way
    samples, allocated = whole(dataset, "SamplesPerPixel", 1), whole(dataset, "BitsAllocated", 16)
    stored = whole(dataset, "BitsStored", allocated) or allocated
    usual: dict[str, Any] = {"SamplesPerPixel": 1, "BitsAllocated": 16, "BitsStored": allocated}
    usual |= {"HighBit": stored - 1, "PixelRepresentation": 0}
    usual |= {"PhotometricInterpretation": _GREY} if samples == 1 else {"PlanarConfiguration": 0}
    lacking = [keyword for keyword in usual if dataset.get(keyword) in (None, "")]
    lacking += ["BitsStored"] if dataset.get("BitsStored") == 0 else []
    for keyword in lacking:
        setattr(dataset, keyword, usual[keyword])
    if "PhotometricInterpretation" in dataset:  # a code, which some write in small letters
        dataset.PhotometricInterpretation = code(dataset, "PhotometricInterpretation").upper()
    return lacking
