"""Fixtures of the tests of DICOM."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from tests.io.contract import distinct
from tests.io.make_dicom import SECRET


@pytest.fixture
def series(tmp_path):
    """Write slices to a folder: `series(slices=..., orientation=..., change=...)`."""

    def build(slices=6, orientation=(1, 0, 0, 0, 1, 0), step=None, change=None, folder="series", modality="CT"):
        across, down = np.array(orientation, float).reshape(2, 3)
        step = np.cross(across, down) * 2.5 if step is None else np.array(step, float)
        place = tmp_path / folder
        place.mkdir(parents=True, exist_ok=True)
        data = distinct((slices, 4, 5), np.int16)
        uid = pydicom.uid.generate_uid()
        # names and numbers run in another order than positions
        names = np.random.default_rng(3).permutation(slices)
        for k in range(slices):
            item = Dataset()
            item.file_meta = pydicom.dataset.FileMetaDataset()
            item.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
            item.file_meta.MediaStorageSOPClassUID = item.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
            item.SOPInstanceUID = item.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
            item.SeriesInstanceUID, item.Modality = uid, modality
            item.PatientName = item.PatientID = SECRET
            item.InstanceNumber = int(names[k]) + 1
            item.Rows, item.Columns, item.SamplesPerPixel = 4, 5, 1
            item.PhotometricInterpretation = "MONOCHROME2"
            item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 16, 12, 11, 0
            item.PixelSpacing = [0.75, 1.5]
            item.SliceThickness = 2.5
            item.ImageOrientationPatient = [float(n) for n in orientation]
            item.ImagePositionPatient = [float(n) for n in np.array([-10, 20, 30]) + step * k]
            item.RescaleSlope, item.RescaleIntercept = 1, -1024
            item.PixelData = data[k].tobytes()
            if change is None or change(k, item) is not False:
                item.save_as(place / f"im{names[k]:02d}", enforce_file_format=True)
        return place, data - 1024

    return build
