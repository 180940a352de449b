"""What is read of a DICOM file before its pixels: one `Slice` per frame, holding numbers and codes only.

No text about the patient is kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from workbench.errors import FileError
from workbench.io import _dicom_attributes, _dicom_mosaic, _files
from workbench.io._dicom_attributes import Tags
from workbench.io._dicom_file import Pixels, Source, fill_in, pixels_of, quiet
from workbench.io._dicom_frames import Place, place_frames
from workbench.io._dicom_lookup import clean, code, find, frame_count, numbers, positive
from workbench.io._dicom_spacing import Spacing, spacing_of
from workbench.io._dicom_values import Scale, padding_range, scale_of, value_notes
from workbench.io._doubt import Doubt

PRIVATE_GROUP, PRIVATE_CREATOR = 0x0099, "MEDICAL WORKBENCH"

_SEG = {"1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"}


@dataclass(frozen=True)
class Slice:
    """One frame, or one tile of a mosaic: where it lies and how its values are to be scaled.

    Positions and directions are LPS, lengths are mm.
    """

    path: Source
    frame: int
    pixels: Pixels
    series: str
    instance_uid: str
    modality: str
    scale: Scale
    position: tuple[float, ...] | None
    orientation: tuple[float, ...] | None
    spacing: Spacing | None
    between: float | None  # stated distance to the next slice
    thick: float | None
    location: float | None  # SliceLocation, for want of a position
    stack: str
    tags: Tags = field(compare=False)
    order: tuple[Any, ...]  # of frames that nothing else tells apart: dimension indices, instance number, frame
    corner: tuple[int, int] | None = None  # of a tile in its mosaic
    pictures: bool = False  # one of the moments or views of a picture, in a file without positions
    unplaced: str = ""  # the file, if it has several frames and does not say where they lie
    reference: str = ""  # the frame of reference of the position
    padding: tuple[float, ...] = ()  # the stored value of padding, or the ends of its range
    meaning: str = ""
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def thickness(self) -> float | None:
        """Distance to the next slice, as far as one slice alone can tell it."""
        return self.between or self.thick


def slices_of(path: Source, dataset: Any) -> list[Slice]:
    """Return the frames of a file; empty if it holds no image."""
    with _files.damage_becomes_file_error(path, "DICOM", private=True), quiet():
        if "Rows" not in dataset:
            if _says_image(dataset):
                raise FileError(
                    f"{path} is a DICOM image whose header gives no size (Rows, Columns); it is a header alone or cut "
                    "short. Get a fresh copy."
                )
            return []
        if "TotalPixelMatrixRows" in dataset or "TotalPixelMatrixColumns" in dataset:
            raise FileError(
                f"{path} is a whole slide among other images. Read it by itself, or the folder of its series."
            )
        count = frame_count(dataset)
        groups = dataset.get("PerFrameFunctionalGroupsSequence") or []
        if len(groups) not in {0, count}:
            raise FileError(
                f"{path} promises {count} frames but describes {len(groups)}, so that it is unknown which is which. "
                "Export it again."
            )
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
        places = [[groups[number] if groups else None, shared, dataset] for number in range(count)]
        return _slices(path, dataset, places)


def _slices(path: Source, dataset: Any, wheres: list[list[Any]]) -> list[Slice]:
    pixels = pixels_of(path, dataset)
    common = _dicom_attributes.read(dataset) | (_dicom_attributes.read(wheres[0][1]) if wheres[0][1] else {})
    # the frames of a segmentation are told apart by their segment, not by how they were acquired
    plain = not is_segmentation(dataset)
    own = [_dicom_attributes.read(where[0]) if plain and where[0] is not None else {} for where in wheres]
    alike = plain and all(tags == own[0] for tags in own)
    places, notes = place_frames(path, dataset, wheres, alike=alike)
    tiles = _dicom_mosaic.count_tiles(path, dataset)
    corners: list[tuple[int, int] | None] = [None] * len(places)
    if tiles:
        if len(places) > 1:
            raise FileError(f"{path} is a mosaic of slices in each of {len(places)} frames, which is not supported.")
        spacing, _ = spacing_of(dataset, wheres[0])
        places, corners[:], pixels, more = _dicom_mosaic.tile(path, dataset, pixels, tiles, spacing, places[0])
        notes += more
        wheres, own = wheres * tiles, own * tiles
    unplaced = str(path) if len(places) > 1 and not places[0].stated else ""
    lacking = [keyword for keyword in fill_in(dataset) if keyword != "HighBit"]  # the others say where it is
    if lacking:
        words = "the file does not say in full how its pixels are stored; taken as usual"
        notes.append(Doubt(f"{words}: {', '.join(f'{keyword} {dataset[keyword].value}' for keyword in lacking)}"))
    notes += value_notes(dataset)
    first = {
        "path": path, "pixels": pixels, "series": code(dataset, "SeriesInstanceUID")[:64],
        "instance_uid": code(dataset, "SOPInstanceUID")[:64], "modality": code(dataset, "Modality")[:16] or "OT",
        "reference": code(dataset, "FrameOfReferenceUID")[:64], "padding": padding_range(dataset),
        "meaning": _private_meaning(dataset), "unplaced": unplaced,
    }  # fmt: skip
    return [
        _slice(dataset, first, common | own[n] | place.tags, place, wheres[n], n, corners[n], notes)
        for n, place in enumerate(places)
    ]


def _slice(
    dataset: Any, first: dict[str, Any], tags: Tags, place: Place, where: list[Any], number: int,
    corner: tuple[int, int] | None, notes: list[str],
) -> Slice:  # fmt: skip
    scale, of_values = scale_of(dataset, where)
    spacing, of_spacing = spacing_of(dataset, where)
    indices = numbers(find(where[:1], "FrameContentSequence", "DimensionIndexValues"))
    return Slice(
        **first, frame=0 if corner is not None else number, scale=scale, position=place.position,
        orientation=place.orientation, spacing=spacing,
        between=positive(find(where, "PixelMeasuresSequence", "SpacingBetweenSlices")),
        thick=positive(find(where, "PixelMeasuresSequence", "SliceThickness")),
        location=next(iter(numbers(dataset.get("SliceLocation"))), None),
        stack=clean(find(where, "FrameContentSequence", "StackID")), tags=tags,
        order=(indices, tags.get("instance", 0.0), number), corner=corner, pictures=place.pictures,
        notes=(*notes, *of_values, *of_spacing),
    )  # fmt: skip


def _says_image(dataset: Any) -> bool:
    from pydicom.uid import UID

    kind = code(dataset, "SOPClassUID") or code(getattr(dataset, "file_meta", {}), "MediaStorageSOPClassUID")
    return kind in _SEG or "Image Storage" in UID(kind).name


def as_indices(item: Slice) -> Slice:
    """Return a slice of which the numbers that a palette has colours for are the values."""
    if item.pixels.photometric != "PALETTE COLOR":
        return item
    return replace(item, pixels=replace(item.pixels, photometric="MONOCHROME2"))


def is_segmentation(dataset: Any) -> bool:
    """Tell whether a dataset is a DICOM SEG or a label map."""
    return code(dataset, "SOPClassUID") in _SEG


def _private_meaning(dataset: Any) -> str:
    try:
        return str(dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR)[1].value)
    except KeyError:
        return ""
