"""Whole slides and tiled segmentations in DICOM (PS3.3 C.8.12.4, C.7.6.17): tiles put into their place, lazily.

A slide is a series of files: levels, and pictures of its label and its overview. A file holds the tiles of one level,
in rows (TILED_FULL) or each with its place (TILED_SPARSE). Only the tiles of the region asked for are decoded. Pixels
lie as in any picture, 'PixelSpacing' apart; the slide's own coordinates are not used.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench._words import count
from workbench.errors import FileError, InputError
from workbench.io import _files, _pyramid, _space
from workbench.io._dicom_file import quiet, read_dataset
from workbench.io._dicom_lookup import find
from workbench.io._doubt import Doubt
from workbench.io._format import Format
from workbench.io._visible import walk
from workbench.volume import Volume

_SLIDE = "1.2.840.10008.5.1.4.1.1.77.1.6"
_SEGMENTATIONS = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}
_KINDS = {"VOLUME": "", "THUMBNAIL": "thumbnail", "LABEL": "label", "OVERVIEW": "overview"}
_AFTER_CLASS = 0x00080018


@dataclass(frozen=True)
class Tile:
    """One frame: its file, its number there, the pixel of its corner, and the plane that it is of."""

    path: Path
    frame: int
    row: int
    column: int
    plane: tuple[Any, ...]  # focal plane, optical path, segment


@dataclass
class Picture:
    """The tiles of one level."""

    shape: tuple[int, int]
    tile: tuple[int, int]
    samples: int
    dtype: np.dtype[Any]
    photometric: str
    spacing: tuple[float, float] | None
    tiles: list[Tile] = field(default_factory=list)
    segments: dict[int, str] = field(default_factory=dict)
    coded: str = ""  # SegmentationType
    overlap: bool = False

    @property
    def planes(self) -> list[tuple[Any, ...]]:
        """The planes that occur, in order."""
        return sorted({tile.plane for tile in self.tiles})


def is_slide(path: Path, series: Any = None) -> bool:
    """Tell whether a file, or the first DICOM file of a folder, is a whole slide or a segmentation of one.

    If a `series` of a folder is asked for, it has to be that of a slide.
    """
    first = path if path.is_file() else next(filter(_may_be_image, walk(path)), None)
    if first is None or not _starts_like_dicom(first):
        return False
    kind = _class_of(first)
    if kind in _SEGMENTATIONS:
        return "TotalPixelMatrixRows" in read_dataset(first)
    return kind == _SLIDE and (series is None or path.is_file() or bool(_fitting(_slides(path)[0], series)))


def levels(path: Path, options: dict[str, Any]) -> _pyramid.Levels:
    """Return the levels of a slide."""
    pictures, others = _find(path, options, [])
    return _levels(pictures, others)


def read(format_: Format, path: Path, options: dict[str, Any]) -> Volume:
    """Return one level of a slide (or another picture of it), or the label map of a tiled segmentation."""
    left_out: list[str] = []
    pictures, others = _find(path, options, left_out)
    found = _levels(pictures, others)
    number = _pyramid.choose_level(found, options.get("level"), path)
    picture = pictures[number]
    region = _pyramid.check_region(options.get("region"), picture.shape, number)
    name = str(options.get("image") or "").lower()
    notes = [*left_out, *_pyramid.label_note("label" if name == "overview" else name), *_pyramid.notes(found, number)]
    paths, more = _paths(picture)
    notes += more
    if picture.photometric == "MONOCHROME1":
        notes.append("MONOCHROME1: high values are meant to look dark; the values are as stored")
    rows, columns = _pyramid.region_shape(region)
    channels = picture.samples * len(paths)
    shape = (rows, columns, channels) if channels > 1 else (rows, columns)
    placed = _space.space(placed=False, sized=pictures[0].spacing is not None)
    meaning: dict[str, Any] = {"inverted": picture.photometric == "MONOCHROME1", "space": placed}
    dtype = picture.dtype
    if picture.coded:
        meaning = {"kind": "labels", "labels": picture.segments, "space": placed}
        dtype = np.dtype(np.uint8 if max(picture.segments, default=0) <= 255 else np.uint16)
    elif picture.samples == 3 and len(paths) == 1:
        meaning["channels"] = ("red", "green", "blue")
    _pyramid.check_size(path, shape, dtype)

    def load() -> Array:
        if picture.coded:
            return _labels(picture, region, dtype)
        layers = [_paste(picture, plane, region) for plane in paths]
        return np.concatenate(layers, axis=-1).reshape(shape)

    base = _space.picture_affine(pictures[0].spacing)
    return format_.lazy(
        path, load, _pyramid.affine(base, found[number], region), shape=shape, dtype=dtype,
        axes=("i", "j", "c")[: len(shape)], notes=notes, **meaning,
    )  # fmt: skip


def _may_be_image(path: Path) -> bool:
    return path.name.upper() != "DICOMDIR" and _starts_like_dicom(path)


def _starts_like_dicom(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(132)[128:] == b"DICM"


def _class_of(path: Path) -> str:
    """Return the class of a file, having read no further than that."""
    from pydicom.filereader import read_partial

    try:
        with quiet(), path.open("rb") as file:
            found = read_partial(file, stop_when=lambda tag, _vr, _length: tag > _AFTER_CLASS)
            return str(found.get("SOPClassUID", ""))
    except Exception as error:  # noqa: BLE001 - what is wrong with it, reading it says
        return type(error).__name__


def _find(path: Path, options: dict[str, Any], notes: list[str]) -> tuple[list[Picture], dict[str, Picture]]:
    """Return the levels, the finest first, and the other pictures by name; what was left out goes into `notes`."""
    pictures: dict[str, list[Picture]] = {}
    for file, dataset in _instances(path, options.get("series"), notes):
        with _files.damage_becomes_file_error(file, "a slide in DICOM", private=True), quiet():
            kind = [*map(str, dataset.get("ImageType", []))][2:3]
            group = pictures.setdefault(_KINDS.get(kind[0] if kind else "", ""), [])
            _add(group, file, dataset)
    slide = pictures.pop("", None)
    others = {name: found[0] for name, found in pictures.items()}
    if options.get("image") is not None:
        return [_pyramid.choose_image(others, options["image"])], {}
    if slide is None:
        # a file of a label, read on its own: it was asked for
        return [*others.values()][:1], {}
    return sorted(slide, key=lambda one: one.shape, reverse=True), others


def _instances(path: Path, series: Any, notes: list[str]) -> list[tuple[Path, Any]]:
    if path.is_file():
        return [(path, read_dataset(path))]
    found, others = _slides(path)
    fitting = _fitting(found, series)
    if len(fitting) != 1:
        listing = "; ".join(f"...{uid[-8:]} ({len(files)} files)" for uid, files in found.items())
        raise InputError(
            f"{path} holds {len(found)} slides, {len(fitting)} of which fit series={series!r}; choose one with the "
            f"end of its uid: {listing}."
        )
    if others and series is None:
        words = "of the folder are of no slide and were left out; series= takes another series"
        notes.append(Doubt(f"{count(others, 'DICOM file')} {words}"))
    return found[fitting[0]]


def _slides(folder: Path) -> tuple[dict[str, list[tuple[Path, Any]]], int]:
    """Return the files of slides by series, and how many other DICOM files there are."""
    found: dict[str, list[tuple[Path, Any]]] = {}
    others = 0
    for file in filter(_may_be_image, walk(folder)):
        if _class_of(file) == _SLIDE:
            dataset = read_dataset(file)
            found.setdefault(str(dataset.get("SeriesInstanceUID", "")), []).append((file, dataset))
        else:
            others += 1
    return found, others


def _fitting(found: Iterable[str], series: Any) -> list[str]:
    wanted = str(getattr(series, "uid", series) or "").lstrip(".")
    return [uid for uid in found if uid.endswith(wanted)]


def _add(group: list[Picture], path: Path, dataset: Any) -> None:
    """Add the tiles of a file to the picture of its size, which files may share (concatenations, optical paths)."""
    shape = int(dataset.TotalPixelMatrixRows), int(dataset.TotalPixelMatrixColumns)
    tile = int(dataset.Rows), int(dataset.Columns)
    count = int(dataset.get("NumberOfFrames", 1) or 1)
    if min(*shape, *tile) < 1 or not 1 <= count <= 1 << 24:
        raise FileError(f"{path}: a slide has rows, columns and tiles of 1 or more, got {shape}, {tile} and {count}.")
    picture = next((one for one in group if one.shape == shape), None)
    if picture is None:
        bits = int(dataset.get("BitsAllocated", 8))
        dtype = np.dtype(np.uint8 if bits <= 8 else np.uint16)
        coded = str(dataset.get("SegmentationType", "")).upper()
        samples = int(dataset.get("SamplesPerPixel", 1))
        photometric = str(dataset.get("PhotometricInterpretation", ""))
        overlap = str(dataset.get("SegmentsOverlap", "UNDEFINED")).upper() != "NO" and coded == "BINARY"
        picture = Picture(shape, tile, samples, dtype, photometric, _spacing(dataset, shape), [], {}, coded, overlap)
        picture.segments = {
            int(item.SegmentNumber): str(item.get("SegmentLabel", "")) for item in dataset.get("SegmentSequence") or []
        }
        group.append(picture)
    picture.tiles += _tiles(path, dataset, picture, count)


def _spacing(dataset: Any, shape: tuple[int, int]) -> tuple[float, float] | None:
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    value = find([shared, dataset], "PixelMeasuresSequence", "PixelSpacing")
    if value is None:
        sizes = dataset.get("ImagedVolumeHeight"), dataset.get("ImagedVolumeWidth")
        value = [float(size) / n for size, n in zip(sizes, shape, strict=True)] if all(sizes) else None
    if value is None or not all(np.isfinite(float(step)) and float(step) > 0 for step in value):
        return None
    return float(value[0]), float(value[1])


def _tiles(path: Path, dataset: Any, picture: Picture, count: int) -> Iterator[Tile]:
    groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
    first = int(dataset.get("ConcatenationFrameOffsetNumber", 0) or 0)
    if str(dataset.get("DimensionOrganizationType", "")) == "TILED_FULL" or len(groups) != count:
        down, across = (-(-n // size) for n, size in zip(picture.shape, picture.tile, strict=True))
        depth = int(dataset.get("TotalPixelMatrixFocalPlanes", 1) or 1)
        for frame in range(count):
            plane, place = divmod(first + frame, down * across)
            row, column = divmod(place, across)
            path_number, focus = divmod(plane, depth)
            segment = path_number + 1 if picture.coded else 0
            yield Tile(path, frame, row * picture.tile[0], column * picture.tile[1],
                       (focus, "" if picture.coded else str(path_number), segment))  # fmt: skip
        return
    shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
    for frame, group in enumerate(groups):
        places = [group, shared]
        row, column, depth_ = (
            find(places, "PlanePositionSlideSequence", keyword)
            for keyword in (
                "RowPositionInTotalImagePixelMatrix", "ColumnPositionInTotalImagePixelMatrix",
                "ZOffsetInSlideCoordinateSystem",
            )
        )  # fmt: skip
        light = find(places, "OpticalPathIdentificationSequence", "OpticalPathIdentifier")
        segment = find(places, "SegmentIdentificationSequence", "ReferencedSegmentNumber")
        focus_mm = round(float(depth_ or 0), 6)
        # the first pixel is 1
        yield Tile(path, frame, int(row) - 1, int(column) - 1, (focus_mm, str(light or ""), int(segment or 0)))


def _levels(pictures: list[Picture], others: dict[str, Picture]) -> _pyramid.Levels:
    return _pyramid.make([one.shape for one in pictures], pictures[0].spacing, tuple(others))


def _paths(picture: Picture) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Return the planes that become channels (the optical paths of one focal plane), and notes on the others."""
    if picture.coded:
        words = "the file does not rule out that segments overlap; where they do, the highest number is on top"
        return [()], [words] if picture.overlap and len(picture.segments) > 1 else []
    planes = picture.planes
    focal = sorted({plane[0] for plane in planes})
    chosen = [plane for plane in planes if plane[0] == focal[len(focal) // 2]]
    notes = []
    if len(focal) > 1:
        notes.append(f"the middle one of {len(focal)} focal planes was read")
    if len(chosen) > 1:
        notes.append(f"{len(chosen)} optical paths became the channels")
    return chosen, notes


def _paste(picture: Picture, plane: tuple[Any, ...], region: _pyramid.Region) -> Array:
    """Return a region of one plane, [row, column, samples]; where there is no tile, it is white or 0."""
    rows, columns = _pyramid.region_shape(region)
    empty = np.iinfo(picture.dtype).max if picture.samples > 1 else 0
    out = np.full((rows, columns, picture.samples), empty, picture.dtype)
    for tile, pixels in _decoded(picture, region, lambda tile: tile.plane == plane):
        part, target = _overlap(picture, tile, region)
        out[target] = pixels.reshape(*picture.tile, picture.samples)[part]
    return out


def _labels(picture: Picture, region: _pyramid.Region, dtype: np.dtype[Any]) -> Array:
    """Return the label map of a region of a tiled segmentation."""
    if picture.coded == "FRACTIONAL":
        raise FileError("A tiled segmentation of fractions is no label map, and is not supported. Save it as binary.")
    out = np.zeros(_pyramid.region_shape(region), dtype)
    for tile, pixels in _decoded(picture, region, lambda _tile: True):
        part, target = _overlap(picture, tile, region)
        values = pixels.reshape(picture.tile)[part]
        # where segments overlap, the one with the highest number is on top, as in segmentations of volumes
        new = values.astype(dtype) if picture.coded == "LABELMAP" else np.where(values, tile.plane[2], 0).astype(dtype)
        out[target] = np.maximum(out[target], new)
    return out


def _decoded(picture: Picture, region: _pyramid.Region, wanted: Any) -> Iterator[tuple[Tile, Array]]:
    """Decode the tiles that lie in a region, file by file."""
    (top, left), (bottom, right) = region
    height, width = picture.tile
    inside = [
        tile for tile in picture.tiles
        if wanted(tile) and tile.row < bottom and tile.row + height > top
        and tile.column < right and tile.column + width > left
    ]  # fmt: skip
    for path in dict.fromkeys(tile.path for tile in inside):
        tiles = [tile for tile in inside if tile.path == path]
        with _files.damage_becomes_file_error(path, "a slide in DICOM", private=True), quiet():
            yield from zip(tiles, _frames(path, [tile.frame for tile in tiles]), strict=True)


def _frames(path: Path, numbers: list[int]) -> Iterator[Array]:
    from pydicom import pixels

    return iter(pixels.iter_pixels(path, indices=numbers))  # type: ignore[attr-defined]


def _overlap(picture: Picture, tile: Tile, region: _pyramid.Region) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return which part of a tile goes where in a region."""
    parts, targets = [], []
    for start, length, low, high in zip((tile.row, tile.column), picture.tile, *region, strict=True):
        first, last = max(start, low), min(start + length, high)
        parts.append(slice(first - start, last - start))
        targets.append(slice(first - low, last - low))
    return (parts[0], parts[1]), (targets[0], targets[1])
