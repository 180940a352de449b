from __future__ import annotations

import numpy as np
import pytest
import tifffile
from PIL import Image

from workbench import io
from workbench.errors import FileError, InputError
from workbench.io import _pyramid, _tiff_pixels, read

MICRONS = 0.25
SHAPE = (528, 400)


@pytest.fixture(scope="module")
def slide():
    """A picture with a bright square of 16 x 16 pixels, whose centre every level must show at the same millimetre."""
    grid = np.indices(SHAPE)
    picture = np.stack([grid[0] % 200, grid[1] % 200, grid.sum(0) % 200], axis=-1).astype(np.uint8)
    picture[160:176, 320:336] = 255
    return picture


def reduced(picture, factor):
    rows, columns = (n // factor for n in picture.shape[:2])
    blocks = picture[: rows * factor, : columns * factor].reshape(rows, factor, columns, factor, -1)
    return blocks.mean(axis=(1, 3)).round().astype(np.uint8)


def write_ome(path, picture, **options):
    metadata = {
        "axes": "YXS", "PhysicalSizeX": MICRONS, "PhysicalSizeXUnit": "µm", "PhysicalSizeY": 2 * MICRONS,
        "PhysicalSizeYUnit": "µm",
    }  # fmt: skip
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        tiff.write(picture, subifds=2, metadata=metadata, **options)
        for factor in (2, 4):
            tiff.write(reduced(picture, factor), subfiletype=1, **options)


def write_svs(path, picture, **options):
    about = f"Aperio Image Library v11\n400x528 (64x64) JPEG/RGB Q=90|AppMag = 40|MPP = {MICRONS}|Patient = Doe"
    with tifffile.TiffWriter(path) as tiff:
        tiff.write(picture, description=about, metadata=None, **options)
        tiff.write(picture[::10, ::10].copy(), description="Aperio \nthumbnail", metadata=None, photometric="rgb")
        for factor in (2, 4):
            tiff.write(reduced(picture, factor), description="Aperio \nlevel", metadata=None, **options)
        label = np.full((30, 40, 3), 7, np.uint8)
        tiff.write(label, description="Aperio \nlabel 40x30", subfiletype=1, metadata=None, photometric="rgb")
        tiff.write(label + 1, description="Aperio \nmacro 40x30", subfiletype=9, metadata=None, photometric="rgb")


def write_flagged(path, picture, **options):
    with tifffile.TiffWriter(path) as tiff:
        per_cm = 1e4 / MICRONS
        for factor in (1, 2, 4):
            level = picture if factor == 1 else reduced(picture, factor)
            options |= {"resolution": (per_cm / factor, per_cm / factor / 2), "resolutionunit": "centimeter"}
            tiff.write(
                level,
                subfiletype=int(factor > 1),
                metadata=None,
                **options,
            )


WRITERS = {"ome.tif": write_ome, "svs": write_svs, "tif": write_flagged}


@pytest.fixture(params=["ome.tif", "svs", "tif"])
def path(request, tmp_path, slide):
    where = tmp_path / f"slide.{request.param}"
    WRITERS[request.param](where, slide, tile=(64, 64), photometric="rgb", compression="lzw")
    return where


def test_a_pyramid_is_never_a_stack(path, slide):
    volume = read(path)
    assert volume.axes == ("i", "j", "c")
    np.testing.assert_array_equal(volume.data, slide)
    assert "level 0 of 0 to 2" in " ".join(volume.notes)
    for number, factor in ((1, 2), (2, 4)):
        np.testing.assert_array_equal(read(path, level=number).data, reduced(slide, factor))


def test_what_there_is_can_be_seen(path):
    levels = io.levels(path)
    assert [level.shape for level in levels] == [(528, 400), (264, 200), (132, 100)]
    assert [level.downsample for level in levels] == [(1, 1), (2, 2), (4, 4)]
    tall = 1 if path.suffix == ".svs" else 2
    for level, factor in zip(levels, (1, 2, 4), strict=True):
        np.testing.assert_allclose(level.spacing, (tall * MICRONS * factor * 1e-3, MICRONS * factor * 1e-3), rtol=1e-6)
    assert levels.images == (("thumbnail", "label", "macro") if path.suffix == ".svs" else ())
    assert "528 x 400" in repr(levels)
    assert ("patient's name" in repr(levels)) == (path.suffix == ".svs")


def test_a_marker_is_at_one_place_in_mm_in_every_level(path):
    places = []
    for number in range(3):
        volume = read(path, level=number)
        bright = np.argwhere((volume.data == 255).all(axis=-1))
        places.append(volume.to_world(bright.mean(axis=0)))
    tall = 1 if path.suffix == ".svs" else 2
    expected = [-(320 + 7.5) * MICRONS * 1e-3, -(160 + 7.5) * tall * MICRONS * 1e-3, 0]
    np.testing.assert_allclose(places, [expected] * 3, atol=1e-9)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_a_region_is_what_crop_gives(path, level):
    whole = read(path, level=level)
    start, stop = (33, 10), (120, 97)
    part, expected = read(path, level=level, region=(start, stop)), whole.crop(start, stop)
    assert not part.is_loaded
    np.testing.assert_array_equal(part.data, expected.data)
    np.testing.assert_allclose(part.affine, expected.affine, atol=1e-12)
    assert part.channels == ("red", "green", "blue")


@pytest.mark.parametrize(
    ("region", "tiles"),
    [(((0, 0), (64, 64)), 1), (((63, 63), (65, 65)), 4), (((100, 0), (101, 400)), 7), (((520, 390), (528, 400)), 1)],
)
@pytest.mark.parametrize("compression", ["lzw", "jpeg", "zlib"])
def test_only_the_tiles_of_the_region_are_decoded(tmp_path, slide, monkeypatch, region, tiles, compression):
    write_ome(tmp_path / "a.ome.tif", slide, tile=(64, 64), photometric="rgb", compression=compression)
    decoded = []
    segment = _tiff_pixels._segment
    monkeypatch.setattr(_tiff_pixels, "_segment", lambda *given: decoded.append(given[2]) or segment(*given))
    volume = read(tmp_path / "a.ome.tif", region=region)
    assert not decoded
    volume.load()
    assert len(decoded) == len(set(decoded)) == tiles


def test_label_and_macro_are_read_only_when_asked_for(tmp_path, slide, monkeypatch):
    write_svs(tmp_path / "a.svs", slide, tile=(64, 64), photometric="rgb", compression="jpeg")
    read_pages = []
    pixels = _tiff_pixels.read
    monkeypatch.setattr(_tiff_pixels, "read", lambda *given: read_pages.append(given[1].name) or pixels(*given))
    volume = read(tmp_path / "a.svs").load()
    assert read_pages == ["Baseline"]
    assert "not read (thumbnail, label, macro)" in " ".join(volume.notes)
    label, macro = read(tmp_path / "a.svs", image="label"), read(tmp_path / "a.svs", image="Macro")
    assert (int(label.data.max()), int(macro.data.max())) == (7, 8)
    assert "may show a patient's name" in label.notes[0]
    assert label.spacing == (1, 1)
    with pytest.raises(InputError, match=r"'lable'. Did you mean 'label'"):
        read(tmp_path / "a.svs", image="lable")
    assert "Doe" not in repr([volume, volume.notes, io.levels(tmp_path / "a.svs")])


@pytest.mark.parametrize("compression", ["jpeg", "tiff_lzw", "tiff_deflate", None])
def test_pages_of_half_the_size_are_levels_in_any_order(tmp_path, slide, compression):
    pages = [Image.fromarray(page) for page in (slide, reduced(slide, 4), reduced(slide, 2))]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression=compression)
    assert [level.shape for level in io.levels(tmp_path / "a.tif")] == [(528, 400), (264, 200), (132, 100)]
    assert read(tmp_path / "a.tif").shape == slide.shape
    assert read(tmp_path / "a.tif", level=2).data.shape == (132, 100, 3)


