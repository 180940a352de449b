"""Headers that state what cannot be: refused where nothing can be made of them, doubted where something can."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from tests.io.make_dicom import SECRET, dataset, save
from workbench.errors import FileError
from workbench.io import GeometryWarning, read
from workbench.testing.files import drain


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Rows", 0),
        ("Rows", 60000),
        ("BitsAllocated", 7),
        ("BitsAllocated", 12),
        ("SamplesPerPixel", 9),
        ("NumberOfFrames", 1000000),
    ],
)
def test_broken_headers(series, keyword, value):
    folder, _ = series(slices=1, change=lambda k, item: setattr(item, keyword, value))
    with pytest.raises(FileError) as raised:
        drain(next(folder.iterdir()))
    assert SECRET not in str(raised.value)
    with pytest.raises(FileError) as of_folder:
        drain(folder)
    # a folder says no less than its file
    assert str(raised.value) in str(of_folder.value)
    assert SECRET not in str(of_folder.value)


@pytest.mark.parametrize(
    ("keyword", "value", "spacing", "orientation", "words"),
    [
        ("ImageOrientationPatient", [1, 0, 0, 1, 0, 0], (1.5, 0.75, 2.5), "LPS", "at right angles.*; it was not used"),
        ("ImageOrientationPatient", [0, 0, 0, 0, 0, 0], (1.5, 0.75, 2.5), "LPS", "at right angles.*; it was not used"),
        ("ImageOrientationPatient", [0, 2, 0, 0, 0, -2], (1.5, 0.75, 2.5), "PIR", "right angles.*lengths were made 1"),
        ("ImagePositionPatient", [1, 2], (1.5, 0.75, 2.5), "LPS", "is 3 finite numbers, the header has 2"),
        ("PixelSpacing", [0, 1], (1, 1, 2.5), "LPS", "PixelSpacing is above 0 mm"),
        ("PixelSpacing", [-1, 1], (1, 1, 2.5), "LPS", "PixelSpacing is above 0 mm"),
    ],
)
def test_geometry_that_cannot_be_is_doubted(series, keyword, value, spacing, orientation, words):
    folder, data = series(slices=1, change=lambda k, item: setattr(item, keyword, value))
    with pytest.warns(GeometryWarning, match=words):
        volume = read(next(folder.iterdir()))
    # pixels are what they are: another reader shows them, too
    pixels = volume.data if volume.spatial_ndim == 3 else volume.data.T[..., np.newaxis]
    np.testing.assert_array_equal(pixels[..., 0], data[0].T)
    if volume.spatial_ndim == 3:
        assert volume.spacing == pytest.approx(spacing)
        assert (volume.orientation == orientation) or volume.space != "patient"


@pytest.mark.parametrize(("slope", "inter"), [(0, -1024), (0, 0)])
def test_a_slope_that_would_erase_the_values_is_doubted(series, slope, inter):
    def scale(k, item):
        item.RescaleSlope, item.RescaleIntercept = slope, inter

    folder, data = series(slices=1, change=scale)
    with pytest.warns(GeometryWarning, match=r"a rescale slope is not 0.*header has 0 and.*as stored"):
        volume = read(folder)
    np.testing.assert_array_equal(volume.data[..., 0], data[0].T + 1024)
    assert volume.unit == ""


@pytest.mark.parametrize("count", [0, None])
def test_no_frames_are_one(series, count):
    folder, data = series(slices=1, change=lambda k, item: setattr(item, "NumberOfFrames", count))
    np.testing.assert_array_equal(read(folder).data[..., 0], data[0].T)


@pytest.mark.parametrize(("model", "samples"), [("HSV", 3), ("CMYK", 4), ("ARGB", 4), ("YBR_PARTIAL_422", 3)])
def test_colours_of_old_are_refused_by_name(series, model, samples):
    def colour(k, item):
        item.SamplesPerPixel, item.PhotometricInterpretation, item.PlanarConfiguration = samples, model, 0
        item.BitsAllocated, item.BitsStored, item.HighBit = 8, 8, 7
        item.PixelData = bytes(4 * 5 * samples)

    folder, _ = series(slices=1, change=colour)
    with pytest.raises(FileError, match=f"{samples} samples of '{model}'.*not supported.*RGB.*Export it"):
        read(next(folder.iterdir()))


@pytest.mark.parametrize("values", [[[0, 1, 2], [60000, 4, 5]], [[[1, 2], [3, 4]], [[5, 6], [7, 60000]]]])
@pytest.mark.parametrize(
    ("keyword", "how", "told"),
    [
        ("PhotometricInterpretation", "nothing", "MONOCHROME2"), ("PhotometricInterpretation", "monochrome2", None),
        ("SamplesPerPixel", "nothing", 1), ("BitsStored", "nothing", 16), ("BitsStored", 0, 16),
        ("PixelRepresentation", "nothing", 0), ("HighBit", "nothing", None), ("BitsAllocated", "nothing", 16),
    ],
)  # fmt: skip
def test_what_is_not_said_of_the_pixels_is_taken_as_usual(tmp_path, keyword, how, told, values):
    made = dataset(np.array(values, np.uint16), position=(0, 0, 0), SpacingBetweenSlices=2)
    if how == "nothing":
        del made[keyword]
    else:
        made[keyword].value = how
    path = save(made, tmp_path / "a.dcm")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        volume = read(path)
    np.testing.assert_array_equal(volume.data.squeeze(), np.array(values).T.squeeze())
    said = f"the file does not say in full how its pixels are stored; taken as usual: {keyword} {told}"
    words = [said] if told is not None else []
    assert [str(one.message) for one in caught if one.category is GeometryWarning] == (
        words if told is not None else []
    )
    assert [note for note in volume.notes if "in full" in note] == words


def test_the_order_of_samples_is_taken_as_usual_and_colours_are_not_guessed(tmp_path):
    values = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    made = dataset(values[..., 0], "OT", SamplesPerPixel=3, PhotometricInterpretation="RGB", PixelData=values.tobytes())
    with pytest.warns(GeometryWarning, match="taken as usual: PlanarConfiguration 0"):
        volume = read(save(made, tmp_path / "a.dcm"))
    np.testing.assert_array_equal(volume.data, values)
    del made.PhotometricInterpretation
    with pytest.raises(FileError, match=r"3 samples of '' for a pixel, which is not supported"):
        read(save(made, tmp_path / "b.dcm"))


@pytest.mark.parametrize("frames", [False, True])
def test_labels_in_a_palette_are_its_indices(tmp_path, frames):
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    tables = {}
    for number, colour in enumerate(("Red", "Green", "Blue")):
        tables[f"{colour}PaletteColorLookupTableDescriptor"] = [3, 0, 16]
        tables[f"{colour}PaletteColorLookupTableData"] = np.array([0, 25700, 100 * number], "<u2").tobytes()
    pixels = np.stack([indices, indices]) if frames else indices
    path = save(dataset(pixels, "OT", PhotometricInterpretation="PALETTE COLOR", **tables), tmp_path / "a.dcm")
    labels = drain(path, kind="labels")
    assert (labels.kind, labels.num_channels, labels.dtype) == ("labels", 1, np.uint8)
    np.testing.assert_array_equal(labels.data[..., 0].T if frames else labels.data, indices)
    assert drain(path).num_channels == 3
