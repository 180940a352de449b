"""Volumes as a DICOM series: one file per slice, geometry and rescale exact, new identifiers, no patient."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _atomic, _geometry
from workbench._arrays import Array
from workbench.errors import FileError, InputError
from workbench.io import _files, _meaning
from workbench.io._dicom_header import PRIVATE_CREATOR, PRIVATE_GROUP
from workbench.volume import Volume

_CT = "1.2.840.10008.5.1.4.1.1.2"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"


def write(volume: Volume, path: Path) -> None:
    """Write `volume` into the new folder `path`, or, if it is one slice and `path` ends in .dcm, to that file."""
    data, slope, inter = _storable(volume)
    check_square(volume)
    template = _template(volume, data, slope, inter)
    single = path.suffix.lower() in {".dcm", ".dicom", ".ima"} and not path.is_dir()
    if single:
        if data.shape[2] != 1:
            raise InputError(
                f"A .dcm file here holds one slice, this volume has {data.shape[2]}. Give a folder instead."
            )
        with _files.writing(path) as temporary:
            _slice(template, volume, data, 0, None).save_as(temporary, enforce_file_format=True)
        return
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileError(f"{path} is there already and not empty. Give a new folder, so that two series do not mix.")
    if not path.parent.is_dir():
        raise FileError(f"The folder {path.parent} does not exist. Create it, then write the series in it.")
    with _atomic.making_folder(path) as temporary:
        for k in range(data.shape[2]):
            _slice(template, volume, data, k, k).save_as(temporary / f"{k + 1:05d}.dcm", enforce_file_format=True)


def check_square(volume: Volume) -> None:
    """Check that DICOM can say where a volume lies.

    Raises
    ------
    InputError
        If its rows and columns are sheared.
    """
    unit = _geometry.directions(volume.affine)
    if abs(float(unit[:, 0] @ unit[:, 1])) > 1e-4:
        raise InputError(
            "DICOM needs rows and columns at right angles, and those of this volume are sheared. Write NIfTI."
        )


def _storable(volume: Volume) -> tuple[Array, float, float]:
    data = volume.data
    colour = "c" in volume.axes
    if colour and not (data.dtype == np.uint8 and data.shape[-1] == 3):
        raise InputError(f"DICOM slices hold one channel or 8-bit RGB, got {volume!r}. Write one channel at a time.")
    if volume.spatial_ndim == 2:
        data = data[:, :, np.newaxis]
    if data.dtype == bool:
        data = data.view(np.uint8)
    if data.dtype.kind in "iu" and data.dtype.itemsize <= 2:
        return data, 1.0, 0.0
    low, high = float(data.min()), float(data.max())
    if not np.isfinite([low, high]).all():
        raise InputError("DICOM cannot store values that are not finite. Replace them first (numpy.nan_to_num).")
    if data.dtype.kind in "iu":
        if low >= -32768 and high <= 32767:
            return data.astype(np.int16), 1.0, 0.0
        if low >= 0 and high <= 65535:
            return data.astype(np.uint16), 1.0, 0.0
        if high - low <= 65535:
            return (data - data.min()).astype(np.uint16), 1.0, low
        raise InputError(f"DICOM slices hold 16 bits, the values run from {low:g} to {high:g}. Write NIfTI.")
    if low >= -32768 and high <= 32767 and np.array_equal(data, np.rint(data)):
        return data.astype(np.int16), 1.0, 0.0
    # 16 bits over the range of the volume: the error is at most half a step
    slope = float(f"{(high - low) / 65535 or 1.0:.10g}")
    low = float(f"{low:.10g}")
    return np.clip(np.rint((data - low) / slope), 0, 65535).astype(np.uint16), slope, low


def _template(volume: Volume, data: Array, slope: float, inter: float) -> Any:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import UID, generate_uid

    scan = volume.unit == "HU" and "c" not in volume.axes
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = UID(EXPLICIT_LITTLE)
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = UID(_CT if scan else _SECONDARY_CAPTURE)
    dataset.Modality = "CT" if scan else "OT"
    for keyword in ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyID", "StudyDate", "StudyTime"):
        setattr(dataset, keyword, "")
    dataset.AccessionNumber = dataset.ReferringPhysicianName = ""
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.FrameOfReferenceUID = generate_uid()
    dataset.SeriesNumber = 1
    dataset.ImageType = ["DERIVED", "SECONDARY", "AXIAL"] if scan else ["DERIVED", "SECONDARY"]
    dataset.ConversionType = "WSD"
    dataset.Columns, dataset.Rows = data.shape[:2]
    dataset.SamplesPerPixel = data.shape[3] if data.ndim == 4 else 1
    grey = "MONOCHROME1" if volume.inverted else "MONOCHROME2"
    dataset.PhotometricInterpretation = "RGB" if data.ndim == 4 else grey
    if data.ndim == 4:
        dataset.PlanarConfiguration = 0
    bits = data.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(data.dtype.kind == "i")
    if data.ndim == 3:
        dataset.RescaleSlope, dataset.RescaleIntercept = decimal(slope), decimal(inter)
        dataset.RescaleType = "HU" if scan else "US"
    lps = _geometry.LPS_RAS @ volume.affine
    x, y, z = _geometry.spacing(lps)
    dataset.PixelSpacing = [decimal(y), decimal(x)]
    dataset.SliceThickness = dataset.SpacingBetweenSlices = decimal(z)
    dataset.ImageOrientationPatient = [decimal(n) for n in _geometry.directions(lps)[:, :2].T.ravel()]
    block = dataset.private_block(PRIVATE_GROUP, PRIVATE_CREATOR, create=True)
    block.add_new(1, "UT", _meaning.to_json(volume))
    return dataset


def _slice(template: Any, volume: Volume, data: Array, k: int, number: int | None) -> Any:
    from copy import copy

    from pydicom.uid import generate_uid

    dataset = copy(template)
    dataset.file_meta = copy(template.file_meta)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.InstanceNumber = (number or 0) + 1
    position: NDArray[np.float64] = (_geometry.LPS_RAS @ volume.affine @ [0, 0, k, 1])[:3]
    dataset.ImagePositionPatient = [decimal(n) for n in position]
    rows = np.ascontiguousarray(data[:, :, k].swapaxes(0, 1))
    raw = rows.astype(rows.dtype.newbyteorder("<")).tobytes()
    dataset.add_new("PixelData", "OB" if rows.dtype.itemsize == 1 else "OW", raw + b"\0" * (len(raw) % 2))
    return dataset


def decimal(value: float) -> str:
    """Write a number in the 16 characters that a DICOM decimal string has."""
    for digits in range(16, 0, -1):
        text = f"{float(value) + 0.0:.{digits}g}"
        if len(text) <= 16:
            return text
    return "0"
