from __future__ import annotations

import gzip
import re

import numpy as np
import pytest

from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.io import read, write
from workbench.testing.files import distinct
from workbench.testing.formats import FormatContract

HEADER = """ObjectType = Image
NDims = 3
DimSize = 2 3 4
ElementSpacing = 1 2 3
Offset = 10 20 30
TransformMatrix = 1 0 0 0 1 0 0 0 1
ElementType = MET_SHORT
"""


def bare(path, *fields, ndim=3):
    head = ["ObjectType = Image", f"NDims = {ndim}", f"DimSize = {'2 3 4 '[: 2 * ndim]}", "ElementType = MET_UCHAR"]
    voxels = bytes(6 if ndim == 2 else 24)
    path.write_bytes("\n".join([*head, *fields, "ElementDataFile = LOCAL\n"]).encode() + voxels)
    return path


class TestMetaImage(FormatContract):
    suffixes = (".mha", ".mhd")
    dtypes = (*FormatContract.dtypes, "int8", "uint32", "int64", "uint64")
    keeps_shear = False

    def parts(self, path):
        return [path, path.with_suffix(".zraw")] if path.suffix == ".mhd" else [path]

    def unplaced(self, folder, sized):
        return bare(folder / "unplaced.mha", "ElementSpacing = 0.5 0.5 2" if sized else "Offset = 1 2 3")


def test_header_is_lps(tmp_path):
    data = distinct((2, 3, 4), np.int16)
    path = tmp_path / "a.mha"
    path.write_bytes((HEADER + "ElementDataFile = LOCAL\n").encode() + data.tobytes(order="F"))
    volume = read(path)
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_array_equal(volume.affine, [[-1, 0, 0, -10], [0, -2, 0, -20], [0, 0, 3, 30], [0, 0, 0, 1]])
    assert volume.orientation == "LPS"


def test_big_endian_channels_and_header_size(tmp_path):
    data = distinct((2, 3, 4, 2), np.int16)
    stored = np.moveaxis(data, -1, 0).astype(">i2").tobytes(order="F")
    extra = "BinaryDataByteOrderMSB = True\nElementNumberOfChannels = 2\nHeaderSize = -1\nElementDataFile = b.raw\n"
    (tmp_path / "b.mhd").write_text(HEADER + extra)
    (tmp_path / "b.raw").write_bytes(b"skip me" + stored)
    np.testing.assert_array_equal(read(tmp_path / "b.mhd").data, data)


def test_simpleitk_agrees(tmp_path, affine):
    sitk = pytest.importorskip("SimpleITK")
    for compress in (True, False):
        volume = Volume(distinct((4, 5, 6), np.int16), affine)
        path = write(volume, tmp_path / f"ours{compress}.mha", compress=compress)
        image = sitk.ReadImage(str(path))
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, volume.data)
        far = image.TransformIndexToPhysicalPoint((3, 4, 5))
        np.testing.assert_allclose(np.array(far) * [-1, -1, 1], volume.to_world([3, 4, 5]), atol=1e-5)
        sitk.WriteImage(image, str(tmp_path / f"theirs{compress}.mha"), useCompression=compress)
        theirs = read(tmp_path / f"theirs{compress}.mha")
        np.testing.assert_array_equal(theirs.data, volume.data)
        np.testing.assert_allclose(theirs.affine, affine, atol=1e-5)


def test_shear_is_refused():
    sheared = np.eye(4)
    sheared[1, 2] = 0.3
    with pytest.raises(InputError, match="sheared"):
        write(Volume(np.zeros((2, 2, 2)), sheared), "never.mha")


@pytest.mark.parametrize("name", ["../secret.raw", "/etc/passwd", "sub/../../secret.raw", "..\\secret.raw"])
def test_data_file_stays_in_the_folder(tmp_path, name):
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    (folder / "a.mhd").write_text(HEADER + f"ElementDataFile = {name}\n")
    with pytest.raises(FileError, match="outside"):
        read(folder / "a.mhd")


