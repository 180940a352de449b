"""Maps as a DICOM Parametric Map (PS3.3 A.75): float voxels in one file that says which images it was derived from.

Of the source its identifiers are written (study, frame of reference, series, images), which tie the map to it. Words
and dates that name a patient are written only where that is asked for.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from workbench import _geometry
from workbench._arrays import Array
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning
from workbench.io._dicom_file import Source, read_dataset
from workbench.io._dicom_header import PRIVATE_CREATOR, PRIVATE_GROUP, Slice, slices_of
from workbench.io._dicom_series import is_archive, scan
from workbench.io._dicom_write import EXPLICIT_LITTLE, check_square, decimal
from workbench.io._format import GeometryWarning
from workbench.volume import Volume

_PARAMETRIC_MAP = "1.2.840.10008.5.1.4.1.1.30"
#: What a study is filed by; type 2, so that it may be empty.
_PATIENT = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex")
_STUDY = ("StudyID", "StudyDate", "StudyTime", "AccessionNumber", "ReferringPhysicianName")
#: How far a slice may lie from an image to be of it, in mm.
_NEAR = 1e-2
#: How far the cosine between the normals of two planes may be from 1: a hundredth of a degree is rounding.
_TILTED = 1e-6


@dataclass(frozen=True)
class Origin:
    """The images that a map was derived from.

    Parameters
    ----------
    first : Dataset
        Headers of one of them.
    frames : list of Slice or None
        The image that each slice of the map lies on, where there is one.
    """

    first: Any
    frames: list[Slice | None]


def write(
    volume: Volume,
    path: Path,
    *,
    label: str,
    description: str,
    source: Path | None = None,
    patient: bool = False,
    supposed: bool = False,
) -> None:
    """Write scores of one channel as a Parametric Map.

    Parameters
    ----------
    label, description : str
        What it is, as viewers list it; 16 and 64 characters at most count.
    source : Path, optional
        The DICOM images that it lies on.
    patient : bool
        Whether the source's name, number, dates of the patient and of the study are copied, as an archive needs them.

    supposed : bool
        Whether `source` is not what a person named: a map that lies on none of its images (it was resampled) is then
        written without references, and a warning says so.

    Raises
    ------
    InputError
        If it has several channels or sheared axes, values that are not finite, or `patient` is asked without a source.
    FileError
        If the source has no images where the map lies, or the file cannot be written.
    """
    data = _data(volume)
    check_square(volume)
    if patient and source is None:
        raise InputError("A Parametric Map: patient=True needs the images it lies on, got none. Give source=.")
    origin = None if source is None else _origin(source, volume, data.shape[2], supposed and not patient)
    dataset = _general(volume, data, label, description)
    _refer(dataset, origin, patient)
    _functional_groups(dataset, volume, data.shape[2], origin)
    frames = np.ascontiguousarray(data.transpose(2, 1, 0), "<f4")
    dataset.add_new("FloatPixelData", "OF", frames.tobytes())
    with _files.writing(path) as temporary:
        dataset.save_as(temporary, enforce_file_format=True)


def _data(volume: Volume) -> Array:
    if "c" in volume.axes:
        raise InputError(f"A Parametric Map here holds one channel, got {volume!r}. Write one at a time.")
    data = np.asarray(volume.data, np.float32)
    if not np.isfinite(data).all():
        raise InputError("A Parametric Map must hold finite values, got others. Replace them (numpy.nan_to_num).")
    return data if data.ndim == 3 else data[:, :, np.newaxis]


def _origin(source: Path, volume: Volume, count: int, supposed: bool) -> Origin | None:
    """Return the images of the series, among those at `source`, in whose planes the slices of a map lie."""
    grouped: dict[str, list[Slice]] = {}
    for item in _frames(source):
        grouped.setdefault(item.series, []).append(item)
    lps = _geometry.LPS_RAS @ volume.affine
    places, normal = [(lps @ [0, 0, k, 1])[:3] for k in range(count)], np.cross(lps[:3, 0], lps[:3, 1])
    normal /= np.linalg.norm(normal)
    matched = [[_at(place, normal, frames) for place in places] for frames in grouped.values()]
    best = max(matched, key=lambda frames: sum(one is not None for one in frames), default=[])
    one = next((frame for frame in best if frame is not None), None)
    if one is None and supposed:
        warnings.warn(
            "the map lies in the plane of none of the images that were read, as it was resampled or turned; it is "
            "written without references to them",
            GeometryWarning,
            stacklevel=5,
        )
        return None
    if one is None:
        raise FileError(
            f"{source} has no image where the map lies, so that it cannot be said what it is derived from. Give the "
            "series that was explained, or leave source out."
        )
    return Origin(read_dataset(one.path), best)


def _frames(source: Path) -> list[Slice]:
    if source.is_dir() or is_archive(source):
        return [item for series in scan(source)[0] for item in series.frames]
    place: Source = source
    return slices_of(place, read_dataset(place))


def _at(place: Array, normal: Array, frames: list[Slice]) -> Slice | None:
    """Return the image in whose plane a slice lies: what was cropped or turned within it is still of it."""
    for one in frames:
        if one.position is None or abs((one.position - place) @ normal) > _NEAR:
            continue
        if one.orientation is None or abs(np.cross(*np.reshape(one.orientation, (2, 3))) @ normal) > 1 - _TILTED:
            return one
    return None


def _general(volume: Volume, data: Array, label: str, description: str) -> Any:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, generate_uid

    from workbench import __version__

    now = datetime.now(UTC)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = UID(_PARAMETRIC_MAP)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.SeriesInstanceUID = generate_uid()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = "OT", 1, 1
    dataset.Manufacturer, dataset.ManufacturerModelName = "Medical Workbench", "medical-workbench"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "0", __version__
    dataset.ImageType = ["DERIVED", "PRIMARY", "IMAGE", "NONE"]
    dataset.ContentLabel = _code_string(label)
    dataset.ContentDescription = dataset.SeriesDescription = description[:64]
    dataset.ContentCreatorName = ""
    dataset.ContentDate, dataset.ContentTime = now.strftime("%Y%m%d"), now.strftime("%H%M%S")
    dataset.LossyImageCompression, dataset.BurnedInAnnotation = "00", "NO"
    dataset.RecognizableVisualFeatures, dataset.PresentationLUTShape = "NO", "IDENTITY"
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.BitsAllocated = 1, "MONOCHROME2", 32
    dataset.Columns, dataset.Rows, dataset.NumberOfFrames = data.shape
    block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(1, "UT", _meaning.to_json(volume.with_meaning(channels=None, labels=None)))
    return dataset


def _code_string(text: str) -> str:
    """Return text as a DICOM code string: capitals, digits, spaces and underscores, 16 at most."""
    return "".join(one if one.isalnum() and one.isascii() else "_" for one in text.upper())[:16].strip("_") or "MAP"


def _refer(dataset: Any, origin: Origin | None, patient: bool) -> None:
    """Say which study the map is of, in which frame of reference, and from which images."""
    from pydicom.uid import generate_uid

    first = None if origin is None else origin.first
    for keyword in (*_PATIENT, *_STUDY):
        setattr(dataset, keyword, first.get(keyword, "") if patient and first is not None else "")
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID"):
        setattr(dataset, keyword, (first.get(keyword) if first is not None else None) or generate_uid())
    dataset.PositionReferenceIndicator = ""
    if origin is None:
        return
    files = {one.instance_uid: _item(**_reference(origin, one)) for one in origin.frames if one is not None}
    series = _item(SeriesInstanceUID=origin.first.SeriesInstanceUID, ReferencedInstanceSequence=list(files.values()))
    dataset.ReferencedSeriesSequence = [series]


def _reference(origin: Origin, frame: Slice) -> dict[str, Any]:
    return {"ReferencedSOPClassUID": origin.first.SOPClassUID, "ReferencedSOPInstanceUID": frame.instance_uid}


def _functional_groups(dataset: Any, volume: Volume, count: int, origin: Origin | None) -> None:
    from pydicom.uid import generate_uid

    lps = _geometry.LPS_RAS @ volume.affine
    x, y, z = _geometry.spacing(lps)
    measures = _item(PixelSpacing=[decimal(y), decimal(x)], SliceThickness=decimal(z), SpacingBetweenSlices=decimal(z))
    turned = [decimal(n) for n in _geometry.directions(lps)[:, :2].T.ravel()]
    low, high = float(np.min(volume.data)), float(np.max(volume.data))
    mapping = _item(
        RealWorldValueSlope=1.0,
        RealWorldValueIntercept=0.0,
        DoubleFloatRealWorldValueFirstValueMapped=low,
        DoubleFloatRealWorldValueLastValueMapped=high,
        LUTLabel="MAP",
        LUTExplanation="Values are as stored",
        MeasurementUnitsCodeSequence=[_code("1", "UCUM", "no units")],
    )
    dataset.SharedFunctionalGroupsSequence = [
        _item(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[_item(ImageOrientationPatient=turned)],
            RealWorldValueMappingSequence=[mapping],
            ParametricMapFrameTypeSequence=[_item(FrameType=["DERIVED", "PRIMARY", "IMAGE", "NONE"])],
        )
    ]
    organisation = generate_uid()
    dataset.DimensionOrganizationSequence = [_item(DimensionOrganizationUID=organisation)]
    dataset.DimensionOrganizationType = "3D"
    # the dimension is the position of a frame: (0020,0032) in the Plane Position Sequence (0020,9113)
    index = _item(DimensionOrganizationUID=organisation, DimensionIndexPointer=0x00200032)
    index.FunctionalGroupPointer = 0x00209113
    dataset.DimensionIndexSequence = [index]
    dataset.PerFrameFunctionalGroupsSequence = [_frame(lps, k, origin) for k in range(count)]


def _frame(lps: Array, k: int, origin: Origin | None) -> Any:
    place = [decimal(n) for n in (lps @ [0, 0, k, 1])[:3]]
    content = _item(StackID="1", InStackPositionNumber=k + 1, DimensionIndexValues=[k + 1])
    made = _item(FrameContentSequence=[content], PlanePositionSequence=[_item(ImagePositionPatient=place)])
    frame = None if origin is None else origin.frames[k]
    if origin is not None and frame is not None:
        purpose = _code("121322", "DCM", "Source image for image processing operation")
        image = _item(**_reference(origin, frame), PurposeOfReferenceCodeSequence=[purpose])
        if "NumberOfFrames" in origin.first:
            image.ReferencedFrameNumber = frame.frame + 1
        # the standard's codes of derivations (CID 7203, extensible) know no attribution
        derivation = _code("attribution", "99MWB", "Attribution map of a neural network")
        made.DerivationImageSequence = [_item(SourceImageSequence=[image], DerivationCodeSequence=[derivation])]
    return made


def _item(**values: Any) -> Any:
    from pydicom.dataset import Dataset

    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def _code(value: str, scheme: str, meaning: str) -> Any:
    return _item(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)