def test_the_default_level_fits_a_screen(tmp_path):
    levels = _pyramid.make([(40_000, 30_000), (20_000, 15_000), (4096, 3000), (100, 75)], None)
    assert _pyramid.default(levels) == 2
    assert _pyramid.default(_pyramid.make([(40_000, 30_000), (20_000, 15_000)], None)) == 1
    assert _pyramid.default(_pyramid.make([(40_000, 30_000)], None)) == 0
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        options = {"tile": (256, 256), "compression": "zlib", "metadata": None}
        tiff.write(np.zeros((5000, 64), np.uint8), **options)
        tiff.write(np.ones((2500, 32), np.uint8), subfiletype=1, **options)
    volume = read(tmp_path / "a.tif")
    assert (volume.shape, int(volume.data.min())) == ((2500, 32), 1)
    assert volume.spacing == (2, 2)
    assert "level 1 of 0 to 1, reduced 2 times" in volume.notes[0]


@pytest.mark.parametrize(
    ("shapes", "factors"),
    [
        ([(2967, 2220), (741, 555)], (4, 4)),  # rounded down
        ([(2967, 2220), (742, 555)], (4, 4)),  # rounded up
        ([(1000, 900), (450, 405)], (1000 / 450, 900 / 405)),
    ],
)
def test_rounded_lengths_are_no_other_factor(shapes, factors):
    np.testing.assert_allclose(_pyramid.make(shapes, None)[1].downsample, factors)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"level": 3}, "levels 0 to 2, got level=3"),
        ({"level": -1}, "levels 0 to 2"),
        ({"level": "coarse"}, "got level='coarse'"),
        ({"region": ((0, 0), (529, 10))}, r"level 0 has 528 rows and 400 columns, got \(\(0, 0\), \(529, 10\)\)"),
        ({"region": ((10, 10), (10, 20))}, "start and a stop"),
        ({"region": ((0.5, 0), (10, 20))}, "whole pixels"),
        ({"region": (0, 10)}, "start and a stop"),
        ({"level": 2, "region": ((0, 0), (132, 101))}, "level 2 has 132 rows and 100 columns"),
        ({"levl": 2}, "Did you mean 'level'"),
    ],
)
def test_levels_and_regions_that_are_none(tmp_path, slide, options, words):
    write_ome(tmp_path / "a.ome.tif", slide, tile=(64, 64), photometric="rgb")
    with pytest.raises(InputError, match=words):
        read(tmp_path / "a.ome.tif", **options)


