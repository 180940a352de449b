from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.io import read, write
from workbench.testing.files import distinct
from workbench.testing.formats import FormatContract


class TestPng(FormatContract):
    suffixes = (".png",)
    dtypes = ("uint8", "uint16")
    shape = (40, 50)
    keeps_affine = False
    keeps_channels = False

    def volume(self, dtype="uint8", affine=None, **meaning):
        return super().volume(dtype, affine, **meaning)

    def unplaced(self, folder, sized):
        if sized:
            return None
        return save(np.zeros((4, 5), np.uint8), folder / f"unplaced{self.suffixes[0]}")


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


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_turned_upright(tmp_path, value, suffix, mode):
    pixels = np.add.outer(np.arange(40) * 3, np.arange(60)).astype(np.uint8)
    image = Image.fromarray(pixels).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = value
    image.save(tmp_path / f"a.{suffix}", exif=exif, quality=95, lossless=True)
    expected = np.array(ImageOps.exif_transpose(Image.open(tmp_path / f"a.{suffix}")).convert("RGB"))
    volume = read(tmp_path / f"a.{suffix}")
    assert not volume.is_loaded
    assert volume.spatial_shape == expected.shape[:2] == ((60, 40) if value > 4 else (40, 60))
    np.testing.assert_array_equal(
        volume.data if volume.num_channels == 3 else volume.data[..., None] + [0] * 3, expected
    )
    assert any("upright" in note for note in volume.notes) == (value != 1)


@pytest.mark.parametrize("packed", [False, True])
def test_an_orientation_in_the_text_of_a_png(tmp_path, packed):
    exif = Image.Exif()
    exif[0x0112] = 6
    content = exif.tobytes()
    info = PngInfo()
    lines = f"\nexif\n{len(content):8}\n{content.hex()}\n"
    info.add_text("Raw profile type exif", lines, zip=packed)
    Image.fromarray(distinct((4, 6), np.uint8)).save(tmp_path / "a.png", pnginfo=info)
    assert read(tmp_path / "a.png").shape == (6, 4)


def test_a_turned_picture_of_ours_keeps_its_place_in_mm(tmp_path, affine):
    volume = Volume(distinct((4, 6), np.uint8), affine)
    image = Image.open(write(volume, tmp_path / "a.png"))
    info = PngInfo()
    info.add_itxt("medical-workbench", image.info["medical-workbench"])
    exif = Image.Exif()
    for value in range(1, 9):
        exif[0x0112] = value
        image.save(tmp_path / "b.png", pnginfo=info, exif=exif)
        again = read(tmp_path / "b.png")
        for place in np.ndindex(again.shape):
            stored = np.rint(volume.to_voxel(again.to_world(place))).astype(int)
            assert volume.data[tuple(stored)] == again.data[place]


INDICES = np.array([[0, 1, 2, 1], [2, 2, 0, 1], [1, 0, 0, 2]], np.uint8)
COLOURS = [0, 0, 0, 128, 0, 0, 0, 128, 7]


@pytest.mark.parametrize("suffix", ["png", "gif", "bmp", "tif"])
@pytest.mark.parametrize("table", [COLOURS, [0, 0, 0, 100, 100, 100, 255, 255, 255]])
def test_a_palette_is_colours_or_indices(tmp_path, suffix, table):
    image = Image.fromarray(INDICES, mode="P")
    image.putpalette(table + [0] * (768 - len(table)))
    image.save(tmp_path / f"a.{suffix}")
    labels = read(tmp_path / f"a.{suffix}", kind="labels")
    assert (labels.kind, labels.axes) == ("labels", ("i", "j"))
    np.testing.assert_array_equal(labels.data, INDICES)
    picture = read(tmp_path / f"a.{suffix}")
    expected = np.array(table, np.uint8).reshape(-1, 3)[INDICES]
    grey = table is not COLOURS
    assert picture.channels == (() if grey else ("red", "green", "blue"))
    np.testing.assert_array_equal(picture.data, expected[..., 0] if grey else expected)


