"""What tells images at one place apart: one table of attributes, for keys, names of channels and their order.

An attribute is looked up in its functional group of an enhanced file (per frame, then shared), else in the file itself.
The order of the table is that of the channels, and of telling apart: what was chosen (echo, b-value, ...) comes before
when it happened, and numbers that were merely counted come last.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from workbench.io._dicom_lookup import UNREADABLE, clean, codes, numbers, private

#: A number, numbers (a direction, indices) or codes.
Value = float | tuple[float, ...] | tuple[str, ...]
Tags = dict[str, Value]

_COMPONENTS = {"M": "magnitude", "P": "phase", "R": "real", "I": "imaginary"}
_FRAME_TYPES = (
    "MRImageFrameTypeSequence", "CTImageFrameTypeSequence", "PETFrameTypeSequence", "XRay3DFrameTypeSequence",
    "XAXRFFrameCharacteristicsSequence",
)  # fmt: skip
#: Dimensions of enhanced files that say where a frame lies, not what it is.
_PLACES = {0x00209056, 0x00209057, 0x00200032, 0x00200037, 0x00209113, 0x00209116, 0x0020930E, 0x00209301}
#: Seconds; milliseconds, degrees, ...; unit vectors. Far below any step that a scanner makes.
_SAME_CLOCK, _SAME_NUMBER, _SAME_DIRECTION = 1e-4, 5e-4, 1e-3


@dataclass(frozen=True)
class Attribute:
    """One way in which images at one place differ.

    Parameters
    ----------
    name : str
        Key in the tags of a slice.
    show : str or callable
        Format of a value, as the name of a channel; of a clock, the format of the seconds since the first.
    read : callable
        Takes a functional group or a file, returns the value there, or None.
    clock : bool
        Whether the values are moments, in seconds, which may differ from slice to slice of one volume.
    """

    name: str
    show: str
    read: Callable[[Any], Value | None]
    clock: bool = False


def read(place: Any) -> Tags:
    """Return the attributes that a file, or a functional group of it, gives. What cannot be read tells nothing."""
    found: Tags = {}
    for attribute in ATTRIBUTES:
        try:
            value = attribute.read(place)
        except UNREADABLE:
            continue
        if value is not None and value != ():
            found[attribute.name] = value
    return found


def labels(attribute: Attribute, values: Sequence[Value | None]) -> list[str]:
    """Return the name of each of the different values of an attribute; "" for one that is absent."""
    given = [value for value in values if value is not None]
    first = min((value for value in given if isinstance(value, float)), default=0.0) if attribute.clock else 0.0
    words = [set(value) for value in given if isinstance(value, tuple) and isinstance(value[0], str)]
    common = set.intersection(*words) if words else set()
    return ["" if value is None else attribute.show.format(_shown(value, first, common)) for value in values]


def _shown(value: Value, first: float, common: set[Any]) -> Any:
    """Return a value as its format takes it: a clock since the `first` moment, codes without those in `common`."""
    if not isinstance(value, tuple):
        return value - first
    if not isinstance(value[0], str):
        return " ".join(f"{part:.3g}" for part in value)
    return " ".join(dict.fromkeys(part for part in value if part not in common) or value)


def cluster(attribute: Attribute, values: Sequence[Value | None]) -> list[int]:
    """Return the number of the cluster of each value, in rising order of the values; absent ones come first."""
    number: dict[Value | None, int] = {None: 0}
    found: list[Value] = []
    for value in sorted({value for value in values if value is not None}, key=_rank):
        # numbers come in rising order, so that only the last can be near; directions do not
        near = found[-1:] if isinstance(value, float) else found
        at = next((place for place, other in enumerate(near) if _same(attribute, other, value)), None)
        if at is None:
            found.append(value)
            number[value] = len(found)
        else:
            number[value] = number[near[at]]
    return [number[value] for value in values]


def _rank(value: Value) -> tuple[Any, ...]:
    if isinstance(value, tuple):
        return (2 if value and isinstance(value[0], str) else 1, len(value), value)
    return (0, 0, value)


def _same(attribute: Attribute, one: Value, other: Value) -> bool:
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= (_SAME_CLOCK if attribute.clock else _SAME_NUMBER)
    a, b = (value if isinstance(value, tuple) else (value,) for value in (one, other))
    if len(a) != len(b) or any(isinstance(part, str) for part in (*a, *b)):
        return one == other
    return bool(np.linalg.norm(np.subtract(a, b)) <= _SAME_DIRECTION)


def _at(place: Any, group: str, keyword: str) -> Any:
    items = (place.get(group) or []) if group else []
    for item in (items[0] if len(items) else None, place):
        value = None if item is None else item.get(keyword)
        if value is not None and value != "":
            return value
    return None


def _number(*keywords: str, group: str = "") -> Callable[[Any], Value | None]:
    def look(place: Any) -> Value | None:
        for keyword in keywords:
            found = numbers(_at(place, group, keyword))
            if found:
                return found[0]
        return None

    return look


def _vector(group: str, inner: str, keyword: str) -> Callable[[Any], tuple[float, ...] | None]:
    def look(place: Any) -> tuple[float, ...] | None:
        items = place.get(group) or []
        item = items[0] if len(items) else place
        found = numbers(_at(item, inner, keyword))
        return found if len(found) == 3 and any(found) else None

    return look


def _codes(keyword: str, group: str = "", *, words: bool = False) -> Callable[[Any], Value | None]:
    def look(place: Any) -> Value | None:
        value = _at(place, group, keyword)
        found = tuple(clean(item) for item in ([value] if value is None or isinstance(value, str) else value))
        return tuple(part.lower() if words else part for part in found) if any(found) else None

    return look


def _moment(*keywords: tuple[str, ...], group: str = "") -> Callable[[Any], Value | None]:
    def look(place: Any) -> Value | None:
        for names in keywords:
            text = [clean(_at(place, group, name)) for name in names]
            # a time without a date still orders the images of one day
            found = _seconds("".join(text) if len(text) == 1 else f"{text[0] or '00010101'}{text[1]}")
            if found is not None and text[-1]:
                return found
        return None

    return look


def _seconds(text: str) -> float | None:
    """Return the seconds of ``YYYYMMDDHHMMSS.FFFFFF``, an offset from UTC left out; dots and colons may part it."""
    text = text.split("+")[0].split("-")[0].replace(":", "")
    digits, _, fraction = text.partition(".")
    if len(digits) < 8 or not digits.isdecimal():
        return None
    day = date(max(1, int(digits[:4])), max(1, int(digits[4:6])), max(1, int(digits[6:8]))).toordinal()
    hours, minutes, seconds = (int(digits[at : at + 2] or 0) for at in (8, 10, 12))
    part = float(f"0.{fraction}") if fraction.isdecimal() else 0.0
    return day * 86400.0 + hours * 3600 + minutes * 60 + seconds + part


def _image_type(place: Any) -> tuple[str, ...]:
    for group in _FRAME_TYPES:
        items = place.get(group) or []
        if len(items):
            return codes(items[0], "FrameType")
    return codes(place, "ImageType") if "ImageType" in place else ()


def _component(place: Any) -> Value | None:
    for group in _FRAME_TYPES:
        found = clean(_at(place, group, "ComplexImageComponent")).lower()
        if found:
            return (found,)
    for part in _image_type(place)[2:]:
        if _is_component(part):
            return (_COMPONENTS[part[0]],)
    return None


def _is_component(part: str) -> bool:
    return part[:1] in _COMPONENTS and part[1:2] in {"", "_"}


def _type(place: Any) -> Value | None:
    return tuple(part for part in _image_type(place) if part and not _is_component(part))


def _b_value(place: Any) -> Value | None:
    found = numbers(_at(place, "MRDiffusionSequence", "DiffusionBValue"))
    found = found or private(place, 0x0019, "SIEMENS MR HEADER", 0x0C)
    found = found or private(place, 0x2001, "Philips Imaging DD 001", 0x03)
    if not found:
        found = private(place, 0x0043, "GEMS_PARM_01", 0x39)[:1]
        # GE adds 10^9 to mark how the value was made
        found = tuple(value % 1e5 if value >= 1e9 else value for value in found)
    return found[0] if found else None


def _direction(place: Any) -> Value | None:
    standard = _vector("MRDiffusionSequence", "DiffusionGradientDirectionSequence", "DiffusionGradientOrientation")
    found = standard(place) or private(place, 0x0019, "SIEMENS MR HEADER", 0x0E)
    found = found or private(place, 0x2005, "Philips MR Imaging DD 001", 0xB0, 0xB1, 0xB2)
    found = found or private(place, 0x0019, "GEMS_ACQU_01", 0xBB, 0xBC, 0xBD)
    return found if len(found) == 3 and any(found) else None


def _beam(place: Any) -> Value | None:
    item = place
    for name in ("ReferencedRTPlanSequence", "ReferencedFractionGroupSequence", "ReferencedBeamSequence"):
        items = item.get(name) or []
        if not len(items):
            return None
        item = items[0]
    return _number("ReferencedBeamNumber")(item)


def indices(place: Any, pointers: Sequence[int]) -> tuple[float, ...]:
    """Return the indices of a frame along the dimensions that do not say where it lies."""
    values = numbers(_at(place, "FrameContentSequence", "DimensionIndexValues"))
    return tuple(value for value, pointer in zip(values, pointers, strict=False) if pointer not in _PLACES)


def _given_by_frames(_place: Any) -> None:
    """Stand for what `_dicom_frames` finds out for each frame of a file."""


_HEART, _BREATH = "CardiacSynchronizationSequence", "RespiratorySynchronizationSequence"
_CONTENT, _TIMING = "FrameContentSequence", "MRTimingAndRelatedParametersSequence"

ATTRIBUTES = (
    Attribute("component", "{}", _component),
    Attribute("type", "type {}", _type),
    Attribute("label", "{}", _codes("ASLContext", "MRArterialSpinLabelingSequence", words=True)),
    Attribute("echo", "echo {:g} ms", _number("EffectiveEchoTime", "EchoTime", group="MREchoSequence")),
    Attribute("echo number", "echo number {:g}", _number("EchoNumbers")),
    Attribute("inversion", "inversion {:g} ms", _number("InversionTimes", "InversionTime", group="MRModifierSequence")),
    Attribute("flip", "flip angle {:g} degrees", _number("FlipAngle", group=_TIMING)),
    Attribute("repetition", "repetition {:g} ms", _number("RepetitionTime", group=_TIMING)),
    Attribute("b", "b {:g}", _b_value),
    Attribute("direction", "direction ({})", _direction),
    Attribute("directionality", "{}", _codes("DiffusionDirectionality", "MRDiffusionSequence", words=True)),
    Attribute("velocity", "velocity ({})", _vector("MRVelocityEncodingSequence", "", "VelocityEncodingDirection")),
    Attribute("sequence", "sequence {}", _codes("SequenceName")),
    Attribute("voltage", "{:g} kV", _number("KVP", group="CTXRayDetailsSequence")),
    Attribute("kernel", "kernel {}", _codes("ConvolutionKernel", "CTReconstructionSequence")),
    Attribute("thickness", "thickness {:g} mm", _number("SliceThickness", group="PixelMeasuresSequence")),
    Attribute("window", "energy window {:g}", _given_by_frames),
    Attribute("detector", "detector {:g}", _given_by_frames),
    Attribute("rotation", "rotation {:g}", _given_by_frames),
    Attribute("view", "view {:g}", _given_by_frames),
    Attribute("angle", "angle {:g} degrees", _given_by_frames),
    Attribute("phase", "phase {:g}", _given_by_frames),
    Attribute("interval", "R-R interval {:g}", _given_by_frames),
    Attribute("slot", "time slot {:g}", _given_by_frames),
    Attribute("time slice", "time slice {:g}", _given_by_frames),
    Attribute("page", "page {:g}", _given_by_frames),
    Attribute("dose", "dose of {}", _codes("DoseSummationType", words=True)),
    Attribute("beam", "beam {:g}", _beam),
    Attribute("heart", "cardiac phase {:g} %", _number("NominalPercentageOfCardiacPhase", group=_HEART)),
    Attribute("breath", "respiratory phase {:g} %", _number("NominalPercentageOfRespiratoryPhase", group=_BREATH)),
    Attribute("time", "time {:g}", _number("TemporalPositionIndex", "TemporalPositionIdentifier", group=_CONTENT)),
    Attribute("trigger", "trigger {:g} ms", _number("NominalCardiacTriggerDelayTime", "TriggerTime", group=_HEART)),
    Attribute("breath trigger", "trigger {:g} ms", _number("NominalRespiratoryTriggerDelayTime", group=_BREATH)),
    Attribute("moment", "{:g} ms", _given_by_frames),
    Attribute("reference time", "reference time {:g} ms", _number("FrameReferenceTime")),
    Attribute(
        "acquisition", "acquisition {:g}", _number("FrameAcquisitionNumber", "AcquisitionNumber", group=_CONTENT)
    ),
    Attribute("index", "index ({})", _given_by_frames),
    Attribute("stack", "stack {}", _codes("StackID", _CONTENT)),
    Attribute("reference", "reference +{:g} s", _moment(("FrameReferenceDateTime",), group=_CONTENT), clock=True),
    Attribute(
        "acquired", "acquired +{:g} s",
        _moment(
            ("FrameAcquisitionDateTime",), ("AcquisitionDateTime",), ("AcquisitionDate", "AcquisitionTime"),
            group=_CONTENT,
        ),
        clock=True,
    ),
    Attribute("content", "made +{:g} s", _moment(("ContentDate", "ContentTime")), clock=True),
    Attribute(
        "creation", "stored +{:g} s", _moment(("InstanceCreationDate", "InstanceCreationTime")), clock=True
    ),
    # the last one: it counts files, and says what they are only for want of anything else
    Attribute("instance", "instance {:g}", _number("InstanceNumber")),
)  # fmt: skip
