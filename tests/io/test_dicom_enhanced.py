"""Enhanced multi-frame DICOM: many frames in one file."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from workbench.errors import FileError, InputError
from workbench.io import read
from workbench.testing.files import distinct


def enhanced(path, frames, **fields):
    """Write a multi-frame file: `frames` are (position, stack, time, slope, pixels)."""
    item = Dataset()
    item.file_meta = pydicom.dataset.FileMetaDataset()
    item.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    item.file_meta.MediaStorageSOPClassUID = item.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    item.SOPInstanceUID = item.SeriesInstanceUID = pydicom.uid.generate_uid()
    item.Modality, item.Rows, item.Columns, item.SamplesPerPixel = "MR", 4, 5, 1
    item.PhotometricInterpretation, item.NumberOfFrames = "MONOCHROME2", len(frames)
    item.BitsAllocated, item.BitsStored, item.HighBit, item.PixelRepresentation = 16, 16, 15, 1

    def group(**parts):
        out = Dataset()
        for name, values in parts.items():
            inner = Dataset()
            for keyword, value in values.items():
                setattr(inner, keyword, value)
            setattr(out, name, Sequence([inner]))
        return out

    item.SharedFunctionalGroupsSequence = Sequence(
        [
            group(
                PixelMeasuresSequence={"PixelSpacing": [0.75, 1.5], "SliceThickness": 2.5},
                PlaneOrientationSequence={"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
            )
        ]
    )
    item.PerFrameFunctionalGroupsSequence = Sequence(
        [
            group(
                PlanePositionSequence={"ImagePositionPatient": list(position)},
                FrameContentSequence={"StackID": stack, "TemporalPositionIndex": time},
                PixelValueTransformationSequence={"RescaleSlope": slope, "RescaleIntercept": 0, "RescaleType": "US"},
            )
            for position, stack, time, slope, _ in frames
        ]
    )
    item.PixelData = np.stack([pixels for *_, pixels in frames]).astype(np.int16).tobytes()
    for keyword, value in fields.items():
        setattr(item, keyword, value)
    item.save_as(path, enforce_file_format=True)
    return path


def test_enhanced_frames_by_position_time_and_slope(tmp_path):
    data = distinct((3, 2, 4, 5), np.int16)
    frames = [((1.0, 2.0, 3.0 + 4 * k), "1", time + 1, 1 + time, data[k, time]) for time in (1, 0) for k in (2, 0, 1)]
    volume = read(enhanced(tmp_path / "a.dcm", frames))
    assert "2 images" in volume.notes[0]
    assert volume.shape == (5, 4, 3, 2)
    assert volume.spacing == (1.5, 0.75, 4.0)
    assert volume.channels == ("time 1", "time 2")
    np.testing.assert_array_equal(volume.data, (data * [[[[1]], [[2]]]]).transpose(3, 2, 0, 1))
    np.testing.assert_allclose(volume.to_world([0, 0, 2]), [-1, -2, 11])


def test_enhanced_stacks_are_chosen(tmp_path):
    data = distinct((5, 4, 5), np.int16)
    frames = [((0.0, 0.0, 2.0 * k + (100 if k > 2 else 0)), "2" if k > 2 else "1", 1, 1, data[k]) for k in range(5)]
    path = enhanced(tmp_path / "a.dcm", frames)
    with pytest.raises(InputError, match="stack="):
        read(path)
    np.testing.assert_array_equal(read(path, stack=0).data, data[:3].transpose(2, 1, 0))
    np.testing.assert_array_equal(read(path, stack=1).data, data[3:].transpose(2, 1, 0))


def test_enhanced_with_fewer_descriptions_than_frames(tmp_path):
    frames = [((0.0, 0.0, float(k)), "1", 1, 1, np.zeros((4, 5))) for k in range(3)]
    with pytest.raises(FileError, match="describes 3"):
        read(enhanced(tmp_path / "a.dcm", frames, NumberOfFrames=2))