def test_a_palette_with_transparent_colours(tmp_path):
    image = Image.fromarray(INDICES, mode="P")
    image.putpalette(COLOURS)
    image.save(tmp_path / "a.png", transparency=bytes([0, 255, 100]))
    picture = read(tmp_path / "a.png")
    assert picture.channels[-1] == "alpha"
    np.testing.assert_array_equal(picture.data, np.array(Image.open(tmp_path / "a.png").convert("RGBA")))
    np.testing.assert_array_equal(read(tmp_path / "a.png", kind="labels").data, INDICES)


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tif"])
def test_bits_are_0_and_1_as_labels(tmp_path, suffix):
    bits = INDICES > 0
    Image.fromarray(bits).save(tmp_path / f"a.{suffix}")
    np.testing.assert_array_equal(read(tmp_path / f"a.{suffix}").data, bits * 255)
    labels = read(tmp_path / f"a.{suffix}", kind="labels").load()
    if suffix == "gif":  # it has no bits, but greys in a table, in whatever order
        assert set(np.unique(labels.data)) in ({0, 1}, {0, 255})
    else:
        np.testing.assert_array_equal(labels.data, bits)
        assert not labels.notes


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_greys_of_few_bits_are_the_stored_numbers_as_labels(tmp_path, depth):
    values = (np.arange(24).reshape(4, 6) % 2**depth).astype(np.uint8)
    (tmp_path / "a.png").write_bytes(grey_png(values, depth))
    np.testing.assert_array_equal(read(tmp_path / "a.png", kind="labels").data, values)
    np.testing.assert_array_equal(read(tmp_path / "a.png").data, values * (255 // (2**depth - 1)))


def grey_png(values, depth):
    """Write a PNG by hand, because Pillow writes greys of 1, 8 and 16 bits only."""

    def chunk(name, content):
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    digits = (values[..., np.newaxis] >> np.arange(depth - 1, -1, -1)) & 1
    rows = np.packbits(digits.reshape(len(values), -1), axis=1)
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], depth, 0, 0, 0, 0)
    lines = b"".join(b"\0" + row.tobytes() for row in rows)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_png_of_16_bits_keeps_them(tmp_path, channels):
    import imagecodecs

    values = (distinct((5, 6, channels), np.uint16) * 257 + 3).astype(np.uint16)
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(values[..., 0] if channels == 1 else values))
    volume = read(tmp_path / "a.png")
    assert volume.dtype == np.uint16
    np.testing.assert_array_equal(volume.data, values[..., 0] if channels == 1 else values)
    assert not volume.notes


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_labels_saved_as_greys_in_colour_have_one_channel(tmp_path, mode):
    values = (INDICES * 100).astype(np.uint8)
    Image.fromarray(values).convert(mode).save(tmp_path / "a.png")
    labels = read(tmp_path / "a.png", kind="labels")
    np.testing.assert_array_equal(labels.data, values)
    assert "one of them was taken" in labels.notes[0]
    colours = np.stack([values, values[::-1], values], axis=-1)
    Image.fromarray(colours).save(tmp_path / "b.png")
    labels = read(tmp_path / "b.png", kind="labels")
    assert labels.shape == (3, 4, 3)
    assert "are colours; save them as the numbers" in labels.notes[0]


@pytest.mark.parametrize("suffix", ["gif", "png", "webp"])
def test_of_several_frames_the_first_is_read_and_noted(tmp_path, suffix):
    frames = [Image.fromarray(np.full((5, 6), 60 * n, np.uint8)) for n in range(1, 4)]
    frames[0].save(tmp_path / f"a.{suffix}", save_all=True, append_images=frames[1:], lossless=True)
    volume = read(tmp_path / f"a.{suffix}")
    assert (volume.data == 60).all()
    assert "the first of 3 frames was read" in volume.notes


@pytest.mark.parametrize("suffix", ["bmp", "gif", "webp"])
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
def test_formats_that_are_read_only(tmp_path, suffix, mode):
    pixels = distinct((40, 50, 4), np.uint8)[..., : len(mode)]
    image = Image.fromarray(pixels[..., 0] if mode == "L" else pixels)
    path = tmp_path / f"a.{suffix}"
    image.save(path, lossless=True)
    volume = read(path)
    stored = Image.open(path)
    expected = np.array(stored.convert({1: "L", 3: "RGB", 4: "RGBA"}[volume.num_channels]))
    np.testing.assert_array_equal(volume.data, expected)
    assert volume.orientation == "PL"
    whole = path.read_bytes()
    for keep in (len(whole) // 2, len(whole) - 9):
        path.write_bytes(whole[:keep])
        with pytest.raises(FileError):
            read(path)
    with pytest.raises(InputError, match=rf"\.{suffix} files are read only. Write a.png"):
        write(volume, path)


def test_inks_become_colours(tmp_path):
    inks = np.add.outer(np.arange(40), np.arange(50))[..., None] + np.array([0, 40, 80, 10])
    Image.fromarray(inks.astype(np.uint8), "CMYK").save(tmp_path / "a.jpg", quality=95)
    volume = read(tmp_path / "a.jpg")
    np.testing.assert_array_equal(volume.data, np.array(Image.open(tmp_path / "a.jpg").convert("RGB")))
    assert "CMYK was turned into red, green and blue" in volume.notes


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "LA"])
def test_a_mask_to_be_looked_at_is_offered_its_mapping_in_every_mode(tmp_path, mode):
    mask = np.array([[0, 255, 0], [255, 255, 0]], np.uint8)
    Image.fromarray(mask).convert(mode).save(tmp_path / "a.png")
    volume = read(tmp_path / "a.png", kind="labels").load()
    assert any("label_values={0: 0, 255: 1}" in note for note in volume.notes)
    mapped = read(tmp_path / "a.png", kind="labels", label_values={0: 0, 255: 1})
    assert mapped.space == volume.space
    np.testing.assert_array_equal(mapped.data, mask // 255)
    assert not any("label_values" in note for note in mapped.notes)


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".bmp"])
@pytest.mark.parametrize(
    ("dpi", "noted"), [((72, 72), False), ((300, 300), False), ((254, 127), True), ((254, 254), True)]
)
def test_dots_per_inch_are_noted_where_they_are_unusual(tmp_path, suffix, dpi, noted):
    Image.fromarray(np.zeros((8, 9), np.uint8)).save(tmp_path / f"a{suffix}", dpi=dpi)
    volume = read(tmp_path / f"a{suffix}")
    assert volume.space == "pixels"
    words = f"({25.4 / dpi[1]:.4g} x {25.4 / dpi[0]:.4g} mm for a pixel) was not used"
    assert [words in note for note in volume.notes] == [True] * noted
