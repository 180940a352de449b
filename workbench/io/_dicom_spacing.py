"""The size of a pixel, by PS3.3 10.7.1.3: in the patient where the file says it, else where it was measured.

A projection magnifies: the spacing at the detector is larger than in the patient, and the file may state by how much.
"""

from __future__ import annotations

from typing import Any

from workbench._words import count
from workbench.io._dicom_lookup import code, doubt, find, floats, numbers, positive

Spacing = tuple[float, float]  # between rows, between columns, in mm

_CM, _MM = 3.0, 10.0
#: Formats of an ultrasound region that are no picture of tissue, whatever their units (C.8.5.5.1.1): M-mode, spectra,
#: waveforms, graphics.
_NO_TISSUE = {(2.0,), (3.0,), (4.0,), (5.0,)}
_SAME = 1e-3


def spacing_of(dataset: Any, where: list[Any]) -> tuple[Spacing | None, list[str]]:
    """Return the spacing of a frame in mm, None where the file says nothing of it, and notes.

    Parameters
    ----------
    dataset
        The file.
    where : list
        The functional group of the frame or None, the shared group or None, the file.
    """
    notes: list[str] = []
    patient = _pair(find(where, "PixelMeasuresSequence", "PixelSpacing"), "PixelSpacing", notes)
    detector = _pair(find(where, "FramePixelDataPropertiesSequence", "ImagerPixelSpacing"), "ImagerPixelSpacing", notes)
    if patient and not (detector and _near(patient, detector)):
        kind = code(dataset, "PixelSpacingCalibrationType").lower()
        if detector:
            notes.append(f"the pixel spacing of {_show(patient)} is calibrated {f'by {kind}' if kind else 'somehow'}")
        _compare_regions(dataset, patient, notes)
        return patient, notes
    if detector:
        factor = positive(dataset.get("EstimatedRadiographicMagnificationFactor"))
        if factor and abs(factor - 1) > _SAME:
            notes.append(
                f"the pixel spacing of {_show(detector)} at the detector is divided by the magnification of {factor:g}"
            )
            return (detector[0] / factor, detector[1] / factor), notes
        notes.append(f"the pixel spacing of {_show(detector)} is that at the detector; the patient is magnified")
        return detector, notes
    for keyword, what in (
        ("NominalScannedPixelSpacing", "on the film that was scanned"),
        ("ImagePlanePixelSpacing", _beam_plane(dataset)),
    ):
        found = _pair(dataset.get(keyword), keyword, notes)
        if found:
            return found, [*notes, f"the pixel spacing of {_show(found)} is that {what}, not in the patient"]
    elements = numbers(dataset.get("DetectorElementSpacing"))
    if len(elements) == 2:
        notes.append(
            f"elements of the detector are {elements[0]:g} x {elements[1]:g} mm apart, which need not be pixels"
        )
    return _of_regions(dataset, notes) or _of_aspect(dataset, notes), notes


def _pair(value: Any, keyword: str, notes: list[str]) -> Spacing | None:
    found = floats(value, 2, keyword, notes)
    if found is None:
        return None
    if min(found) <= 0:
        doubt(notes, f"{keyword} is above 0 mm, the header has {list(found)}; it was not used")
        return None
    return found[0], found[1]


def _near(one: Spacing, other: Spacing) -> bool:
    return all(abs(a - b) <= _SAME * max(a, b) for a, b in zip(one, other, strict=True))


def _show(spacing: Spacing) -> str:
    return f"{spacing[0]:.4g} x {spacing[1]:.4g} mm"


def _beam_plane(dataset: Any) -> str:
    distance = positive(dataset.get("RTImageSID"))
    return f"in the image plane, {distance:g} mm from the source" if distance else "in the image plane"


def _of_regions(dataset: Any, notes: list[str]) -> Spacing | None:
    """Return the spacing that the regions of an ultrasound picture state (C.8.5.5), if they agree."""
    found: list[Spacing] = []
    others = 0
    for region in _regions(dataset):
        units = [numbers(region.get(f"PhysicalUnits{axis}Direction")) for axis in "YX"]
        deltas = [positive(region.get(f"PhysicalDelta{axis}")) for axis in "YX"]
        row_step, column_step = deltas
        plane = numbers(region.get("RegionSpatialFormat"))
        if plane not in _NO_TISSUE and units == [(_CM,), (_CM,)] and row_step and column_step:
            found.append((row_step * _MM, column_step * _MM))
        else:
            others += 1
    if others:
        notes.append(
            f"{count(others, 'ultrasound region')} without a picture in cm (M-mode, Doppler, ...); pixels there have "
            "no size"
        )
    if found and not all(_near(found[0], other) for other in found):
        shown = ", ".join(map(_show, found))
        notes.append(f"{len(found)} ultrasound regions have pixels of different sizes ({shown}); none was taken")
        return None
    return found[0] if found else None


def _regions(dataset: Any) -> list[Any]:
    return list(dataset.get("SequenceOfUltrasoundRegions") or [])


def _compare_regions(dataset: Any, patient: Spacing, notes: list[str]) -> None:
    """Doubt a Pixel Spacing that the regions of an ultrasound picture do not agree with."""
    other = _of_regions(dataset, []) if _regions(dataset) else None
    if other and not _near(patient, other):
        words = f"the pixel spacing of {_show(patient)} was taken; the ultrasound regions give {_show(other)}"
        doubt(notes, words)


def _of_aspect(dataset: Any, notes: list[str]) -> Spacing | None:
    ratio = numbers(dataset.get("PixelAspectRatio"))
    if len(ratio) != 2 or min(ratio) <= 0 or ratio[0] == ratio[1]:
        return None
    notes.append(
        f"only the shape of the pixels is given ({ratio[0]:g}:{ratio[1]:g}), not their size; columns are 1 mm apart"
    )
    return ratio[0] / ratio[1], 1.0
