"""The physical size of the pixels of a TIFF, and the names of its channels, from whoever wrote them on purpose.

The plain resolution tags are not used: most programs fill in 72 or 96 dots per inch without knowing. They are where
the writer is known to mean them: ImageJ (with a unit), slide scanners, and pyramids of pixels of 10 microns or less.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from workbench.io import _resolution

_MICRON = 1e-3
#: Millimetres in a unit, by the names that programs write.
_UNIT_MM = {
    "m": 1e3, "dm": 1e2, "cm": 10.0, "mm": 1.0, "nm": 1e-6, "pm": 1e-9, "µm": _MICRON, "um": _MICRON, "å": 1e-7,
    "micron": _MICRON, "microns": _MICRON, "micrometer": _MICRON, "micrometers": _MICRON, "micrometre": _MICRON,
    "meter": 1e3, "centimeter": 10.0, "millimeter": 1.0, "nanometer": 1e-6, "angstrom": 1e-7, "inch": 25.4, "in": 25.4,
    "inches": 25.4, "ft": 304.8, "pt": 25.4 / 72, "metre": 1e3, "millimetre": 1.0, "nanometre": 1e-6,
}  # fmt: skip
_NO_LENGTH = {"", "pixel", "pixels", "px", "reference frame"}
_INCH, _CENTIMETRE = 2, 3
_STEPS = ("rows", "columns", "slices")
#: Resolution tags of a pyramid that say more pixels to the millimetre than this were not filled in by a text program.
_FINE_PER_MM = 100


@dataclass(frozen=True)
class Scale:
    """Millimetres between rows, columns and slices (None where unknown), and the names of the channels."""

    spacing: tuple[float, float] | None = None
    depth: float | None = None
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read(tiff: Any, series: Any, is_pyramid: bool) -> Scale:
    """Return what the writer of a file says about the size of the pixels of its picture."""
    for name, reader in _READERS.items():
        if getattr(tiff, f"is_{name}", False):
            found = reader(tiff, series)
            if found is not None:
                return found
    spacing = _tagged(series.keyframe)
    if is_pyramid and spacing is not None and max(spacing) * _FINE_PER_MM <= 1:
        return Scale(spacing, notes=("the pixel size was taken from the resolution tags",))
    return Scale(notes=tuple(_resolution.note(spacing)))


def _ome(tiff: Any, series: Any) -> Scale | None:
    try:
        images = [one for one in ET.fromstring(tiff.ome_metadata).iter() if one.tag.endswith("}Image")]  # noqa: S314
        pixels = next(one for one in images[_number_of(tiff, series)] if one.tag.endswith("}Pixels"))
    except (ET.ParseError, IndexError, StopIteration, TypeError):
        return None
    notes: list[str] = []
    sizes = [
        _length(pixels.get(f"PhysicalSize{axis}"), pixels.get(f"PhysicalSize{axis}Unit", "µm"), notes) for axis in "YXZ"
    ]
    names = [one.get("Name") or "" for one in pixels if one.tag.endswith("}Channel")]
    return _scale(sizes, tuple(names) if names and all(names) else (), notes)


def _number_of(tiff: Any, series: Any) -> int:
    return next(number for number, one in enumerate(tiff.series) if one is series)


def _imagej(tiff: Any, series: Any) -> Scale | None:
    found = tiff.imagej_metadata or {}
    unit = str(found.get("unit", "")).replace("\\u00B5", "µ").replace("\\u00b5", "µ")
    notes: list[str] = []
    tags = series.keyframe.tags
    sizes = [_length(_inverse(tags.valueof(code)), unit, notes) for code in (283, 282)]
    return _scale([*sizes, _length(found.get("spacing"), unit, notes)], (), notes)


def _svs(_tiff: Any, series: Any) -> Scale | None:
    found = re.search(r"\|\s*MPP\s*=\s*([0-9.eE+-]+)", series.keyframe.description)
    size = _number(found.group(1)) if found else None
    return None if size is None else Scale((size * _MICRON, size * _MICRON))


def _scn(tiff: Any, series: Any) -> Scale | None:
    # the view is in nanometres, its pixels are counted beside it
    try:
        images = [one for one in ET.fromstring(tiff.pages.first.description).iter() if one.tag.endswith("}image")]  # noqa: S314
        view = next(one for one in images[_number_of(tiff, series)] if one.tag.endswith("}view"))
        pixels = next(one for one in images[_number_of(tiff, series)] if one.tag.endswith("}pixels"))
        y, x = (float(view.attrib[f"size{a}"]) / float(pixels.attrib[f"size{a}"]) * 1e-6 for a in "YX")
    except (ET.ParseError, IndexError, StopIteration, KeyError, ValueError, ZeroDivisionError):
        return None
    return Scale((y, x))


def _philips(tiff: Any, _series: Any) -> Scale | None:
    # the first is that of the slide, rows before columns, each number in quotation marks
    found = re.search(r'"DICOM_PIXEL_SPACING"[^>]*>([^<]*)<', tiff.pages.first.description)
    words = found.group(1).replace("&quot;", " ").replace('"', " ").split() if found else []
    sizes = [_number(word) for word in words]
    if len(sizes) != 2 or sizes[0] is None or sizes[1] is None:
        return None
    return Scale((sizes[0], sizes[1]))


def _bif(tiff: Any, _series: Any) -> Scale | None:
    xmp = tiff.pages.first.tags.valueof(700)
    text = xmp.decode("utf-8", "replace") if isinstance(xmp, bytes) else str(xmp)
    found = re.search(r'ScanRes="([0-9.eE+-]+)"', text)
    size = _number(found.group(1)) if found else None
    seams = "tiles of this scanner overlap a little and are laid side by side; format='slide' (OpenSlide) joins them"
    return Scale(None if size is None else (size * _MICRON, size * _MICRON), notes=(seams,))


def _lsm(tiff: Any, _series: Any) -> Scale | None:
    found = tiff.lsm_metadata or {}
    notes: list[str] = []
    return _scale([_length(found.get(f"VoxelSize{axis}"), "m", notes) for axis in "YXZ"], (), notes)


def _stk(tiff: Any, _series: Any) -> Scale | None:
    found = tiff.stk_metadata or {}
    notes: list[str] = []
    unit = str(found.get("CalibrationUnits", ""))
    sizes = [_length(found.get(f"{axis}Calibration"), unit, notes) for axis in "YX"]
    return _scale([*sizes, None], (), notes)


def _micromanager(tiff: Any, _series: Any) -> Scale | None:
    summary = (tiff.micromanager_metadata or {}).get("Summary", {})
    size = _number(summary.get("PixelSize_um"))
    depth = _number(summary.get("z-step_um"))
    if size is None:
        return None
    return Scale((size * _MICRON, size * _MICRON), None if depth is None else depth * _MICRON)


def _scanner(_tiff: Any, series: Any) -> Scale | None:
    spacing = _tagged(series.keyframe)
    return None if spacing is None else Scale(spacing)


#: By tifffile's name for the writer, in the order of trust.
_READERS: dict[str, Callable[[Any, Any], Scale | None]] = {
    "ome": _ome, "imagej": _imagej, "svs": _svs, "scn": _scn, "philips": _philips, "bif": _bif, "lsm": _lsm,
    "stk": _stk, "micromanager": _micromanager, "ndpi": _scanner, "qpi": _scanner,
}  # fmt: skip


def _scale(sizes: list[float | None], names: tuple[str, ...], notes: list[str]) -> Scale:
    rows, columns, depth = sizes
    known = None if rows is None or columns is None else (rows, columns)
    given = [f"{size:.4g} mm between {name}" for name, size in zip(_STEPS, sizes, strict=True) if size is not None]
    if known is None and given:
        notes.append(f"of the size of the pixels the file gives only {' and '.join(given)}; it was not used")
    return Scale(known, depth if known else None, names, tuple(dict.fromkeys(notes)))


def _tagged(page: Any) -> tuple[float, float] | None:
    unit = {_INCH: 25.4, _CENTIMETRE: 10.0}.get(int(page.resolutionunit))
    sizes = [_inverse(page.tags.valueof(code)) for code in (283, 282)]
    if unit is None or sizes[0] is None or sizes[1] is None:
        return None
    return sizes[0] * unit, sizes[1] * unit


def _inverse(value: Any) -> float | None:
    """Return the size of a pixel from the rational number of pixels to a unit."""
    try:
        per_unit = value[0] / value[1]
    except (TypeError, IndexError, ZeroDivisionError):
        return None
    return _number(1 / per_unit) if per_unit else None


def _number(value: Any) -> float | None:
    try:
        number = abs(float(value))
    except (TypeError, ValueError):
        return None
    return number if number and math.isfinite(number) else None


def _length(value: Any, unit: str, notes: list[str]) -> float | None:
    """Return a length in mm; a unit that is none is noted."""
    number = _number(value)
    factor = _UNIT_MM.get(unit.strip().replace("μ", "µ").lower())
    if factor is None and number is not None and unit.strip().lower() not in _NO_LENGTH:
        notes.append(f"the pixel size is given in {unit[:20]!r}, which is no known length; it was not used")
    return None if number is None or factor is None else number * factor
