from __future__ import annotations

import struct

import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.io import read, write
from workbench.testing.files import distinct
from workbench.testing.formats import FormatContract


class TestTiff(FormatContract):
    suffixes = (".tif", ".tiff")
    dtypes = (*FormatContract.dtypes, "int8", "uint32")

    def unplaced(self, folder, sized):
        sizes = {f"PhysicalSize{axis}": 0.5 for axis in "XYZ"} if sized else {}
        axes = "YX" if len(self.shape) == 2 else "ZYX"
        path = folder / f"unplaced{'.ome' if sized else ''}.tif"
        tifffile.imwrite(
            path, np.zeros(self.shape, np.uint8), ome=sized, photometric="minisblack", metadata={"axes": axes, **sizes}
        )
        return path


class TestTiff2D(TestTiff):
    shape = (40, 50)
    keeps_affine = False


#: What a codec loses at most, of values from 0 to 255.
COMPRESSIONS = {None: 0, "lzw": 0, "zlib": 0, "packbits": 0, "zstd": 0, "lzma": 0, "jpeg": 12, "webp": 0, "png": 0}
LAYOUTS = {
    "strips": {"rowsperstrip": 7},
    "one strip": {"rowsperstrip": 48},
    "tiles": {"tile": (16, 32)},
}


CONTENTS = [
    ("YX", (48, 64), {}),
    ("YXS", (48, 64, 3), {}),
    ("ZYX", (3, 48, 64), {}),
    ("ZYXS", (2, 48, 64, 3), {}),
    ("ZCYX", (3, 2, 48, 64), {"ome": True}),
    ("CZYX", (2, 3, 48, 64), {"ome": True}),
    ("CYX", (4, 48, 64), {"ome": True}),
    ("IYX", (3, 48, 64), {"metadata": None}),
]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("compression", "axes", "shape", "metadata"),
    # WebP holds colours only
    [(name, *rest) for name in COMPRESSIONS for rest in CONTENTS if name != "webp" or "S" in rest[0]],
)
def test_compression_and_layout_change_nothing(tmp_path, axes, shape, metadata, compression, layout):
    loss = COMPRESSIONS[compression]
    data = np.minimum(np.indices(shape).sum(axis=0), 255).astype(np.uint8)
    options = {"metadata": {"axes": axes}, **metadata, **LAYOUTS[layout], "compression": compression}
    tifffile.imwrite(tmp_path / "a.tif", data, photometric="rgb" if "S" in axes else "minisblack", **options)
    volume = read(tmp_path / "a.tif")
    order = [axes.index(a) for a in "YXZIQTCS" if a in axes]
    assert not volume.is_loaded
    assert volume.axes == tuple({"Y": "i", "X": "j", "Z": "k", "I": "k"}.get(axes[place], "c") for place in order)
    assert volume.shape == tuple(shape[place] for place in order)
    assert np.abs(volume.data.astype(int) - data.transpose(order)).max() <= loss
    part = read(tmp_path / "a.tif", region=((5, 9), (39, 60)))
    np.testing.assert_array_equal(part.data, volume.data[5:39, 9:60])
    np.testing.assert_array_equal(part.affine, volume.crop([5, 9, *[0] * (volume.spatial_ndim - 2)],
                                                           [39, 60, *volume.spatial_shape[2:]]).affine)  # fmt: skip
    if "S" in axes:
        assert volume.channels == ("red", "green", "blue")


@pytest.mark.parametrize(
    ("compression", "predictor"), [(None, False), ("lzw", False), ("lzw", True), ("zlib", False), ("zlib", True)]
)
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32", "uint32"])
def test_planes_predictors_and_byte_order(tmp_path, compression, predictor, planar, byteorder, dtype):
    pixels = distinct((24, 33, 3), dtype)
    stored = pixels.transpose(2, 0, 1) if planar == "separate" else pixels
    tifffile.imwrite(
        tmp_path / "a.tif", stored, photometric="rgb", planarconfig=planar, compression=compression,
        predictor=predictor, byteorder=byteorder, tile=(16, 16), metadata=None, bigtiff=dtype == "uint32",
    )  # fmt: skip
    volume = read(tmp_path / "a.tif")
    assert (volume.axes, volume.dtype, volume.channels) == (("i", "j", "c"), dtype, ("red", "green", "blue"))
    assert volume.data.dtype.isnative
    np.testing.assert_array_equal(volume.data, pixels)
    np.testing.assert_array_equal(read(tmp_path / "a.tif", region=((3, 10), (20, 33))).data, pixels[3:20, 10:33])


