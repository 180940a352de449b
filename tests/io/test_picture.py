from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.io.contract import FormatContract, distinct
from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.io import read, write


class TestPng(FormatContract):
    suffixes = (".png",)
    dtypes = ("uint8", "uint16")
    shape = (40, 50)
    keeps_affine = False
    keeps_channels = False

    def volume(self, dtype="uint8", affine=None, **meaning):
        return super().volume(dtype, affine, **meaning)


class TestTiff(FormatContract):
    suffixes = (".tif", ".tiff")
    dtypes = (*FormatContract.dtypes, "int8", "uint32")


class TestTiff2D(TestTiff):
    shape = (40, 50)
    keeps_affine = False


class TestJpeg(TestPng):
    suffixes = (".jpg", ".jpeg")
    dtypes = ("uint8",)

    def volume(self, dtype="uint8", affine=None, **meaning):
        smooth = np.add.outer(np.arange(40) * 2, np.arange(50) * 2).astype(dtype)
        return Volume(smooth, affine, **meaning)

    def check_round_trip(self, volume, path):
        result = read(write(volume, path))
        assert not result.is_loaded
        assert np.abs(result.data.astype(int) - volume.data).max() <= 3
        return result


def save(array, path, mode=None):
    Image.fromarray(array, mode).save(path)
    return path


def test_modes(tmp_path):
    grey = distinct((6, 7), np.uint8)
    colour = distinct((6, 7, 3), np.uint8)
    alpha = distinct((6, 7, 4), np.uint8)
    for suffix in ("png", "tif"):
        assert read(save(grey, tmp_path / f"grey.{suffix}")).shape == (6, 7)
        rgb = read(save(colour, tmp_path / f"rgb.{suffix}"))
        np.testing.assert_array_equal(rgb.data, colour)
        assert rgb.axes == ("i", "j", "c")
        assert rgb.channels == ("red", "green", "blue")
        rgba = read(save(alpha, tmp_path / f"rgba.{suffix}"))
        np.testing.assert_array_equal(rgba.data, alpha)
        assert rgba.channels[-1] == "alpha"
        Image.fromarray(colour).quantize(8).save(tmp_path / f"palette.{suffix}")
        expected = np.array(Image.open(tmp_path / f"palette.{suffix}").convert("RGB"))
        np.testing.assert_array_equal(read(tmp_path / f"palette.{suffix}").data, expected)
        Image.fromarray(grey).convert("1").save(tmp_path / f"bit.{suffix}")
        assert set(np.unique(read(tmp_path / f"bit.{suffix}").data)) == {0, 255}
        deep = distinct((6, 7), np.uint16) * 200
        np.testing.assert_array_equal(read(save(deep, tmp_path / f"deep.{suffix}")).data, deep)


def test_a_picture_lies_like_an_axial_slice(tmp_path):
    volume = read(save(distinct((6, 7), np.uint8), tmp_path / "a.png"))
    assert volume.orientation == "PL"
    assert volume.spacing == (1, 1)
    np.testing.assert_array_equal(volume.to_world([2, 3]), [-3, -2, 0])


def test_written_pictures_keep_their_geometry(tmp_path, affine):
    volume = Volume(distinct((6, 7), np.uint8), affine)
    for name in ("a.png", "a.jpg", "a.tif"):
        np.testing.assert_array_equal(read(write(volume, tmp_path / name)).affine, affine)


def test_pages_are_the_third_axis(tmp_path):
    import tifffile

    pages = distinct((5, 6, 7), np.uint16)
    for options in (
        {},
        {"imagej": True, "metadata": {"axes": "ZYX"}},
        {"bigtiff": True},
        {"compression": "zlib"},
        {"byteorder": ">"},
    ):
        tifffile.imwrite(tmp_path / "a.tif", pages, photometric="minisblack", **options)
        volume = read(tmp_path / "a.tif")
        assert volume.axes == ("i", "j", "k")
        np.testing.assert_array_equal(volume.data, pages.transpose(1, 2, 0))


@pytest.mark.parametrize("compression", ["tiff_lzw", "jpeg", "packbits", "tiff_adobe_deflate"])
def test_compressed_tiff(tmp_path, compression):
    data = np.add.outer(np.arange(40) * 2, np.arange(50) * 2).astype(np.uint8)
    Image.fromarray(data).save(tmp_path / "a.tif", compression=compression)
    assert np.abs(read(tmp_path / "a.tif").data.astype(int) - data).max() <= (3 if compression == "jpeg" else 0)


def test_the_content_decides_not_the_suffix(tmp_path):
    data = distinct((6, 7), np.uint8)
    save(data, tmp_path / "a.png")
    (tmp_path / "a.png").rename(tmp_path / "a.jpg")
    np.testing.assert_array_equal(read(tmp_path / "a.jpg").data, data)


@pytest.mark.parametrize(
    ("volume", "name"),
    [
        (Volume(np.zeros((3, 4, 5), np.uint8)), "a.png"),
        (Volume(np.zeros((3, 4), np.float32)), "a.png"),
        (Volume(np.zeros((3, 4), np.uint16)), "a.jpg"),
        (Volume(np.zeros((3, 4, 3), np.uint16), axes=("i", "j", "c")), "a.png"),
    ],
)
def test_what_a_picture_cannot_hold(tmp_path, volume, name):
    with pytest.raises(InputError, match="TIFF"):
        write(volume, tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_jpeg_cut_in_the_middle(tmp_path):
    path = save(distinct((64, 64), np.uint8), tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(FileError):
        read(path)


def test_real_pictures(workbench_data):
    photograph = next((workbench_data / "kvasir_seg" / "images").glob("*.jpg"))
    volume = read(photograph)
    np.testing.assert_array_equal(volume.data, np.array(Image.open(photograph)))
    assert volume.channels == ("red", "green", "blue")
    ultrasound = next((workbench_data / "hc18_fetal_head" / "training_set").glob("*_HC.png"))
    np.testing.assert_array_equal(read(ultrasound).data, np.array(Image.open(ultrasound)))
