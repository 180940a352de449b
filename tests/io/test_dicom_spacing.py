"""How large a pixel is, and where it is that large: in the patient, at the detector, on a film."""

from __future__ import annotations

import pytest

from tests.io.make_dicom import dataset, flat, save
from workbench.io import GeometryWarning, read
from workbench.testing.files import drain


def picture(tmp_path, modality="DX", **fields):
    return drain(save(dataset(flat(1), modality, **fields), tmp_path / "a.dcm"))


@pytest.mark.parametrize(
    ("fields", "spacing", "words"),
    [
        ({"PixelSpacing": [0.2, 0.3]}, (0.2, 0.3), ""),
        ({"ImagerPixelSpacing": [0.2, 0.3]}, (0.2, 0.3), "0.2 x 0.3 mm is that at the detector"),
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.2, 0.3]}, (0.2, 0.3), "is that at the detector"),
        (
            {"ImagerPixelSpacing": [0.2, 0.3], "EstimatedRadiographicMagnificationFactor": 1.25},
            (0.16, 0.24),
            "at the detector is divided by the magnification of 1.25",
        ),
        (
            {
                "PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.2, 0.3],
                "EstimatedRadiographicMagnificationFactor": 1.25,
            },
            (0.16, 0.24),
            "divided by the magnification",
        ),
        (
            {
                "PixelSpacing": [0.1, 0.1], "ImagerPixelSpacing": [0.2, 0.2],
                "PixelSpacingCalibrationType": "FIDUCIAL", "EstimatedRadiographicMagnificationFactor": 1.25,
            },
            (0.1, 0.1),
            "0.1 x 0.1 mm is calibrated by fiducial",
        ),
        ({"NominalScannedPixelSpacing": [0.4, 0.5]}, (0.4, 0.5), "on the film that was scanned"),
        ({"PixelAspectRatio": ["6", "5"]}, (1.2, 1.0), "only the shape of the pixels is given (6:5)"),
        ({"PixelAspectRatio": ["1", "1"]}, (1.0, 1.0), ""),
    ],
)  # fmt: skip
def test_projections(tmp_path, fields, spacing, words):
    volume = picture(tmp_path, **fields)
    assert volume.spacing == pytest.approx(spacing)
    assert (words in " ".join(volume.notes)) if words else not volume.notes


def test_the_plane_of_a_radiotherapy_image(tmp_path):
    volume = picture(tmp_path, "RTIMAGE", ImagePlanePixelSpacing=[0.4, 0.4], RTImageSID=1500)
    assert volume.spacing == (0.4, 0.4)
    assert "in the image plane, 1500 mm from the source" in volume.notes[0]


@pytest.mark.parametrize("keyword", ["PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"])
def test_a_spacing_of_nothing_is_doubted(tmp_path, keyword):
    path = save(dataset(flat(1), "DX", **{keyword: [0, 1]}), tmp_path / "a.dcm")
    with pytest.warns(GeometryWarning, match=f"{keyword} is above 0 mm, the header has .0.0, 1.0.; it was not used"):
        assert read(path).space == "pixels"


def test_a_spacing_of_nothing_leaves_the_next(tmp_path):
    volume = picture(tmp_path, PixelSpacing=[0, 0], ImagerPixelSpacing=[0.2, 0.3])
    assert volume.spacing == pytest.approx((0.2, 0.3))
    assert "PixelSpacing is above 0 mm" in volume.notes[0]


def test_the_elements_of_a_detector_are_noted_for_want_of_a_spacing(tmp_path):
    volume = picture(tmp_path, DetectorElementSpacing=[0.14, 0.15])
    assert volume.space == "pixels"
    assert "0.14 x 0.15 mm apart" in volume.notes[0]


def test_regions_that_disagree_with_the_pixel_spacing_are_doubted(tmp_path):
    regions = [region(0.05, 0.025)]
    path = save(
        dataset(flat(1), "US", PixelSpacing=[0.4, 0.4], SequenceOfUltrasoundRegions=regions), tmp_path / "b.dcm"
    )
    with pytest.warns(GeometryWarning, match=r"0.4 x 0.4 mm was taken; the ultrasound regions give 0.5 x 0.25 mm"):
        assert read(path).spacing == (0.4, 0.4)
    same = picture(tmp_path, "US", PixelSpacing=[0.5, 0.25], SequenceOfUltrasoundRegions=regions)
    assert not same.notes


def region(row=0.05, column=0.025, unit=3, kind=1):
    # its type must be stated, and is left out by some
    return ({} if kind is None else {"RegionSpatialFormat": kind}) | {
        "PhysicalUnitsXDirection": unit, "PhysicalUnitsYDirection": unit,
        "PhysicalDeltaX": column, "PhysicalDeltaY": row, "RegionLocationMinX0": 0, "RegionLocationMinY0": 0,
        "RegionLocationMaxX1": 4, "RegionLocationMaxY1": 3,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("regions", "spacing", "words"),
    [
        ([region()], (0.5, 0.25), ""),
        ([region(-0.05)], (0.5, 0.25), ""),
        ([region(), region()], (0.5, 0.25), ""),
        ([region(), region(0.1)], (1, 1), "2 ultrasound regions have pixels of different sizes"),
        ([region(unit=4)], (1, 1), "1 ultrasound region without a picture in cm"),
        ([region(kind=2)], (1, 1), "1 ultrasound region without a picture in cm"),
        ([region(), region(kind=3, unit=7)], (0.5, 0.25), "1 ultrasound region without a picture in cm"),
        ([region(0, 0)], (1, 1), "without a picture in cm"),
        ([region(kind=None)], (0.5, 0.25), ""),
        ([region(kind=0)], (0.5, 0.25), ""),
        ([region(kind=5)], (1, 1), "without a picture in cm"),
    ],
)
def test_ultrasound_regions(tmp_path, regions, spacing, words):
    volume = picture(tmp_path, "US", SequenceOfUltrasoundRegions=regions)
    assert volume.spacing == pytest.approx(spacing)
    assert (words in " ".join(volume.notes)) if words else not volume.notes


def test_a_stated_spacing_comes_before_the_regions(tmp_path):
    volume = picture(tmp_path, "US", PixelSpacing=[0.1, 0.2], SequenceOfUltrasoundRegions=[region()])
    assert volume.spacing == (0.1, 0.2)


def test_a_placed_picture_takes_its_size_from_the_regions(tmp_path):
    made = dataset(flat(1), "US", position=(0, 0, 0), SequenceOfUltrasoundRegions=[region()])
    del made.PixelSpacing
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.spacing[:2] == pytest.approx((0.25, 0.5))
    assert not volume.notes


def test_a_placed_picture_without_a_size_is_noted(tmp_path):
    made = dataset(flat(1), "MR", position=(0, 0, 0))
    del made.PixelSpacing
    assert "the pixel spacing is not given; taken as 1 mm" in drain(save(made, tmp_path / "a.dcm")).notes


def test_the_detector_of_an_enhanced_projection(tmp_path):
    made = dataset(
        flat(1),
        "XA",
        SharedFunctionalGroupsSequence={"FramePixelDataPropertiesSequence": {"ImagerPixelSpacing": [2, 3]}},
    )
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.spacing == (2, 3)
    assert "at the detector" in volume.notes[0]