@pytest.mark.parametrize("mode", ["RGB", "YCbCr", "L"])
@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", None])
def test_jpeg_with_tables_and_other_colours(tmp_path, mode, compression):
    grid = np.indices((64, 80))
    pixels = np.stack([grid[0] * 3, grid[1] * 3, grid.sum(0)], axis=-1).astype(np.uint8)
    Image.fromarray(pixels).convert(mode).save(tmp_path / "a.tif", compression=compression)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        tables = tiff.pages[0].jpegtables
    assert (tables is not None) == (compression == "jpeg")
    volume = read(tmp_path / "a.tif")
    expected = np.array(Image.open(tmp_path / "a.tif").convert("L" if mode == "L" else "RGB"))
    assert volume.shape == expected.shape
    assert np.abs(volume.data.astype(int) - expected).max() <= 2
    np.testing.assert_array_equal(read(tmp_path / "a.tif", region=((33, 1), (64, 50))).data, volume.data[33:64, 1:50])


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt", None])
@pytest.mark.parametrize("white", [0, 1])
def test_bits_whatever_the_fax_code(tmp_path, compression, white):
    bits = distinct((24, 40), bool)
    if compression is None:
        photometric = "miniswhite" if white == 0 else "minisblack"
        tifffile.imwrite(tmp_path / "a.tif", bits, photometric=photometric, metadata=None)
    else:
        Image.fromarray(bits).save(tmp_path / "a.tif", compression=compression, tiffinfo={262: white})
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        inverted = int(tiff.pages[0].photometric) == 0
    labels = read(tmp_path / "a.tif", kind="labels")
    picture = read(tmp_path / "a.tif")
    assert set(np.unique(picture.data)) == {0, 255}
    np.testing.assert_array_equal(labels.data * 255, picture.data)
    if compression is None:
        np.testing.assert_array_equal(labels.data, bits)
    assert any("MINISWHITE" in note for note in picture.notes) == inverted


def test_white_is_0_keeps_the_values(tmp_path):
    pixels = distinct((5, 6), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="miniswhite", metadata=None)
    volume = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.data, pixels)
    assert "high values are meant to look dark" in volume.notes[0]
    assert volume.inverted
    assert not read(write(Volume(pixels), tmp_path / "b.tif")).inverted


def palette(entries):
    table = np.zeros((3, 256), np.uint16)
    table[:, : len(entries)] = np.array(entries).T * 257
    return table


def test_palettes(tmp_path):
    indices = (distinct((5, 6), np.uint8) % 3).astype(np.uint8)
    colours = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 7]], np.uint8)
    greys = np.array([[0] * 3, [9] * 3, [255] * 3], np.uint8)
    for table, expected in ((colours, colours[indices]), (greys, greys[indices][..., 0])):
        for compression in (None, "lzw"):
            tifffile.imwrite(
                tmp_path / "a.tif", indices, photometric="palette", colormap=palette(table), compression=compression
            )
            volume = read(tmp_path / "a.tif")
            np.testing.assert_array_equal(volume.data, expected)
            assert volume.shape == expected.shape
            assert "palette" in volume.notes[0]
            labels = read(tmp_path / "a.tif", kind="labels")
            assert (labels.kind, labels.shape) == ("labels", (5, 6))
            np.testing.assert_array_equal(labels.data, indices)


def test_a_table_for_display_leaves_the_values(tmp_path):
    values = distinct((5, 6), np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif", values, imagej=True, colormap=palette(np.arange(768).reshape(256, 3) % 256),
        photometric="palette",
    )  # fmt: skip
    volume = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.data, values)
    assert any("display" in note for note in volume.notes)


def test_inks_become_colours(tmp_path):
    inks = distinct((5, 6, 4), np.uint8)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated", metadata=None)
    expected = np.array(Image.fromarray(inks, "CMYK").convert("RGB"))
    volume = read(tmp_path / "a.tif")
    assert np.abs(volume.data.astype(int) - expected).max() <= 1
    assert volume.channels == ("red", "green", "blue")
    assert "CMYK" in volume.notes[0]


def packed(path, values, bits):
    """Write an uncompressed TIFF of one strip with `bits` for each sample, the rows filled up to whole bytes."""
    rows, columns = values.shape
    digits = (values[..., np.newaxis].astype(np.uint16) >> np.arange(bits - 1, -1, -1)) & 1
    content = np.packbits(digits.reshape(rows, -1).astype(np.uint8), axis=1).tobytes()
    tags = [(256, columns), (257, rows), (258, bits), (259, 1), (262, 1), (273, 8), (277, 1), (278, rows)]
    tags.append((279, len(content)))
    directory = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in tags)
    head = b"II*\0" + struct.pack("<I", 8 + len(content))
    path.write_bytes(head + content + directory + bytes(4))


