"""How files end: called cut short where voxels are missing, and read where nothing but their end is odd."""

from __future__ import annotations

import bz2
import gzip
import warnings
import zlib
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from nibabel.testing import data_path
from PIL import Image

from workbench import Volume
from workbench.errors import FileError
from workbench.io import Doubt, GeometryWarning, read, write
from workbench.testing.files import distinct

VOXELS = distinct((6, 7, 8), np.int16)
BYTES = VOXELS.tobytes(order="F")
NRRD = "NRRD0004\ntype: short\ndimension: 3\nsizes: 6 7 8\nendian: little\nencoding: {}\n\n"
META = """ObjectType = Image
NDims = 3
CompressedData = {}
DimSize = 6 7 8
ElementType = MET_SHORT
ElementDataFile = LOCAL
"""


def nifti(folder, pack=bytes, suffix="", more=b""):
    raw = write(Volume(VOXELS), folder / "whole.nii").read_bytes()
    return folder / f"a.nii{suffix}", pack(raw + more)


def nrrd(folder, pack=bytes, encoding="raw", more=b""):
    return folder / "a.nrrd", NRRD.format(encoding).encode() + pack(BYTES + more)


def meta(folder, pack=bytes, compressed=False, more=b""):
    return folder / "a.mha", META.format(compressed).encode() + pack(BYTES + more)


PACKED = {
    "nii.gz": (nifti, gzip.compress, ".gz", (1, 4, 8)),
    "nii.bz2": (nifti, bz2.compress, ".bz2", (1, 4)),
    "nrrd gzip": (nrrd, gzip.compress, "gzip", (1, 4, 8)),
    "nrrd bzip2": (nrrd, bz2.compress, "bzip2", (1, 4)),
    "mha": (meta, zlib.compress, True, (1, 4)),
}


@pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")
@pytest.mark.parametrize("kind", PACKED)
def test_without_the_end_mark_all_voxels_are_read(tmp_path, kind):
    make, pack, how, cuts = PACKED[kind]
    path, content = make(tmp_path, pack, how)
    for cut in cuts:
        path.write_bytes(content[:-cut])
        volume = read(path)
        np.testing.assert_array_equal(volume.data, VOXELS)
        if kind != "mha":
            assert isinstance(next(note for note in volume.notes if "breaks off behind the last voxel" in note), Doubt)
        if kind == "nii.gz":
            np.testing.assert_array_equal(nib.load(path).dataobj, VOXELS)
    path.write_bytes(content[: -len(pack(b"")) - 60])
    with pytest.raises(FileError):
        read(path).load()


@pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")
@pytest.mark.parametrize("kind", ["nii.gz", "nrrd gzip", "mha"])
def test_a_wrong_checksum_is_a_doubt(tmp_path, kind):
    """The values may be right, and other readers show them without a word."""
    make, pack, how, _ = PACKED[kind]
    path, content = make(tmp_path, pack, how)
    places = (-6, -2) if pack is gzip.compress else (-2,)
    for place in places:
        path.write_bytes(content[:place] + bytes([content[place] ^ 255]) + content[place + 1 :])
        volume = read(path)
        np.testing.assert_array_equal(volume.data, VOXELS)
        if kind == "nii.gz":
            np.testing.assert_array_equal(nib.load(path).dataobj, VOXELS)
        with pytest.warns(GeometryWarning, match="checksum of the compressed data is not that of what it holds"):
            read(path).load()  # the voxels of most are read when they are asked for
    path.write_bytes(content)
    with warnings.catch_warnings(action="error"):
        read(path).load()


@pytest.mark.parametrize("kind", PACKED)
def test_what_follows_packed_voxels_is_left_alone(tmp_path, kind):
    make, pack, how, _ = PACKED[kind]
    path, content = make(tmp_path, pack, how, more=b"more" * 30)
    path.write_bytes(content)
    volume = read(path)
    if kind == "mha":
        with pytest.warns(GeometryWarning, match=r"a\.mha: bytes behind the voxels .* were left alone"):
            volume.load()
    else:
        assert "bytes behind the voxels that the header speaks of were left alone" in volume.notes
    np.testing.assert_array_equal(volume.data, VOXELS)


@pytest.mark.parametrize("make", [nifti, nrrd, meta])
def test_what_follows_raw_voxels_is_left_alone(tmp_path, make):
    path, content = make(tmp_path, more=b"more" * 30)
    path.write_bytes(content)
    volume = read(path)
    assert "120 bytes behind the voxels that the header speaks of were left alone" in volume.notes
    np.testing.assert_array_equal(volume.data, VOXELS)
    path, content = make(tmp_path)
    path.write_bytes(content)
    assert not [note for note in read(path).notes if "left alone" in note]


def test_a_png_without_its_last_block(tmp_path):
    pixels = distinct((40, 50), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[:-12])
    np.testing.assert_array_equal(np.array(Image.open(tmp_path / "a.png")), pixels)
    with pytest.warns(GeometryWarning, match=r"no last block \(IEND\)"):
        volume = read(tmp_path / "a.png")
    np.testing.assert_array_equal(volume.data, pixels)
    for keep in (40, len(whole) // 2):
        (tmp_path / "a.png").write_bytes(whole[:keep])
        with pytest.raises(FileError):
            read(tmp_path / "a.png")


def mgz(folder):
    nib.save(nib.MGHImage(VOXELS, np.eye(4, dtype=np.float32)), folder / "whole.mgh")
    return folder / "a.mgz", (folder / "whole.mgh").read_bytes()


def minc(folder):
    return folder / "a.mnc.gz", (Path(str(data_path)) / "tiny.mnc").read_bytes()


def analyze(folder):
    nib.save(nib.AnalyzeImage(VOXELS, np.eye(4)), folder / "a.img")
    raw = (folder / "a.img").read_bytes()
    (folder / "a.img").unlink()
    return folder / "a.img.gz", raw


@pytest.mark.parametrize("make", [mgz, minc, analyze])
@pytest.mark.parametrize("cut", [1, 4, 8])
def test_formats_of_nibabel_without_the_end_mark(tmp_path, make, cut):
    path, raw = make(tmp_path)
    path.write_bytes(gzip.compress(raw))
    expected = read(path).data
    path.write_bytes(gzip.compress(raw)[:-cut])
    with pytest.warns(GeometryWarning, match="breaks off behind the last voxel"):
        volume = read(path).load()
    np.testing.assert_array_equal(volume.data, expected)
    if make is not analyze:
        np.testing.assert_array_equal(nib.load(path).dataobj, expected)
    path.write_bytes(gzip.compress(raw)[:-200])
    with pytest.raises(FileError):
        read(path).load()