def test_a_pyramid_that_is_cut_short_is_told_when_opened(path):
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(FileError):
        read(path)


def write_qptiff(path, picture, **options):
    tag = "PerkinElmer-QPI-ImageDescription"
    text = f'<?xml version="1.0"?><{tag}><ImageType>FullResolution</ImageType></{tag}>'
    tifffile.imwrite(path, picture, description=text, software="PerkinElmer-QPI",
                     resolution=(1e4 / MICRONS, 1e4 / MICRONS / 2), resolutionunit="centimeter", **options)  # fmt: skip


def write_scn(path, picture, **options):
    rows, columns = picture.shape[:2]
    nm = 1e3 * MICRONS
    text = (
        '<scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01"><collection name="x"><image name="doe">'
        f'<pixels sizeX="{columns}" sizeY="{rows}"><dimension sizeX="{columns}" sizeY="{rows}" r="0" ifd="0"/></pixels>'
        f'<view sizeX="{columns * nm}" sizeY="{rows * nm * 2}" offsetX="0" offsetY="0"/></image></collection></scn>'
    )
    tifffile.imwrite(path, picture, description=text, **options)


def write_philips(path, picture, **options):
    mm = MICRONS * 1e-3
    text = (
        '<?xml version="1.0"?><DataObject ObjectType="DPUfsImport"><Attribute Name="DICOM_PIXEL_SPACING" Group="28">'
        f"&quot;{2 * mm}&quot; &quot;{mm}&quot;</Attribute></DataObject>"
    )
    tifffile.imwrite(path, picture, description=text, software="Philips DP v1.0", **options)