@pytest.mark.parametrize(("bits", "dtype"), [(12, "uint16"), (10, "uint16"), (4, "uint8"), (2, "uint8")])
def test_few_bits_are_numbers_as_stored(tmp_path, bits, dtype):
    values = (distinct((6, 9), np.uint16) * 37 % 2**bits).astype(dtype)
    packed(tmp_path / "a.tif", values, bits)
    volume = read(tmp_path / "a.tif")
    assert volume.dtype == dtype
    np.testing.assert_array_equal(volume.data, values)
    np.testing.assert_array_equal(read(tmp_path / "a.tif", region=((2, 3), (5, 9))).data, values[2:5, 3:9])


def test_complex_values_are_refused_in_words(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.ones((5, 6), np.complex64))
    with pytest.raises(FileError, match=r"holds complex values.*[Ss]ave the magnitude"):
        read(tmp_path / "a.tif")


def test_pages_are_the_third_axis(tmp_path):
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
        np.testing.assert_array_equal(read(tmp_path / "a.tif", region=((1, 2), (4, 7))).data, volume.data[1:4, 2:7])


def test_pictures_of_different_size_are_no_stack(tmp_path):
    first, second = distinct((20, 30), np.uint8), distinct((11, 7), np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(first, metadata=None)
        tiff.write(second, metadata=None)
        tiff.write(second[::-1], metadata=None)
    volume = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(volume.data, first)
    assert "other pictures of the file were not read (1)" in volume.notes[0]
    other = read(tmp_path / "a.tif", image=1)
    np.testing.assert_array_equal(other.data, np.stack([second, second[::-1]], axis=-1))
    with pytest.raises(InputError, match="Unknown image of this file '7'"):
        read(tmp_path / "a.tif", image=7)


def test_a_compression_without_decoder_is_said(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", distinct((16, 16), np.uint8), compression="lzw", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+b") as tiff:
        tiff.pages[0].tags[259].overwrite(34661)  # JBIG
    with pytest.raises(FileError, match="no decoder here"):
        read(tmp_path / "a.tif").load()


def test_what_only_slides_are_is_read_only(tmp_path):
    with pytest.raises(InputError, match=r"\.svs files are read only. Write a.tif"):
        write(Volume(np.zeros((4, 5), np.uint8)), tmp_path / "a.svs")


def test_the_memory_of_a_region_is_what_counts(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9000, 9000), np.uint8), tile=(256, 256), compression="zlib")
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 1e6}))
    with pytest.raises(FileError, match=r"memory are free. Read a coarser level with level=, or a part with region="):
        read(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif", region=((8990, 0), (9000, 20))).data.shape == (10, 20)


def test_one_tile_of_a_damaged_file_is_no_crash(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", distinct((64, 64), np.uint8), tile=(16, 16), compression="zlib", metadata=None)
    with tifffile.TiffFile(tmp_path / "a.tif") as tiff:
        offset = tiff.pages[0].dataoffsets[5]
    raw = bytearray((tmp_path / "a.tif").read_bytes())
    raw[offset : offset + 4] = struct.pack("<I", 0)
    (tmp_path / "a.tif").write_bytes(raw)
    assert read(tmp_path / "a.tif", region=((0, 0), (16, 64))).data.shape == (16, 64)
    with pytest.raises(FileError, match="damaged"):
        read(tmp_path / "a.tif", region=((16, 16), (32, 32))).load()


def test_labels_saved_as_greys_in_colour_have_one_channel(tmp_path):
    values = distinct((5, 6), np.uint8) // 2
    for name, colours, one in (("a", [values] * 3, True), ("b", [values, values[::-1], values], False)):
        tifffile.imwrite(tmp_path / f"{name}.tif", np.stack(colours, axis=-1), photometric="rgb")
        labels = read(tmp_path / f"{name}.tif", kind="labels")
        assert labels.axes == (("i", "j") if one else ("i", "j", "c"))
        np.testing.assert_array_equal(labels.data, values if one else np.stack(colours, axis=-1))
        assert ("one of them was taken" if one else "are colours") in labels.notes[0]


@pytest.mark.parametrize(("code", "ycbcr"), [(33003, True), (33005, False), (34712, False)])
def test_jpeg_2000_of_slides(tmp_path, code, ycbcr):
    grid = np.indices((64, 80))
    pixels = np.stack([grid[0] * 3, grid[1] * 3, grid.sum(0)], axis=-1).astype(np.uint8)
    stored = np.array(Image.fromarray(pixels).convert("YCbCr")) if ycbcr else pixels
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", compression=code, tile=(32, 32), metadata=None)
    volume = read(tmp_path / "a.tif")
    assert np.abs(volume.data.astype(int) - pixels).max() <= 3
    np.testing.assert_array_equal(read(tmp_path / "a.tif", region=((5, 6), (60, 70))).data, volume.data[5:60, 6:70])