def test_link_out_of_the_folder_is_refused(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    (folder / "a.raw").symlink_to(tmp_path / "secret.raw")
    (folder / "a.mhd").write_text(HEADER + "ElementDataFile = a.raw\n")
    with pytest.raises(FileError, match="outside"):
        read(folder / "a.mhd")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("DimSize = 2 3 4", "DimSize = 30000 30000 30000", "cut short.*fresh copy"),
        ("DimSize = 2 3 4", "DimSize = 2 -3 4", r"1 or more.*\[2, -3, 4\] and 1.*fresh copy"),
        ("DimSize = 2 3 4", "DimSize = 2 3", "3 finite numbers for DimSize, got '2 3'.*Correct the header"),
        ("ElementSpacing = 1 2 3", "ElementSpacing = 1 nan 3", "ElementSpacing, got '1 nan 3'.*Correct the header"),
        ("TransformMatrix = 1 0 0 0 1 0 0 0 1", "TransformMatrix = 1 0 0 1 0 0 0 0 1", "geometry.*Correct the header"),
        ("MET_SHORT", "MET_OTHER", "one of MET_CHAR.*says 'MET_OTHER'. Save it as MET_FLOAT"),
        ("NDims = 3", "NDims = 9", "2 to 4 axes.*is 9. Save"),
        ("NDims = 3", "NDims = x", "whole number NDims, got 'x'.*fresh copy"),
        ("NDims = 3", "NDims = 3\nHeaderSize = 999", "in the data file of .* bytes, got 999.*fresh copy"),
        ("NDims = 3", "NDims = 3\nhello", "'key = value', got 'hello'.*fresh copy"),
        ("ElementType", "ElementDataLost", "says ''. Save it as MET_FLOAT"),
    ],
)
def test_broken_headers(tmp_path, old, new, words):
    path = tmp_path / "a.mha"
    path.write_bytes((HEADER.replace(old, new) + "ElementDataFile = LOCAL\n").encode() + bytes(48))
    with pytest.raises(FileError, match=words):
        read(path)


def test_a_header_without_end_says_what_to_do(tmp_path):
    (tmp_path / "a.mha").write_text(HEADER)
    with pytest.raises(FileError, match=r"ends with ElementDataFile, this one has \[.*'NDims'.*fresh copy"):
        read(tmp_path / "a.mha")


def test_voxels_as_text(tmp_path):
    data = distinct((2, 3, 4), np.int16)
    text = " ".join(map(str, data.ravel("F")))
    (tmp_path / "a.mha").write_text(HEADER + "BinaryData = False\nElementDataFile = LOCAL\n" + text)
    np.testing.assert_array_equal(read(tmp_path / "a.mha").data, data)
    (tmp_path / "a.mha").write_text(HEADER + "BinaryData = False\nElementDataFile = LOCAL\n" + text[:-9])
    with pytest.raises(FileError):
        read(tmp_path / "a.mha")


@pytest.mark.parametrize("words", ["LIST\ns1.raw\ns2.raw\ns3.raw\ns4.raw\n", "LIST 2D\ns1.raw\ns2.raw\ns3.raw\ns4.raw",
                                   "s%d.raw 1 4 1\n", "s%01d.raw 1 4\n"])  # fmt: skip
@pytest.mark.parametrize("head", [0, 5])
def test_voxels_in_several_files(tmp_path, words, head):
    data = distinct((2, 3, 4), np.int16)
    for number in range(4):
        (tmp_path / f"s{number + 1}.raw").write_bytes(b"x" * head + data[..., number].tobytes(order="F"))
    skip = "HeaderSize = -1\n" if head else ""
    (tmp_path / "a.mhd").write_text(HEADER + skip + f"ElementDataFile = {words}")
    np.testing.assert_array_equal(read(tmp_path / "a.mhd").data, data)
    (tmp_path / "s2.raw").unlink()
    with pytest.raises(FileError, match=r"s2\.raw', which is not beside it"):
        read(tmp_path / "a.mhd")


