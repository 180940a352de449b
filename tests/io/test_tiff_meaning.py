"""What a TIFF says about its pixels: which way up, how large, which axes."""

from __future__ import annotations

import re

import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench import Volume
from workbench.errors import FileError
from workbench.io import read, write
from workbench.testing.files import distinct


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("shape", [(4, 6), (4, 6, 3)])
def test_turned_upright(tmp_path, value, shape):
    pixels = distinct(shape, np.uint8)
    tag = [(274, "H", 1, value, True)]
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb" if len(shape) == 3 else "minisblack", extratags=tag)
    upright = np.stack([np.array(turned(layer, value)) for layer in np.atleast_3d(pixels).transpose(2, 0, 1)], axis=-1)
    volume = read(tmp_path / "a.tif")
    assert volume.shape == (*upright.shape[:2], *shape[2:])
    np.testing.assert_array_equal(volume.data, upright.reshape(volume.shape))
    # an upright mask without the tag lies on the same grid
    tifffile.imwrite(tmp_path / "mask.tif", upright[..., 0].copy(), photometric="minisblack")
    assert read(tmp_path / "mask.tif").same_grid(volume)
    assert any("upright" in note for note in volume.notes) == (value != 1)


def test_pixels_that_are_not_square_are_turned(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", distinct((4, 6), np.uint8), imagej=True, resolution=(2.0, 4.0),
                     metadata={"unit": "mm"}, extratags=[(274, "H", 1, 6, True)])  # fmt: skip
    volume = read(tmp_path / "a.tif")
    assert (volume.shape, volume.spacing, volume.orientation) == ((6, 4), (0.5, 0.25), "PL")


def turned(layer, value):
    """What EXIF 2.3 says about tag 274, by hand: where the 0th row and the 0th column are to be seen."""
    image = Image.fromarray(layer)
    moves = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT], 3: [Image.Transpose.ROTATE_180], 4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE], 6: [Image.Transpose.ROTATE_270], 7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_90],
    }  # fmt: skip
    for move in moves.get(value, []):
        image = image.transpose(move)
    return image


@pytest.mark.parametrize("value", range(1, 9))
def test_a_point_in_mm_stays_where_it_was_when_turned(tmp_path, affine, value):
    volume = Volume(distinct((4, 6), np.uint8), affine)
    path = write(volume, tmp_path / "a.tif", compress=False)
    with tifffile.TiffFile(path, mode="r+") as tiff:
        description, software = tiff.pages[0].description, tiff.pages[0].software
    tifffile.imwrite(path, volume.data, description=description, software=software, metadata=None,
                     extratags=[(274, "H", 1, value, True)])  # fmt: skip
    again = read(path)
    for i in range(again.shape[0]):
        for j in range(again.shape[1]):
            place = np.rint(volume.to_voxel(again.to_world((i, j)))).astype(int)
            assert volume.data[tuple(place)] == again.data[i, j]


@pytest.mark.parametrize(
    ("unit", "value", "mm"),
    [("µm", 0.5, 5e-4), ("nm", 250, 2.5e-4), ("mm", 0.2, 0.2), ("cm", 0.1, 1.0), ("pixel", 2, None), ("Å", 10, 1e-6)],
)
def test_physical_sizes_of_ome(tmp_path, unit, value, mm):
    stack = distinct((3, 2, 5, 6), np.uint16)
    sizes = {f"PhysicalSize{axis}": value * factor for axis, factor in (("X", 1), ("Y", 2), ("Z", 10))}
    units = {f"PhysicalSize{axis}Unit": unit for axis in "XYZ"}
    tifffile.imwrite(
        tmp_path / "a.ome.tif", stack, compression="lzw",
        metadata={"axes": "ZCYX", **sizes, **units, "Channel": {"Name": ["DAPI", "GFP"]}},
    )  # fmt: skip
    volume = read(tmp_path / "a.ome.tif")
    assert volume.channels == ("DAPI", "GFP")
    expected = (1, 1, 1) if mm is None else (2 * mm, mm, 10 * mm)
    np.testing.assert_allclose(volume.spacing, expected, rtol=1e-6)
    np.testing.assert_array_equal(volume.data, stack.transpose(2, 3, 0, 1))


