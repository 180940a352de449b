"""Maps as DICOM Parametric Maps: read back with values and affine equal, tied to what they are derived from."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

from tests.io.make_dicom import SECRET, SERIES, dataset, save
from workbench.errors import FileError, InputError
from workbench.io import _dicom_parametric, read
from workbench.testing import toys
from workbench.volume import Volume

FRAME, STUDY = "1.2.826.0.1.3680043.8.498.77", "1.2.826.0.1.3680043.8.498.88"


def scores(shape=(5, 4, 3), affine=None):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32) * 1e-3
    return Volume(values, toys.OBLIQUE if affine is None else affine, kind="scores")


def source(folder):
    folder.mkdir()
    for number, z in enumerate((10.0, 8.0, 6.0)):  # backwards
        pixels = np.full((4, 5), number, np.uint16)
        fields = {"FrameOfReferenceUID": FRAME, "StudyInstanceUID": STUDY, "StudyDate": "20200102"}
        save(dataset(pixels, "CT", (1, 2, z), number + 1, **fields), folder / f"{number}.dcm")
    return folder


@pytest.mark.parametrize("flip", [1, -1])
def test_values_and_affine_come_back_to_the_last_bit(tmp_path, flip):
    volume = scores(affine=toys.OBLIQUE @ np.diag([1, 1, flip, 1]))  # one of both is left-handed
    path = tmp_path / "map.dcm"
    _dicom_parametric.write(volume, path, label="grad-cam", description="Grad-CAM: liver")
    again = read(path)
    assert np.array_equal(again.data, volume.data)
    assert np.array_equal(again.affine, volume.affine)
    assert again.dtype == np.float32
    assert again.kind == "scores"
    assert [path.name for path in tmp_path.iterdir()] == ["map.dcm"]


def test_a_picture_stays_one(tmp_path):
    volume = scores((6, 4), np.diag([0.7, -1.3, 1.0, 1.0]))
    _dicom_parametric.write(volume, tmp_path / "map.dcm", label="x", description="")
    again = read(tmp_path / "map.dcm")
    assert again.spatial_ndim == 2
    assert np.array_equal(again.data, volume.data)
    assert np.allclose(again.affine, volume.affine)


def test_readers_that_do_not_know_us_find_the_same_grid(tmp_path):
    volume = scores(affine=toys.OBLIQUE @ np.diag([1, 1, -1, 1]))  # slices in the order that DICOM has them in
    _dicom_parametric.write(volume, tmp_path / "map.dcm", label="grad-cam", description="Grad-CAM: liver")
    made = pydicom.dcmread(tmp_path / "map.dcm")
    assert made.SOPClassUID.name == "Parametric Map Storage"
    assert made.ContentLabel == "GRAD_CAM"
    assert np.array_equal(made.pixel_array.transpose(2, 1, 0), volume.data)
    made.remove_private_tags()
    save(made, tmp_path / "other.dcm")
    again = read(tmp_path / "other.dcm")
    assert np.allclose(again.affine, volume.affine, atol=1e-6)
    assert np.array_equal(again.data, volume.data)


def test_it_refers_to_the_images_it_lies_on_and_names_nobody(tmp_path):
    place = source(tmp_path / "ct")
    volume = read(place)
    path = tmp_path / "map.dcm"
    _dicom_parametric.write(volume.with_data(np.ones(volume.shape, np.float32), kind="scores"), path,
                            label="x", description="", source=place)  # fmt: skip
    made = pydicom.dcmread(path)
    assert made.FrameOfReferenceUID == FRAME
    assert made.StudyInstanceUID == STUDY
    assert made.SeriesInstanceUID != SERIES
    (series,) = made.ReferencedSeriesSequence
    assert series.SeriesInstanceUID == SERIES
    originals = {float(one.ImagePositionPatient[2]): one.SOPInstanceUID
                 for one in map(pydicom.dcmread, sorted(place.iterdir()))}  # fmt: skip
    assert {one.ReferencedSOPInstanceUID for one in series.ReferencedInstanceSequence} == {*originals.values()}
    for frame in made.PerFrameFunctionalGroupsSequence:
        z = float(frame.PlanePositionSequence[0].ImagePositionPatient[2])
        image = frame.DerivationImageSequence[0].SourceImageSequence[0]
        assert image.ReferencedSOPInstanceUID == originals[z]
        assert image.ReferencedSOPClassUID.name == "CT Image Storage"
    assert made.PatientName == made.PatientID == made.StudyDate == ""
    assert SECRET.encode() not in path.read_bytes()
    assert read(path).same_grid(volume)


def test_an_archive_gets_what_it_files_by_if_that_is_asked_for(tmp_path):
    place = source(tmp_path / "ct")
    volume = read(place)
    volume = volume.with_data(np.ones(volume.shape, np.float32), kind="scores")
    _dicom_parametric.write(volume, tmp_path / "map.dcm", label="x", description="", source=place, patient=True)
    made = pydicom.dcmread(tmp_path / "map.dcm")
    assert made.PatientName == made.PatientID == SECRET
    assert made.StudyDate == "20200102"
    with pytest.raises(InputError, match="patient=True needs the images"):
        _dicom_parametric.write(volume, tmp_path / "b.dcm", label="x", description="", patient=True)


def test_what_cannot_be_written_is_refused(tmp_path):
    place, path = source(tmp_path / "ct"), tmp_path / "map.dcm"
    with pytest.raises(FileError, match="has no image where the map lies"):
        _dicom_parametric.write(scores(), path, label="x", description="", source=place)
    with pytest.raises(InputError, match="one channel"):
        _dicom_parametric.write(Volume(np.ones((2, 2, 2, 2), np.float32)), path, label="x", description="")
    with pytest.raises(InputError, match="finite"):
        _dicom_parametric.write(Volume(np.full((2, 2, 2), np.nan, np.float32)), path, label="x", description="")
    sheared = np.eye(4)
    sheared[0, 1] = 0.5
    with pytest.raises(InputError, match="right angles"):
        _dicom_parametric.write(scores(affine=sheared), path, label="x", description="")
    assert not path.exists()
