"""What the stored numbers of a frame mean: the rescale, the unit, and what a reader of the values should know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.io._dicom_lookup import clean, code, find, numbers, private, real, whole
from workbench.io._doubt import Doubt

#: Rescale Type and Modality LUT Type (C.11.1.1.2) in words; "US" is "unspecified".
_RESCALE_UNITS = {
    "HU": "HU", "HU_MOD": "HU (modified)", "OD": "OD / 1000", "PCT": "%", "MGML": "mg/ml", "Z_EFF": "Z",
    "ED": "1e23 electrons/ml", "EDW": "electrons relative to water",
}  # fmt: skip
_UCUM = {"[hnsf'U]": "HU", "1": "", "{no units}": "", "[arb'U]": "a.u."}
_LINEAR = ("RealWorldValueSlope", "RealWorldValueIntercept")


@dataclass(frozen=True)
class Scale:
    """Real value = slope x stored value + intercept, or what a table of so many bits has for the stored value."""

    slope: float = 1.0
    inter: float = 0.0
    unit: str = ""
    table_bits: int = 0


def scale_of(dataset: Any, where: list[Any]) -> tuple[Scale, list[str]]:
    """Return how the stored values of a frame become real ones, and notes.

    Parameters
    ----------
    dataset
        The file.
    where : list
        The functional group of the frame or None, the shared group or None, the file.
    """
    notes: list[str] = []
    modality = code(dataset, "Modality")
    scale = _dose(dataset, notes) if modality == "RTDOSE" else _rescale(dataset, where, modality, notes)
    if not np.isfinite([scale.slope, scale.inter]).all() or scale.slope == 0:
        rule = "a rescale slope is not 0, and it and the intercept are finite"
        notes.append(Doubt(f"{rule}; the header has {scale.slope:g} and {scale.inter:g}; the values are as stored"))
        return Scale(), notes
    return scale, notes


def _dose(dataset: Any, notes: list[str]) -> Scale:
    units = code(dataset, "DoseUnits").upper()
    if "DoseGridScaling" not in dataset:
        notes.append(Doubt("DoseGridScaling is missing; the dose is as stored, without a unit"))
        return Scale()
    kind = code(dataset, "DoseType").lower()
    if kind and kind != "physical":
        notes.append(f"the dose is of type {kind}, not physical")
    if units == "RELATIVE":
        notes.append("the dose is relative to a reference that the file does not state")
    unit = {"GY": "Gy", "RELATIVE": "relative"}.get(units, "")
    return Scale(real(dataset.get("DoseGridScaling"), 1.0), 0.0, unit)


def _rescale(dataset: Any, where: list[Any], modality: str, notes: list[str]) -> Scale:
    slope = find(where, "PixelValueTransformationSequence", "RescaleSlope")
    inter = find(where, "PixelValueTransformationSequence", "RescaleIntercept")
    kind = clean(find(where, "PixelValueTransformationSequence", "RescaleType")).upper()
    given = slope is not None or inter is not None
    bits = table_bits(dataset)
    if "ModalityLUTSequence" in dataset and (given or not bits):
        why = "a rescale is given too" if given else "the table is not well-formed"
        notes.append(Doubt(f"the file maps its values by a table (Modality LUT), which was not applied: {why}"))
        bits = 0
    if bits:
        kind = clean(dataset.ModalityLUTSequence[0].get("ModalityLUTType")).upper()
        return Scale(1.0, 0.0, _unit(dataset, modality, kind), bits)
    scale = Scale(real(slope, 1.0), real(inter), _unit(dataset, modality, kind))
    mapped = _real_world(dataset, where, scale, notes)
    if mapped is not None:
        return mapped
    if modality == "CT" and not given and kind != "HU":
        notes.append(Doubt("a CT without a rescale: the values are as stored, which need not be HU"))
        return Scale(scale.slope, scale.inter, "")
    return scale


def _unit(dataset: Any, modality: str, kind: str) -> str:
    if modality == "CT" and kind in {"", "US"}:
        return "HU"
    if kind in _RESCALE_UNITS:
        return _RESCALE_UNITS[kind]
    units = code(dataset, "Units")[:16]
    weight = {"BW": "bw", "LBM": "lbm", "LBMJAMES128": "lbm", "BSA": "bsa", "IBW": "ibw"}.get(code(dataset, "SUVType"))
    if units == "GML" and weight:
        return f"{{SUV{weight}}}g/ml"
    return "" if units == "NONE" else units


def _real_world(dataset: Any, where: list[Any], scale: Scale, notes: list[str]) -> Scale | None:
    """Return the scale of the Real World Value Mapping (C.7.6.16.2.11) where no rescale says otherwise."""
    items: list[Any] = next((list(place.RealWorldValueMappingSequence) for place in where if _has_mapping(place)), [])
    linear = [item for item in items if all(numbers(item.get(keyword)) for keyword in _LINEAR)]
    if len(linear) < len(items):
        notes.append(f"{len(items) - len(linear)} mappings to real-world values by a table were not applied")
    if not linear:
        return None
    found = [_mapping(item) for item in linear]
    first = found[0]
    identity, same = (
        np.allclose([scale.slope, scale.inter], other, rtol=1e-6) for other in ([1, 0], [first.slope, first.inter])
    )
    if identity or same:
        if found[1:]:
            notes.append(f"other mappings to real-world values are given and were not applied: {_listing(found[1:])}")
        if not same:
            notes.extend(_range(dataset, linear[0]))
        # a mapping equal to the rescale only adds the unit
        return Scale(first.slope, first.inter, first.unit or scale.unit)
    notes.append(f"the rescale was applied; the mapping to real-world values differs from it: {_listing(found)}")
    return None


def _has_mapping(place: Any) -> bool:
    return place is not None and bool(len(place.get("RealWorldValueMappingSequence") or []))


def _mapping(item: Any) -> Scale:
    slope, inter = (numbers(item.get(keyword))[0] for keyword in _LINEAR)
    units = item.get("MeasurementUnitsCodeSequence") or []
    unit = code(units[0], "CodeValue")[:16] if len(units) else ""
    return Scale(slope, inter, _UCUM.get(unit, unit))


def _range(dataset: Any, item: Any) -> list[str]:
    ends = [
        numbers(item.get(f"RealWorldValue{end}ValueMapped"))
        or numbers(item.get(f"DoubleFloatRealWorldValue{end}ValueMapped"))
        for end in ("First", "Last")
    ]
    bits = whole(dataset, "BitsStored", 0)
    if not all(ends) or not bits:
        return []
    lowest = -(1 << (bits - 1)) if whole(dataset, "PixelRepresentation", 0) else 0
    if ends[0][0] <= max(lowest, -(1 << 15)) and ends[1][0] >= lowest + (1 << bits) - 1:
        return []
    return [f"the mapping to real-world values holds for the stored values {ends[0][0]:g} to {ends[1][0]:g} alone"]


def _listing(scales: list[Scale]) -> str:
    return "; ".join(f"value x {scale.slope:g} + {scale.inter:g} {scale.unit}".rstrip() for scale in scales)


def table_bits(dataset: Any) -> int:
    """Return the bits of the values of a well-formed Modality LUT (C.11.1), 0 without one."""
    items = dataset.get("ModalityLUTSequence") or []
    described = numbers(items[0].get("LUTDescriptor")) if len(items) == 1 else ()
    if len(described) != 3 or not 1 <= described[2] <= 16:
        return 0
    data = items[0].get("LUTData")
    wanted = int(described[0]) % (1 << 16) or 1 << 16
    size = len(data) // 2 if isinstance(data, bytes) else len(data) if data is not None else 0
    packed = isinstance(data, bytes) and described[2] <= 8 and len(data) in {wanted, wanted + wanted % 2}
    return int(described[2]) if size == wanted or packed else 0


def apply_table(dataset: Any, frames: Any) -> Any:
    """Return what the Modality LUT of a file has for stored values; those beyond its ends get what is at the ends."""
    item = dataset.ModalityLUTSequence[0]
    count, first, bits = (int(n) for n in numbers(item.LUTDescriptor))
    count = count % (1 << 16) or 1 << 16
    # the first value mapped is signed where the pixels are, whatever its type was read as
    if dataset.get("PixelRepresentation") == 1 and first >= 1 << 15:
        first -= 1 << 16
    data = item.LUTData
    if isinstance(data, bytes):
        wide = len(data) >= 2 * count
        order = "<" if dataset.original_encoding[1] else ">"
        data = np.frombuffer(data, f"{order}u2" if wide else "u1")
    table = np.asarray(data, dtype=np.int64)[:count].astype(np.uint8 if bits <= 8 else np.uint16)
    return table[np.clip(frames.astype(np.int64) - first, 0, len(table) - 1)]


def value_notes(dataset: Any) -> list[str]:
    """Return what else in the header changes how the values are to be understood, in words and numbers."""
    notes = []
    if code(dataset, "LossyImageCompression") == "01":
        ratio = numbers(dataset.get("LossyImageCompressionRatio"))
        by = f" by {', '.join(f'{n:g}' for n in ratio)} to 1" if ratio else ""
        notes.append(f"the pixels were compressed with loss{by}")
    if code(dataset, "BurnedInAnnotation").upper() == "YES":
        notes.append("the picture may show the name of the patient (Burned In Annotation is YES)")
    notes += _of_philips(dataset)
    overlays = sum((group, 0x0010) in dataset for group in range(0x6000, 0x6020, 2))
    if overlays:
        notes.append(f"{overlays} overlays (graphics drawn on top) were left out")
    if (
        "RedPaletteColorLookupTableDescriptor" in dataset
        and code(dataset, "PhotometricInterpretation") != "PALETTE COLOR"
    ):
        notes.append("a table of colours for some of the values was not applied; the values are as stored")
    if (
        code(dataset, "PresentationLUTShape") == "INVERSE"
        and code(dataset, "PhotometricInterpretation") == "MONOCHROME2"
    ):
        notes.append("MONOCHROME2 with an inverse presentation: taken as high values looking bright")
    return notes


def _of_philips(dataset: Any) -> list[str]:
    """Say which factors to quantities are in private elements of Philips; they are no part of the rescale."""
    precise = private(dataset, 0x2005, "Philips MR Imaging DD 001", 0x0E)
    factors = {
        "value / scale slope (MR, comparable between series)": precise if precise and precise[0] not in (0, 1) else (),
        "g/ml (SUV)": private(dataset, 0x7053, "Philips PET Private Group", 0x00),
        "Bq/ml": private(dataset, 0x7053, "Philips PET Private Group", 0x09),
    }
    given = [f"{found[0]:g} to {what}" for what, found in factors.items() if found and found[0]]
    return [f"private factors of Philips were not applied to the stored values: {'; '.join(given)}"] if given else []


def padding_range(dataset: Any) -> tuple[float, ...]:
    """Return the stored value that marks padding, with the other end where it is a range (C.7.5.1.1.2)."""
    for begin in ("", "Float", "DoubleFloat"):
        ends = [numbers(dataset.get(f"{begin}PixelPadding{end}")) for end in ("Value", "RangeLimit")]
        if ends[0]:
            return tuple(dict.fromkeys(_signed(dataset, end[0]) for end in ends if end))
    return ()


def _signed(dataset: Any, value: float) -> float:
    """Return a stored value with its sign, which is lost where an element is written as unsigned."""
    bits = whole(dataset, "BitsAllocated", 16)
    negative = whole(dataset, "PixelRepresentation", 0) and value >= 1 << (bits - 1)
    return value - (1 << bits) if negative else value