def test_a_unit_that_is_none_is_noted(tmp_path):
    metadata = {"axes": "YX", "PhysicalSizeX": 2.0, "PhysicalSizeXUnit": "yd", "PhysicalSizeY": 2.0}
    tifffile.imwrite(tmp_path / "a.ome.tif", distinct((5, 6), np.uint8), metadata=metadata)
    volume = read(tmp_path / "a.ome.tif")
    assert volume.spacing == (1, 1)
    assert "'yd', which is no known length" in volume.notes[0]


@pytest.mark.parametrize(
    ("unit", "mm"),
    [("um", 1e-3), ("micron", 1e-3), ("\\u00B5m", 1e-3), ("nm", 1e-6), ("mm", 1), ("pixel", None), ("", None)],
)
def test_physical_sizes_of_imagej(tmp_path, unit, mm):
    stack = distinct((3, 5, 6), np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif", stack, imagej=True, resolution=(2.0, 4.0),
        metadata={"axes": "ZYX", "spacing": 3.0, **({"unit": unit} if unit else {})},
    )  # fmt: skip
    volume = read(tmp_path / "a.tif")
    # columns lie 1/2, rows 1/4 of a unit apart
    expected = (1, 1, 1) if mm is None else (mm / 4, mm / 2, 3 * mm)
    np.testing.assert_allclose(volume.spacing, expected, rtol=1e-6)
    assert volume.axes == ("i", "j", "k")


def test_dots_per_inch_are_not_used(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", distinct((5, 6), np.uint8), resolution=(300, 300), resolutionunit="inch")
    assert read(tmp_path / "a.tif").spacing == (1, 1)


@pytest.mark.parametrize(
    ("axes", "shape", "result", "words"),
    [
        ("TYX", (3, 5, 6), (5, 6, 3), "3 points in time became the channels"),
        ("TZYX", (3, 2, 5, 6), (5, 6, 2, 3), "3 points in time became the channels; slices are the third axis"),
        ("TCYX", (3, 2, 5, 6), (5, 6, 6), "3 points in time x 2 channels became the channels, the last fastest"),
        ("TZCYX", (3, 4, 2, 5, 6), (5, 6, 4, 6), "3 points in time x 2 channels"),
        ("ZYX", (3, 5, 6), (5, 6, 3), None),
        ("CYX", (3, 5, 6), (5, 6, 3), None),
    ],
)
def test_time_becomes_channels_and_is_noted(tmp_path, axes, shape, result, words):
    data = distinct(shape, np.uint16)
    for options in ({"imagej": axes != "TCZYX"}, {"ome": True}):
        tifffile.imwrite(tmp_path / "a.tif", data, metadata={"axes": axes}, **options)
        volume = read(tmp_path / "a.tif")
        assert volume.shape == result
        order = [axes.index(a) for a in "YXZTC" if a in axes]
        np.testing.assert_array_equal(volume.data, data.transpose(order).reshape(result))
        assert [bool(re.search(words or "", note)) for note in volume.notes] == [True] * bool(words)


def test_planes_of_other_folders_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.ome.tif", distinct((2, 5, 6), np.uint8), metadata={"axes": "ZYX"})
    raw = (tmp_path / "a.ome.tif").read_bytes()
    old, new = b'<TiffData IFD="0" PlaneCount="2"/>', b'<TiffData><UUID FileName="../b"/></TiffData>'
    assert old in raw
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as tiff:
        text = tiff.ome_metadata.replace(old.decode(), new.decode())
    tifffile.imwrite(tmp_path / "a.ome.tif", distinct((2, 5, 6), np.uint8), description=text, metadata=None)
    with pytest.raises(FileError, match="outside of its own folder"):
        read(tmp_path / "a.ome.tif")


@pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")
def test_sizes_that_are_given_in_part(tmp_path):
    def ome(**sizes):
        tifffile.imwrite(tmp_path / "a.ome.tif", distinct((3, 4, 6), np.uint8), ome=True,
                         metadata={"axes": "ZYX", **sizes})  # fmt: skip
        return read(tmp_path / "a.ome.tif")

    volume = ome(PhysicalSizeX=0.5, PhysicalSizeZ=2)
    assert volume.space == "pixels"
    assert "only 0.0005 mm between columns and 0.002 mm between slices" in volume.notes[0]
    volume = ome(PhysicalSizeX=0.5, PhysicalSizeY=0.5)
    assert volume.spacing == pytest.approx((0.0005, 0.0005, 1))
    assert volume.notes == ("the distance between slices is not given; taken as 1 mm",)
    assert not ome(PhysicalSizeX=0.5, PhysicalSizeY=0.5, PhysicalSizeZ=2).notes
    assert not ome().notes
