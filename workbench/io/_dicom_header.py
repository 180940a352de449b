"""What is read of a DICOM file before its pixels: one `Slice` per frame, holding numbers and codes only.

No text about the patient is kept. Words of pydicom's own errors and warnings may quote a value, so they are not passed
on either.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import FileError
from workbench.io import _files

PRIVATE_GROUP, PRIVATE_CREATOR = 0x0099, "MEDICAL WORKBENCH"

_SEG = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
_NATIVE = {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2"}
_DEFLATED = "1.2.840.10008.1.2.1.99"
_PIXEL_TAGS = {b"\xe0\x7f\x10\x00", b"\xe0\x7f\x08\x00", b"\xe0\x7f\x09\x00", b"\x7f\xe0\x00\x10", b"\x7f\xe0\x00\x08"}
_MOST_FRAMES = 1 << 20


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


@dataclass(frozen=True)
class Slice:
    """One frame: where it lies and how its values are to be scaled. Positions and directions are LPS."""

    path: Path
    frame: int
    pixels: Pixels
    series: str
    instance_uid: str
    modality: str
    unit: str
    slope: float
    inter: float
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: tuple[float, float] | None  # between rows, between columns
    thickness: float | None
    stack: str
    order: tuple[Any, ...]  # sorts frames that lie at the same position
    tags: dict[str, float] = field(default_factory=dict, compare=False)
    meaning: str = ""
    lut: bool = False


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


def looks_like_dicom(head: bytes) -> bool:
    """Tell whether a file begins like DICOM: the preamble and DICM, or at once with group 2 or 8."""
    if head[128:132] == b"DICM":
        return True
    known = head[:2] in {b"\x02\x00", b"\x08\x00"} and head[2:4] in {
        b"\0\0",
        b"\1\0",
        b"\2\0",
        b"\5\0",
        b"\x08\0",
        b"\x16\0",
    }
    return known and (head[4:6] in {b"UL", b"OB", b"CS", b"UI"} or head[6:8] == b"\0\0")


def read_dataset(path: Path) -> Any:
    """Read all of a file but the pixels, and check that the pixels are there."""
    import pydicom

    with _files.damage_becomes_file_error(path, "DICOM", private=True), quiet(), path.open("rb") as file:
        dataset = pydicom.dcmread(file, stop_before_pixels=True, force=True)
        dataset.walk(lambda _dataset, _element: None)  # undecodable values raise here, inside of the guard
        syntax = str(dataset.file_meta.get("TransferSyntaxUID", "")) if hasattr(dataset, "file_meta") else ""
        if syntax != _DEFLATED and "Rows" in dataset:
            _check_pixels(path, dataset, file, syntax)
    return dataset


def _check_pixels(path: Path, dataset: Any, file: Any, syntax: str) -> None:
    start, size = file.tell(), path.stat().st_size
    tag = file.read(4)
    if tag not in _PIXEL_TAGS:
        raise FileError(f"{path} is a DICOM image without pixels; it is cut short or a header alone. Get a fresh copy.")
    pixels = _pixels(path, dataset)
    count = _whole(dataset, "NumberOfFrames", 1)
    if not 1 <= count <= _MOST_FRAMES:
        raise FileError(f"{path}: a DICOM file has 1 to {_MOST_FRAMES} frames, the header says {count}.")
    bits = pixels.floating * 8 or _whole(dataset, "BitsAllocated", 16)
    values = pixels.rows * pixels.columns * pixels.samples * count
    needed = values * bits // 8
    if pixels.photometric == "YBR_FULL_422":
        needed = needed * 2 // 3
    if syntax in _NATIVE or not syntax:
        # the tag and the length that come before the pixels
        start += 8 if dataset.original_encoding[0] else 12
        if size - start < needed:
            raise FileError(
                f"{path} is cut short: its header promises {needed:,} bytes of pixels, {size - start:,} are there. "
                "Get a fresh copy."
            )
    else:
        _check_fragments(path, file, start, size)
    _files.check_memory(path, needed)


def _check_fragments(path: Path, file: Any, start: int, size: int) -> None:
    place = start + 12
    while place + 8 <= size:
        file.seek(place)
        tag, length = file.read(4), int.from_bytes(file.read(4), "little")
        if tag != b"\xfe\xff\x00\xe0":
            return
        place += 8 + length
    if place > size:
        raise FileError(f"{path} is cut short: its compressed pixels end at byte {place:,}, the file at {size:,}.")


def slices_of(path: Path, dataset: Any) -> list[Slice]:
    """Return the frames of a file; empty if it holds no image."""
    with _files.damage_becomes_file_error(path, "DICOM", private=True), quiet():
        if "Rows" not in dataset:
            if _says_image(dataset):
                raise FileError(f"{path} is a DICOM image without a size; it is cut short. Get a fresh copy.")
            return []
        if "TotalPixelMatrixRows" in dataset or "TotalPixelMatrixColumns" in dataset:
            raise FileError(
                f"{path} is a whole slide among other images. Read it by itself, or the folder of its series."
            )
        count = _whole(dataset, "NumberOfFrames", 1)
        groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
        if len(groups) not in {0, count}:
            raise FileError(f"{path} promises {count} frames but describes {len(groups)}. {_files.AGAIN}")
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
        pixels = _pixels(path, dataset)
        return [
            _slice(path, dataset, pixels, number, [groups[number] if groups else None, shared, dataset])
            for number in range(count)
        ]


def _says_image(dataset: Any) -> bool:
    from pydicom.uid import UID

    meta = getattr(dataset, "file_meta", {})
    kind = str(dataset.get("SOPClassUID", "") or meta.get("MediaStorageSOPClassUID", ""))
    return kind in _SEG or "Image Storage" in UID(kind).name


def is_segmentation(dataset: Any) -> bool:
    """Tell whether a dataset is a DICOM SEG or a label map."""
    return str(dataset.get("SOPClassUID", "")) in _SEG


def find(places: list[Any], group: str, keyword: str) -> Any:
    """Return a value from the per-frame groups, the shared groups or the file itself, whichever has it first."""
    for place in places:
        if place is None:
            continue
        items = place.get(group) or []
        for item in (items[0] if len(items) else None, place):
            value = None if item is None else item.get(keyword)
            if value is not None and value != "":
                return value
    return None


def _slice(path: Path, dataset: Any, pixels: Pixels, frame: int, places: list[Any]) -> Slice:
    modality = str(dataset.get("Modality", "") or "OT")[:16]
    position = _floats(path, find(places, "PlanePositionSequence", "ImagePositionPatient"), 3, "ImagePositionPatient")
    orientation = _floats(
        path, find(places, "PlaneOrientationSequence", "ImageOrientationPatient"), 6, "ImageOrientationPatient"
    )
    spacing = _floats(path, find(places, "PixelMeasuresSequence", "PixelSpacing"), 2, "PixelSpacing")
    for keyword in ("ImagerPixelSpacing", "NominalScannedPixelSpacing"):
        spacing = spacing or _floats(path, dataset.get(keyword), 2, keyword)
    if spacing and min(spacing) <= 0:
        raise FileError(f"{path}: PixelSpacing is above 0 mm, the header says {spacing}. {_files.AGAIN}")
    between = _positive(find(places, "PixelMeasuresSequence", "SpacingBetweenSlices"))
    thick = _positive(find(places, "PixelMeasuresSequence", "SliceThickness"))
    slope = _float(find(places, "PixelValueTransformationSequence", "RescaleSlope"), 1.0)
    inter = _float(find(places, "PixelValueTransformationSequence", "RescaleIntercept"), 0.0)
    if not np.isfinite([slope, inter]).all() or slope == 0:
        raise FileError(f"{path}: the rescale slope and intercept must be finite, the header says {slope}, {inter}.")
    kind = str(find(places, "PixelValueTransformationSequence", "RescaleType") or "")
    tags = {
        "time": _float(find(places, "FrameContentSequence", "TemporalPositionIndex"))
        or _float(dataset.get("TemporalPositionIdentifier")),
        "echo": _float(find(places, "MREchoSequence", "EffectiveEchoTime")) or _float(dataset.get("EchoTime")),
        "b": _float(find(places, "MRDiffusionSequence", "DiffusionBValue")),
        "trigger": _float(dataset.get("TriggerTime")),
        "acquisition": _float(find(places, "FrameContentSequence", "FrameAcquisitionNumber"))
        or _float(dataset.get("AcquisitionNumber")),
    }
    indices = find(places, "FrameContentSequence", "DimensionIndexValues")
    dimensions = tuple(int(n) for n in np.atleast_1d(indices)) if indices is not None else ()
    unit = "HU" if modality == "CT" and kind in {"", "HU", "US"} else str(dataset.get("Units", "") or "")[:16]
    return Slice(
        path=path, frame=frame, pixels=pixels, series=str(dataset.get("SeriesInstanceUID", ""))[:64],
        instance_uid=str(dataset.get("SOPInstanceUID", ""))[:64], modality=modality, unit=unit,
        slope=slope, inter=inter, position=position, orientation=orientation,
        spacing=(spacing[0], spacing[1]) if spacing else None,
        thickness=between or thick, stack=str(find(places, "FrameContentSequence", "StackID") or ""),
        order=(*tags.values(), dimensions, _float(dataset.get("InstanceNumber")), frame), tags=tags,
        meaning=_private_meaning(dataset), lut="ModalityLUTSequence" in dataset,
    )  # fmt: skip


def _private_meaning(dataset: Any) -> str:
    try:
        return str(dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[1].value)
    except KeyError:
        return ""


def _pixels(path: Path, dataset: Any) -> Pixels:
    rows, columns = _whole(dataset, "Rows", 0), _whole(dataset, "Columns", 0)
    samples = _whole(dataset, "SamplesPerPixel", 1)
    floating = 4 if "FloatPixelData" in dataset else 8 if "DoubleFloatPixelData" in dataset else 0
    allocated = _whole(dataset, "BitsAllocated", 16)
    bits = _whole(dataset, "BitsStored", allocated) or allocated
    if min(rows, columns) < 1 or samples not in {1, 3, 4} or allocated not in {1, 8, 16, 32, 64} or bits > allocated:
        raise FileError(
            f"{path} is no image that can be read: {rows} rows, {columns} columns, {samples} samples of {bits} of "
            f"{allocated} bits. {_files.AGAIN}"
        )
    signed = bool(_whole(dataset, "PixelRepresentation", 0))
    return Pixels(
        rows, columns, samples, bits, signed, floating, str(dataset.get("PhotometricInterpretation", ""))[:16]
    )


def _whole(dataset: Any, keyword: str, default: int) -> int:
    value = dataset.get(keyword)
    return default if value in (None, "") else int(value)


def _float(value: Any, default: float = 0.0) -> float:
    return default if value is None or value == "" else float(value)


def _positive(value: Any) -> float | None:
    number = abs(_float(value))
    return number if 0 < number < 1e6 else None


def _floats(path: Path, value: Any, count: int, keyword: str) -> tuple[float, ...] | None:
    if value is None or value == "":
        return None
    numbers: NDArray[np.float64] = np.atleast_1d(np.asarray(value, dtype=np.float64))
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise FileError(
            f"{path}: {keyword} is {count} finite numbers, the header has {numbers.tolist()}. {_files.AGAIN}"
        )
    return tuple(float(n) for n in numbers)
