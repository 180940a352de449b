"""Where each frame of a file lies, and what a frame of an old kind of file is: a slice, a moment, a view.

Enhanced files say it for each frame. Older ones state one position, and one of their vectors (PS3.3 C.7.6.6, Frame
Increment Pointer) says what goes on from frame to frame: distances (RT Dose, C.8.8.3.2), slices, energy windows or time
slots (nuclear medicine, C.8.4), or time (cine). Without a vector, frames that state a position and a spacing are slices
along the normal, as in C.8.4.15, where a negative spacing stacks against it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from workbench.errors import FileError
from workbench.io._dicom_attributes import Tags, indices
from workbench.io._dicom_file import Source
from workbench.io._dicom_lookup import code, codes, doubt, find, floats, numbers, positive
from workbench.io._doubt import Doubt

Vector = tuple[float, ...]

#: What counts in nuclear medicine: the element with a number for each frame, and the attribute that it is.
_NUCLEAR = {
    "EnergyWindowVector": "window", "DetectorVector": "detector", "RotationVector": "rotation",
    "AngularViewVector": "view", "PhaseVector": "phase", "RRIntervalVector": "interval", "TimeSlotVector": "slot",
    "TimeSliceVector": "time slice",
}  # fmt: skip
_TIMES = {0x00181063, 0x00181065}  # FrameTime, FrameTimeVector
#: Modalities whose frames are moments of a picture, not slices.
_CINE = {"US", "IVUS", "XA", "RF", "ES", "XC", "GM", "SM", "OP", "DX", "CR", "MG", "IO", "PX"}
_FLAT_NUCLEAR = {"STATIC", "WHOLE BODY", "DYNAMIC", "GATED", "TOMO", "GATED TOMO"}
_AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
#: By how much a unit vector may be longer or shorter, and the cosine of a right angle differ from 0.
_SQUARE, _NO_LENGTH = 0.01, 1e-6
_UNIT_VECTORS = "ImageOrientationPatient is two unit vectors at right angles"


@dataclass(frozen=True)
class Place:
    """Where a frame lies (LPS mm) and what tells it from others at the same place."""

    position: Vector | None
    orientation: Vector | None
    tags: Tags = field(default_factory=dict)
    pictures: bool = False  # moments or views of one picture, not slices
    stated: bool = True  # whether the file itself states the position


def place_frames(
    source: Source, dataset: Any, frames: list[list[Any]], *, alike: bool
) -> tuple[list[Place], list[str]]:
    """Return the place of each frame of a file, and notes.

    Parameters
    ----------
    source, dataset
        The file.
    frames : list
        Where to look for each frame: its functional group or None, the shared group or None, the file.
    alike : bool
        Whether the functional groups give nothing that tells the frames apart.

    Raises
    ------
    FileError
        If the offsets of dose planes are not what they have to be; what else is not is a doubt.
    """
    notes: list[str] = []
    count = len(frames)
    pointers = [int(item.get("DimensionIndexPointer") or 0) for item in dataset.get("DimensionIndexSequence") or []]
    vectors = {key: numbers(dataset.get(name)) for name, key in _NUCLEAR.items()}
    places = []
    for number, where in enumerate(frames):
        position, orientation = _geometry(dataset, where, number, notes)
        tags: Tags = {key: vector[number] for key, vector in vectors.items() if len(vector) == count}
        index = indices(where[0], pointers) if where[0] is not None else ()
        stated = position is not None and orientation is not None
        places.append(Place(position, orientation, tags | ({"index": index} if index else {}), stated=stated))
    if count == 1 and not numbers(dataset.get("GridFrameOffsetVector")):
        return places, notes
    first = places[0]
    if any((place.position, place.orientation) != (first.position, first.orientation) for place in places):
        return places, notes
    if frames[0][0] is not None:
        stacked = _in_stack(frames, places, notes)
        if stacked or not alike or any(place.tags for place in places):
            return stacked or places, notes
    return _by_vectors(source, dataset, frames[0], places, notes), notes


def _geometry(dataset: Any, where: list[Any], number: int, notes: list[str]) -> tuple[Vector | None, Vector | None]:
    position = find(where, "PlanePositionSequence", "ImagePositionPatient")
    orientation = find(where, "PlaneOrientationSequence", "ImageOrientationPatient")
    detectors = dataset.get("DetectorInformationSequence") or []
    if (position is None or orientation is None) and len(detectors):
        vector = numbers(dataset.get("DetectorVector"))
        at = int(vector[number]) - 1 if number < len(vector) else 0
        detector = detectors[at] if 0 <= at < len(detectors) else detectors[0]
        position = detector.get("ImagePositionPatient") if position is None else position
        orientation = detector.get("ImageOrientationPatient") if orientation is None else orientation
    if position is None:
        position = find(where, "PlanePositionVolumeSequence", "ImagePositionVolume")
        orientation = find(where, "PlaneOrientationVolumeSequence", "ImageOrientationVolume") or orientation
        if position is not None:
            words = "positions are those of the ultrasound volume, not of the patient"
            notes += [] if words in notes else [words]
    return floats(position, 3, "ImagePositionPatient", notes), _unit_vectors(orientation, notes)


def _unit_vectors(value: Any, notes: list[str]) -> Vector | None:
    """Return the directions of rows and columns if they are at right angles; lengths are made 1."""
    found = floats(value, 6, "ImageOrientationPatient", notes)
    if found is None:
        return None
    pair = np.array(found).reshape(2, 3)
    lengths = np.linalg.norm(pair, axis=1)
    rule = _UNIT_VECTORS
    # the numbers of the first are enough: each frame may have others
    if not any(note.startswith(rule) for note in notes):
        rule += f", the header has {list(found)}"
    if lengths.min() < _NO_LENGTH or abs(float(pair[0] @ pair[1])) > _SQUARE * lengths.prod():
        doubt(notes, f"{rule}; it was not used")
        return None
    if np.abs(lengths - 1).max() <= _SQUARE:
        return found
    doubt(notes, f"{rule}; their lengths were made 1")
    return tuple(float(x) for x in (pair / lengths[:, None]).ravel())


def _in_stack(frames: list[list[Any]], places: list[Place], notes: list[str]) -> list[Place]:
    """Place the frames of an enhanced file that states one position by their number in the stack, if they have one."""
    found = [numbers(find([where[0]], "FrameContentSequence", "InStackPositionNumber")) for where in frames]
    if not all(found) or len(set(found)) == 1:
        return []
    step = between(frames[0]) or thickness(frames[0], notes)
    return along_normal([(number[0] - 1) * step for number in found], places, notes)


def _by_vectors(source: Source, dataset: Any, where: list[Any], places: list[Place], notes: list[str]) -> list[Place]:
    count = len(places)
    modality = code(dataset, "Modality")
    offsets = numbers(dataset.get("GridFrameOffsetVector"))
    if offsets:
        return _dose_planes(source, offsets, places, notes)
    slices, locations = numbers(dataset.get("SliceVector")), numbers(dataset.get("SliceLocationVector"))
    step = between(where)
    if step < 0 and modality != "NM":
        notes.append(
            Doubt(f"the spacing between slices is negative ({step:g} mm), which only NM may have; its size is taken")
        )
        step = -step
    if len(slices) == count and len(set(slices)) > 1:
        step = step or thickness(where, notes)
        return along_normal([(number - 1) * step for number in slices], places, notes)
    if len(locations) == count and len(set(locations)) > 1:
        return along_normal([value - locations[0] for value in locations], places, notes)
    told = len({tuple(place.tags.items()) for place in places}) == count
    if told or (modality == "NM" and _FLAT_NUCLEAR & set(codes(dataset, "ImageType")[2:3])):
        return _pictures(places, "page")
    in_time = bool({int(tag) for tag in _several(dataset.get("FrameIncrementPointer"))} & _TIMES)
    moments = _moments(dataset, count)
    if step and (places[0].stated or moments is None):
        return along_normal([n * step for n in _counted(places)], places, notes)
    if in_time or modality in _CINE:
        return _pictures(places, "page" if moments is None else "moment", moments)
    angles = numbers(dataset.get("FramePrimaryAngleVector"))
    if len(angles) == count:
        return _pictures(places, "angle", angles)
    if "PageNumberVector" in dataset:
        return _pictures(places, "page")
    step = step or thickness(where, notes)
    return along_normal([n * step for n in _counted(places)], places, notes)


def _counted(places: list[Place]) -> list[int]:
    """Return the number of each frame among those with the same tags (the same energy window, ...)."""
    seen: dict[Any, int] = {}
    counted = []
    for place in places:
        key = tuple(place.tags.items())
        counted.append(seen.get(key, 0))
        seen[key] = counted[-1] + 1
    return counted


def between(where: list[Any]) -> float:
    """Return the stated spacing between slices in mm, with its sign; 0 where there is none."""
    found = numbers(find(where, "PixelMeasuresSequence", "SpacingBetweenSlices"))
    return found[0] if found else 0.0


def _dose_planes(source: Source, offsets: Vector, places: list[Place], notes: list[str]) -> list[Place]:
    if len(offsets) < len(places):
        raise FileError(
            f"{source}: GridFrameOffsetVector has a number for each of the {len(places)} planes, the header has "
            f"{len(offsets)}. Export the dose again."
        )
    offsets = offsets[: len(places)]
    first = places[0]
    height = first.position[2] if first.position else 0.0
    turn = first.orientation
    axial = turn is not None and abs(float(np.cross(turn[:3], turn[3:])[2])) > 1 - 1e-3
    if offsets[0] and first.position and axial and abs(offsets[0] - height) <= 0.01:
        x, y, _ = first.position
        return [replace(place, position=(x, y, z)) for z, place in zip(offsets, places, strict=True)]
    if offsets[0]:
        notes.append(
            Doubt(
                f"the offsets of the dose planes begin at {offsets[0]:g} mm, which is neither 0 nor the z of the "
                f"position ({height:g} mm); taken from the first plane"
            )
        )
    return along_normal([offset - offsets[0] for offset in offsets], places, notes)


def along_normal(offsets: list[float], places: list[Place], notes: list[str]) -> list[Place]:
    """Move frames that state one position along the normal of their plane, by `offsets` in mm."""
    first = places[0]
    position: Any = np.zeros(3)
    orientation: Vector = _AXIAL
    if first.stated:
        position, orientation = np.array(first.position), first.orientation or _AXIAL
    elif len(offsets) > 1:
        notes.append(Doubt(f"{len(set(offsets))} images do not say where they lie; stacked in the order of the file"))
    normal = np.cross(orientation[:3], orientation[3:])
    return [
        replace(place, position=tuple(float(x) for x in position + offset * normal), orientation=orientation)
        for offset, place in zip(offsets, places, strict=True)
    ]


def _pictures(places: list[Place], name: str, values: Vector | None = None) -> list[Place]:
    """Keep all frames at one place, told apart by `name` where nothing else does."""
    numbered = values if values is not None else tuple(float(n + 1) for n in range(len(places)))
    return [
        replace(place, tags={name: value} | place.tags, pictures=True)
        for place, value in zip(places, numbered, strict=True)
    ]


def _moments(dataset: Any, count: int) -> Vector | None:
    """Return the milliseconds of each frame since the first, where the file says anything about time."""
    increments = numbers(dataset.get("FrameTimeVector"))
    if len(increments) == count:
        return tuple(float(x) for x in np.cumsum([0.0, *increments[1:]]))
    step = positive(dataset.get("FrameTime"))
    for keyword in ("CineRate", "RecommendedDisplayFrameRate"):
        rate = positive(dataset.get(keyword))
        step = step or (1000 / rate if rate else None)
    return None if step is None else tuple(n * step for n in range(count))


def thickness(where: list[Any], notes: list[str]) -> float:
    """Return the slice thickness in mm, or 1, for want of a spacing between slices, and note that."""
    thick = positive(find(where, "PixelMeasuresSequence", "SliceThickness"))
    notes.append(
        Doubt(
            f"the spacing between slices is not given; the slice thickness of {thick:g} mm is taken"
            if thick
            else "neither the spacing between slices nor their thickness is given; taken as 1 mm"
        )
    )
    return thick or 1.0


def _several(value: Any) -> list[Any]:
    if value is None or value == "":
        return []
    return [value] if isinstance(value, int) else list(value)