def write_bif(path, picture, **options):
    xmp = f'<?xml version="1.0"?><EncodeInfo><iScan Magnification="20" ScanRes="{MICRONS}"/></EncodeInfo>'.encode()
    tag = [(700, "B", len(xmp), xmp, False)]
    with tifffile.TiffWriter(path, bigtiff=True) as tiff:
        tiff.write(picture[:20, :30], description="Label_Image", software="ScanOutputManager 1", extratags=tag,
                   metadata=None, photometric="rgb")  # fmt: skip
        tiff.write(picture, description="level=0 mag=20 quality=90", extratags=tag, **options)
        tiff.write(reduced(picture, 2), description="level=1 mag=10", **options)


@pytest.mark.parametrize(
    ("name", "writer", "tall", "images"),
    [
        ("a.qptiff", write_qptiff, 2, ()),
        ("a.scn", write_scn, 2, ()),
        ("a.tif", write_philips, 2, ()),
        ("a.bif", write_bif, 1, ("label",)),
    ],
)
def test_what_scanners_say_of_their_pixels(tmp_path, slide, name, writer, tall, images):
    writer(tmp_path / name, slide, tile=(64, 64), photometric="rgb", compression="jpeg", metadata=None)
    levels = io.levels(tmp_path / name)
    np.testing.assert_allclose(levels[0].spacing, (tall * MICRONS * 1e-3, MICRONS * 1e-3))
    assert levels.images == images
    volume = read(tmp_path / name)
    np.testing.assert_allclose(volume.spacing, levels[0].spacing)
    assert volume.shape == slide.shape
    assert "doe" not in repr([volume, volume.notes, levels])
    assert any("overlap" in note for note in volume.notes) == (name == "a.bif")


def test_a_real_slide(workbench_data):
    path = workbench_data / "wsi" / "cmu_small_region.svs"
    levels = io.levels(path)
    assert [level.shape for level in levels] == [(2967, 2220)]
    np.testing.assert_allclose(levels[0].spacing, (0.499e-3, 0.499e-3))
    assert levels.images == ("thumbnail", "label", "macro")
    volume = read(path)
    assert (volume.shape, volume.channels) == ((2967, 2220, 3), ("red", "green", "blue"))
    # the whole, a region, and another decoder (that rounds the cosines otherwise) see the same tissue
    part = read(path, region=((1000, 500), (1300, 900)))
    np.testing.assert_array_equal(part.data, volume.data[1000:1300, 500:900])
    np.testing.assert_array_equal(part.to_world((0, 0)), volume.to_world((1000, 500)))
    pillow = np.array(Image.open(path))
    assert np.abs(volume.data.astype(int) - pillow).mean() < 0.5
    assert read(path, image="label").shape == (463, 387, 3)


@pytest.mark.parametrize("names", [("label image", "slide"), ("slide", "Label"), ("macro_1", "Thumbnail", "slide")])
def test_a_label_is_not_read_wherever_it_stands(tmp_path, names):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        for name in names:
            shape = (60, 80, 3) if name == "slide" else (10, 12, 3)
            tiff.write(np.full(shape, len(name), np.uint8), metadata={"axes": "YXS", "Name": name}, photometric="rgb")
    volume = read(tmp_path / "a.ome.tif")
    assert volume.shape == (60, 80, 3)
    assert "were not read" in volume.notes[0]
    word = next(word for word in ("label", "macro") if any(word in name.lower() for name in names))
    assert read(tmp_path / "a.ome.tif", image=word).shape == (10, 12, 3)
