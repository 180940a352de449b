"""Real DICOM series and pydicom's own test files, against SimpleITK."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from tests.io.make_dicom import pydicom_files
from workbench import Volume
from workbench.errors import FileError
from workbench.io import read
from workbench.testing.files import drain


def itk_volume(folder):
    sitk = pytest.importorskip("SimpleITK")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    image = reader.Execute()
    affine = np.eye(4)
    affine[:3, :3] = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Volume(sitk.GetArrayFromImage(image).T, np.diag([-1, -1, 1, 1]) @ affine)


@pytest.mark.parametrize("folder", ["dicom_ct_series/example_ct_dicom", "dicom_mr_t1/dicoms"])
def test_real_series_agree_with_simpleitk(workbench_data, folder):
    ours, theirs = read(workbench_data / folder), itk_volume(workbench_data / folder)
    assert not ours.notes
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-6)
    np.testing.assert_array_equal(ours.data, theirs.data)


def test_real_labels_lie_on_the_real_ct(workbench_data):
    ct = read(workbench_data / "dicom_ct_series")
    for path in (workbench_data / "dicom_ct_series").rglob("*.nii.gz"):
        labels = read(path, kind="labels")
        assert labels.same_grid(ct.reorient(labels.orientation), 1e-2)


def test_real_enhanced_and_segmentations(workbench_data):
    field_map = drain(workbench_data / "dicom_enhanced" / "In" / "Philips" / "IM_0027_fMAP.dcm")
    assert field_map.shape == (64, 64, 32, 2)
    seg = drain(workbench_data / "dicom_seg" / "seg_image_ct_binary.dcm")
    assert seg.kind == "labels"
    assert seg.labels == {1: "first segment"}
    expected = pydicom.dcmread(seg.source).pixel_array
    np.testing.assert_array_equal(np.sort(seg.data.sum((0, 1))), np.sort(expected.sum((1, 2))))
    overlap = drain(workbench_data / "dicom_seg" / "seg_image_ct_binary_overlap.dcm")
    assert overlap.num_channels == 2
    scores = drain(workbench_data / "dicom_seg" / "seg_image_ct_true_fractional.dcm")
    assert scores.kind == "scores"
    assert 0 <= scores.data.min() <= scores.data.max() <= 1
    of_a_picture = drain(workbench_data / "dicom_seg" / "seg_image_cr_binary.dcm")
    stored = pydicom.dcmread(of_a_picture.source).pixel_array
    assert of_a_picture.spatial_ndim == 2
    np.testing.assert_array_equal(of_a_picture.data > 0, stored.reshape(-1, *stored.shape[-2:]).max(0) > 0)
    with pytest.raises(FileError, match="without an image"):
        read(workbench_data / "dicom_seg" / "sr_document.dcm")


#: Frames that the header describes and the file lacks: which is which cannot be known.
_CONTRADICTORY = {"liver_1frame.dcm", "liver_expb_1frame.dcm"}


@pytest.mark.parametrize("path", pydicom_files(), ids=lambda path: path.name)
def test_what_simpleitk_opens_is_opened(path):
    sitk = pytest.importorskip("SimpleITK")
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    try:
        theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(path)))
    except RuntimeError:
        pytest.skip("SimpleITK does not open it")
    if path.name in _CONTRADICTORY:
        with pytest.raises(FileError, match="describes 3, so that it is unknown which is which"):
            read(path)
        return
    ours = drain(path)
    assert ours.data.size == theirs.size
    # it does not scale doses, turns MONOCHROME1 round by itself, and has other decoders of colour and of lossy JPEG
    if ours.unit in {"", "HU"} and not ours.inverted and ours.num_channels == 1 and "loss" not in str(ours.notes):
        rows = ours.data.swapaxes(0, 1) if ours.spatial_ndim == 3 else ours.data
        np.testing.assert_allclose(np.squeeze(rows), np.squeeze(theirs), rtol=1e-6)