def test_a_list_stays_in_the_folder(tmp_path):
    (tmp_path / "inner").mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    (tmp_path / "inner" / "a.mhd").write_text(HEADER + "ElementDataFile = LIST\n../secret.raw\n")
    with pytest.raises(FileError, match="outside"):
        read(tmp_path / "inner" / "a.mhd")


def test_colours_in_three_dimensions(tmp_path):
    data = distinct((2, 3, 4, 3), np.uint8)
    header = HEADER.replace("MET_SHORT", "MET_UCHAR_ARRAY") + "ElementNumberOfChannels = 3\nElementDataFile = LOCAL\n"
    (tmp_path / "a.mha").write_bytes(header.encode() + np.moveaxis(data, -1, 0).tobytes(order="F"))
    volume = read(tmp_path / "a.mha")
    np.testing.assert_array_equal(volume.data, data)
    assert volume.channels == ("red", "green", "blue")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("AnatomicalOrientation = RAI", None),
        ("AnatomicalOrientation = ???", None),
        ("AnatomicalOrientation = LPI", "AnatomicalOrientation says LPI, TransformMatrix RAI"),
        ("ElementSize = 1 2 3", None),
        ("ElementSize = 1 2 2.5", r"extent of \[1.0, 2.0, 2.5\] mm and lie \[1.0, 2.0, 3.0\] mm apart"),
        ("ElementToIntensityFunctionSlope = 2", "scales its values"),
        ("ElementToIntensityFunctionSlope = 1\nElementToIntensityFunctionOffset = 0", None),
        ("DistanceUnits = mm", None),
    ],
)
def test_what_is_not_used_is_noted(tmp_path, line, words):
    (tmp_path / "a.mha").write_bytes((HEADER + line + "\nElementDataFile = LOCAL\n").encode() + bytes(48))
    notes = read(tmp_path / "a.mha").notes
    assert [bool(re.search(words or "", note)) for note in notes] == [True] * bool(words)


def test_lengths_in_other_units(tmp_path):
    (tmp_path / "a.mha").write_bytes((HEADER + "DistanceUnits = um\nElementDataFile = LOCAL\n").encode() + bytes(48))
    volume = read(tmp_path / "a.mha")
    np.testing.assert_allclose(volume.spacing, (0.001, 0.002, 0.003))
    assert volume.notes == ("lengths were in um; now in mm",)


def test_size_of_elements_without_their_spacing(tmp_path):
    header = HEADER.replace("ElementSpacing", "ElementSize")
    (tmp_path / "a.mha").write_bytes((header + "ElementDataFile = LOCAL\n").encode() + bytes(48))
    assert read(tmp_path / "a.mha").spacing == (1, 2, 3)


def test_a_data_file_that_was_packed_by_hand(tmp_path):
    data = distinct((3, 4, 5), np.int16)
    path = write(Volume(data), tmp_path / "a.mhd", compress=False)
    (tmp_path / "a.raw.gz").write_bytes(gzip.compress((tmp_path / "a.raw").read_bytes()))
    path.write_text(path.read_text().replace("a.raw", "a.raw.gz"))
    np.testing.assert_array_equal(read(path).data, data)


def test_what_says_where_voxels_lie_and_what_does_not(tmp_path):
    def look(*fields, ndim=3):
        volume = read(bare(tmp_path / "a.mha", *fields, ndim=ndim))
        return volume.space, "where in the body" in " ".join(volume.notes)

    turn = "TransformMatrix = 1 0 0 0 1 0 0 0 1"
    assert look(turn, "Offset = 1 2 3", "ElementSpacing = 1 1 1") == ("patient", False)
    assert look(turn.replace("TransformMatrix", "Orientation")) == ("patient", False)
    assert "first voxel lies" in read(tmp_path / "a.mha").notes[0]
    assert look("Offset = 1 2 3", "ElementSize = 1 1 1") == ("object", True)
    assert look() == ("pixels", True)
    # a picture that was converted has two directions of two numbers, which lie in no body
    assert look("TransformMatrix = 1 0 0 1", "ElementSpacing = 1 1", ndim=2) == ("object", False)
