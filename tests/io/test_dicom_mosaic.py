"""Mosaics of slices, as Siemens MR scanners store them: taken apart, or refused in words."""

from __future__ import annotations

import gzip
import struct
import warnings
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from tests.io.make_dicom import dataset, save
from workbench import Volume
from workbench.errors import FileError
from workbench.io import read
from workbench.testing.files import drain

TYPE = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]
ROWS, COLUMNS = 4, 5


def csa(**entries):
    """A private header of the second kind: entries of decimal strings."""
    out = b"SV10\4\3\2\1" + struct.pack("<II", len(entries), 77)
    for name, values in entries.items():
        out += struct.pack("<64si4siii", name.encode(), len(values), b"FD\0\0", 0, len(values), 77)
        for value in values:
            text = f"{value:.8f}".encode() + b"\0"
            out += struct.pack("<4i", len(text), len(text), 77, len(text)) + text + b"\0" * (-len(text) % 4)
    return out


def tiles(count, start=0):
    return np.arange(start, start + count * ROWS * COLUMNS, dtype=np.uint16).reshape(count, ROWS, COLUMNS)


def mosaic(slices, private=True, normal=None, header_count=False, types=TYPE, **fields):
    side = int(np.ceil(np.sqrt(len(slices))))
    wall = np.zeros((side * ROWS, side * COLUMNS), np.uint16)
    for n, tile in enumerate(slices):
        row, column = divmod(n, side)
        wall[row * ROWS : (row + 1) * ROWS, column * COLUMNS : (column + 1) * COLUMNS] = tile
    made = dataset(wall, "MR", position=(-40, -30, 12), ImageType=types, SpacingBetweenSlices=3, **fields)
    if private:
        made.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0A, "US", len(slices))
    entries = {"NumberOfImagesInMosaic": [len(slices)]} if header_count else {}
    if normal is not None:
        entries["SliceNormalVector"] = normal
    if entries:
        made.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", csa(**entries))
    return made


@pytest.mark.parametrize("count", [2, 5, 9])
@pytest.mark.parametrize("source", ["element", "header"])
@pytest.mark.parametrize("side", [1, -1])
def test_slices_lie_where_they_were_taken(tmp_path, count, source, side):
    slices = tiles(count)
    made = mosaic(slices, private=source == "element", header_count=source == "header", normal=[0, 0, side])
    volume = drain(save(made, tmp_path / "a.dcm"))
    assert volume.shape == (COLUMNS, ROWS, count)
    assert not volume.notes
    assert volume.spacing == pytest.approx((0.75, 0.5, 3))
    wide = int(np.ceil(np.sqrt(count)))
    # the file states the corner of a slice of the size of the mosaic, around the same centre
    corner = np.array([-40 + 0.75 * COLUMNS * (wide - 1) / 2, -30 + 0.5 * ROWS * (wide - 1) / 2, 12])
    for n in range(count):
        k = n if side > 0 else count - 1 - n
        np.testing.assert_array_equal(volume.data[:, :, k], slices[n].T)
        place = (corner + np.array([0, 0, 3 * side * n])) * [-1, -1, 1]
        np.testing.assert_allclose(volume.to_world([0, 0, k]), place, atol=1e-6)


def test_mosaics_of_several_moments_are_channels(tmp_path):
    for t in range(3):
        made = mosaic(tiles(5, 1000 * t), normal=[0, 0, 1], AcquisitionNumber=t + 1, number=t + 1)
        save(made, tmp_path / f"{t}.dcm")
    volume = drain(tmp_path)
    assert volume.channels == ("acquisition 1", "acquisition 2", "acquisition 3")
    for t in range(3):
        np.testing.assert_array_equal(volume.data[..., t], tiles(5, 1000 * t).transpose(2, 1, 0))


def test_a_copy_of_a_mosaic_is_left_out(tmp_path):
    made = mosaic(tiles(5), normal=[0, 0, 1])
    for name in "ab":
        save(made, tmp_path / name)
    volume = drain(tmp_path)
    assert volume.shape == (COLUMNS, ROWS, 5)
    assert "1 files are copies" in volume.notes[0]


def test_without_the_private_side_it_is_the_normal_with_a_note(tmp_path):
    volume = drain(save(mosaic(tiles(5)), tmp_path / "a.dcm"))
    np.testing.assert_array_equal(volume.data[:, :, 4], tiles(5)[4].T)
    assert "does not say to which side" in volume.notes[0]


def test_a_mosaic_is_known_by_its_count_alone(tmp_path):
    made = mosaic(tiles(5), normal=[0, 0, 1], types=["ORIGINAL", "PRIMARY"])
    assert drain(save(made, tmp_path / "a.dcm")).shape == (COLUMNS, ROWS, 5)


@pytest.mark.parametrize("spoil", ["no private elements", "header of noise"])
def test_a_wall_of_tiles_is_never_read_as_one_slice(tmp_path, spoil):
    made = mosaic(tiles(5), private=False)
    if spoil == "header of noise":
        made.private_block(0x0029, "SIEMENS CSA HEADER", create=True).add_new(0x10, "OB", b"SV10" + bytes(range(200)))
    with pytest.raises(FileError, match=r"is a mosaic of slices.*missing or empty. Export the series as single slices"):
        read(save(made, tmp_path / "a.dcm"))


def test_a_count_that_does_not_fit_is_refused(tmp_path):
    made = mosaic(tiles(9))
    made.private_block(0x0019, "SIEMENS MR HEADER")[0x0A].value = 40
    with pytest.raises(FileError, match="40 slices, 7 x 7 tiles, into which 12 rows and 15 columns cannot be divided"):
        read(save(made, tmp_path / "a.dcm"))


def test_a_mosaic_of_several_frames_is_refused(tmp_path):
    made = mosaic(tiles(4))
    made.NumberOfFrames, made.PixelData = 2, made.PixelData * 2
    with pytest.raises(FileError, match="a mosaic of slices in each of 2 frames"):
        read(save(made, tmp_path / "a.dcm"))


def test_mosaics_of_another_maker_are_refused(tmp_path):
    made = mosaic(tiles(4), private=False, types=["ORIGINAL", "PRIMARY", "M", "VFRAME"])
    with pytest.raises(FileError, match="VFRAME"):
        read(save(made, tmp_path / "a.dcm"))


def _nibabel_files():
    with warnings.catch_warnings(action="ignore"):
        import nibabel.nicom as nicom

    folder = Path(nicom.__file__).parent / "tests" / "data"
    return [folder / name for name in ("siemens_dwi_0.dcm.gz", "siemens_dwi_1000.dcm.gz")]


@pytest.mark.parametrize("number", range(2))
def test_real_mosaics_agree_with_nibabel(tmp_path, number):
    path = _nibabel_files()[number]
    if not path.is_file():
        pytest.skip("nibabel was installed without its test files")
    with warnings.catch_warnings(action="ignore"):
        import pydicom
        from nibabel.nicom.dicomwrappers import wrapper_from_data

        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        wrapped = wrapper_from_data(pydicom.dcmread(BytesIO(content), force=True))
    theirs = Volume(wrapped.get_data(), np.diag([-1, -1, 1, 1]) @ wrapped.affine).reorient("RAS")
    ours = drain(path).reorient("RAS")
    assert not ours.notes
    assert ours.same_grid(theirs, 1e-3)
    np.testing.assert_array_equal(ours.data, theirs.data)
