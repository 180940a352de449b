"""Segmentations whose positions and directions differ in their last digits lie on one grid."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import DataElement, dcmread
from pydicom.datadict import tag_for_keyword

from tests.io.make_dicom import dataset, flat, save
from workbench.errors import FileError
from workbench.testing.files import drain


def segmentation(path, frames, kind="BINARY", **fields):
    """Write frames of (segment, z, value, orientation)."""
    groups = [
        {
            "PlanePositionSequence": {"ImagePositionPatient": [0, 0, z]},
            "PlaneOrientationSequence": {"ImageOrientationPatient": turn},
            "SegmentIdentificationSequence": {"ReferencedSegmentNumber": segment},
        }
        for segment, z, _, turn in frames
    ]
    names = [{"SegmentNumber": n, "SegmentLabel": f"part {n}"} for n in sorted({frame[0] for frame in frames})]
    pixels = np.stack([flat(value, dtype=np.uint8) for _, _, value, _ in frames])
    made = dataset(
        pixels, SegmentationType=kind, PerFrameFunctionalGroupsSequence=groups, SegmentSequence=names,
        SharedFunctionalGroupsSequence={"PixelMeasuresSequence": {"PixelSpacing": [0.5, 0.75], "SliceThickness": 2}},
        **fields,
    )  # fmt: skip
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    return save(made, path)


def turned(angle):
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return [c, s, 0, -s, c, 0]


@pytest.mark.parametrize("jitter", [0, 4e-4, 6e-4, 5e-3])
def test_frames_by_distance(tmp_path, jitter):
    # 0.0005 and 2.0005: on both sides of a rounded number
    frames = [(1, 0.0005 - jitter, 1, turned(0)), (1, 2.0005, 1, turned(jitter / 4)), (2, 0.0005, 0, turned(0))]
    frames += [(2, 2.0005 + jitter, 0, turned(0)), (2, 4.0005 - jitter, 1, turned(jitter / 4))]
    volume = drain(segmentation(tmp_path / "a.dcm", frames))
    assert volume.shape == (5, 4, 3)
    assert volume.data[0, 0].tolist() == [1, 1, 2]
    assert volume.labels == {1: "part 1", 2: "part 2"}
    assert volume.spacing[2] == pytest.approx(2, abs=0.01)


def test_one_slice_of_several_segments(tmp_path):
    frames = [(n, 3.0, int(n == 2), turned(0)) for n in (1, 2, 3)]
    volume = drain(segmentation(tmp_path / "a.dcm", frames))
    assert (volume.shape, volume.data.max()) == ((5, 4, 1), 2)


def test_segments_on_several_grids_are_refused_in_words(tmp_path):
    frames = [(1, 0.0, 1, turned(0)), (2, 2.0, 1, turned(0.5))]
    with pytest.raises(FileError, match="frames lie on 2 grids"):
        drain(segmentation(tmp_path / "a.dcm", frames))


def test_fractions_on_a_grid_with_gaps(tmp_path):
    frames = [(1, z, value, turned(0)) for z, value in ((0.0, 255), (2.0, 51), (6.0, 102))]
    volume = drain(segmentation(tmp_path / "a.dcm", frames, "FRACTIONAL", MaximumFractionalValue=255))
    np.testing.assert_allclose(volume.data[0, 0, :, 0], [1, 0.2, 0, 0.4])
    assert volume.kind == "scores"


def test_labels_of_a_label_map_with_a_palette_are_its_indices(tmp_path):
    path = segmentation(tmp_path / "a.dcm", [(1, 0.0, 2, turned(0)), (1, 2.0, 1, turned(0))], "LABELMAP")
    made = dcmread(path)
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.7"
    made.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        made[f"{colour}PaletteColorLookupTableDescriptor"] = DataElement(
            tag_for_keyword(f"{colour}PaletteColorLookupTableDescriptor"), "US", [3, 0, 16]
        )
        setattr(made, f"{colour}PaletteColorLookupTableData", np.array([0, 30000, 60000], "<u2").tobytes())
    volume = drain(save(made, path))
    assert volume.kind == "labels"
    assert volume.data[0, 0].tolist() == [2, 1]


@pytest.mark.parametrize("spacing", [True, False])
@pytest.mark.parametrize("overlap", [True, False])
def test_a_segmentation_of_a_picture(tmp_path, spacing, overlap):
    path = segmentation(tmp_path / "a.dcm", [(n, 0.0, 0, turned(0)) for n in (1, 2)])
    made = dcmread(path)
    for group in made.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence, group.PlaneOrientationSequence
    if not spacing:
        del made.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    masks = np.zeros((2, 4, 5), np.uint8)
    masks[0, 1], masks[1, :, 3] = 1, 1
    masks[1, 1, 3] = overlap
    made.PixelData = masks.tobytes()
    volume = drain(save(made, path))
    assert volume.spacing == ((0.5, 0.75) if spacing else (1, 1))
    assert volume.space == ("object" if spacing else "pixels")
    if overlap:
        assert volume.channels == ("part 1", "part 2")
        np.testing.assert_array_equal(volume.data, masks.transpose(1, 2, 0))
    else:
        np.testing.assert_array_equal(volume.data, masks[0] * (1 - masks[1]) + 2 * masks[1])
        assert volume.labels == {1: "part 1", 2: "part 2"}


def test_a_segmentation_of_several_pictures_is_refused_in_words(tmp_path):
    path = segmentation(tmp_path / "a.dcm", [(1, 0.0, 1, turned(0)), (1, 2.0, 1, turned(0))])
    made = dcmread(path)
    for group in made.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence, group.PlaneOrientationSequence
    with pytest.raises(FileError, match=r"several pictures.*Export one for each picture"):
        drain(save(made, path))


def test_a_place_that_cannot_be_used_is_no_picture(tmp_path):
    path = segmentation(tmp_path / "a.dcm", [(1, 0.0, 1, [1, 0, 0, 1, 0, 0])])
    with pytest.raises(FileError, match=r"place cannot be used: ImageOrientationPatient is two unit vectors"):
        drain(path)


def test_what_is_doubted_of_the_frames_is_told(tmp_path):
    path = segmentation(tmp_path / "a.dcm", [(1, z, 1, [2, 0, 0, 0, 2, 0]) for z in (0.0, 2.0)])
    assert any("their lengths were made 1" in note for note in drain(path).notes)
