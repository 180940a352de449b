"""Small DICOM files for tests: whatever a header may say, with known pixels."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

SERIES = "1.2.826.0.1.3680043.8.498.1"
CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "NM": "1.2.840.10008.5.1.4.1.1.20",
    "US": "1.2.840.10008.5.1.4.1.1.3.1",
    "XA": "1.2.840.10008.5.1.4.1.1.12.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "RTDOSE": "1.2.840.10008.5.1.4.1.1.481.2",
    "RTIMAGE": "1.2.840.10008.5.1.4.1.1.481.1",
    "OT": "1.2.840.10008.5.1.4.1.1.7",
}

#: What must never be told: every file has it as name and id.
SECRET = "DOE^JANE"


def item(**fields) -> Dataset:
    """A dataset of keywords; dicts become sequences of one item, lists of dicts sequences."""
    made = Dataset()
    for keyword, value in fields.items():
        if isinstance(value, dict):
            value = Sequence([item(**value)])
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            value = Sequence([item(**part) for part in value])
        setattr(made, keyword, value)
    return made


def dataset(pixels, modality="MR", position=None, number=1, **fields) -> Dataset:
    """An image [row, column] or frames [frame, row, column]; at `position` (LPS mm), axial unless `fields` say else."""
    pixels = np.asarray(pixels)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = CLASSES[modality]
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = fields.pop("SOPInstanceUID", generate_uid())
    made.SeriesInstanceUID, made.Modality, made.InstanceNumber = SERIES, modality, number
    made.PatientName = made.PatientID = SECRET
    made.Rows, made.Columns = pixels.shape[-2:]
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    bits = pixels.dtype.itemsize * 8
    made.BitsAllocated = made.BitsStored = bits
    made.HighBit, made.PixelRepresentation = bits - 1, int(pixels.dtype.kind == "i")
    if pixels.ndim == 3:
        made.NumberOfFrames = len(pixels)
    if modality == "CT":
        made.RescaleSlope, made.RescaleIntercept = 1, 0
    if position is not None:
        made.ImagePositionPatient, made.ImageOrientationPatient = list(position), [1, 0, 0, 0, 1, 0]
        made.PixelSpacing, made.SliceThickness = [0.5, 0.75], 2
    made.PixelData = pixels.tobytes()
    made["PixelData"].VR = "OB" if bits == 8 else "OW"
    for keyword, value in item(**fields).items():
        made[keyword] = value
    return made


def save(made: Dataset, path):
    made.save_as(path, enforce_file_format=True)
    return path


def flat(value, rows=4, columns=5, dtype=np.uint16):
    return np.full((rows, columns), value, dtype)


def series(folder, images):
    """Write images to a folder: each is (value, position or z, fields)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, (value, place, fields) in enumerate(images):
        position = place if isinstance(place, tuple) else (0, 0, place)
        fields = {"number": number + 1, **fields}
        save(dataset(flat(value), position=position, **fields), folder / f"{number:03d}.dcm")
    return folder


def pydicom_files() -> list[Path]:
    """The images that pydicom tests itself with, as far as they came with it."""
    folder = Path(str(files("pydicom"))) / "data" / "test_files"
    skipped = {".txt", ".json", ".gz", ".icc", ".dump"}
    found = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in skipped]
    # an index, and headers without pixels
    return [path for path in found if "DICOMDIR" not in path.name and "TINY_ALPHA" not in path.parts]
