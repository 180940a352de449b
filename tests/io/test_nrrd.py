from __future__ import annotations

import gzip

import numpy as np
import pytest

from tests.io.contract import FormatContract, distinct
from workbench import Volume
from workbench.errors import FileError
from workbench.io import read, write

HEADER = """NRRD0004
# a comment
type: short
dimension: 3
space: left-posterior-superior
sizes: 2 3 4
space directions: (1,0,0) (0,2,0) (0,0,3)
kinds: domain domain domain
endian: little
encoding: raw
space origin: (10,20,30)
some key:=some value

"""


class TestNrrd(FormatContract):
    suffixes = (".nrrd", ".nhdr")
    dtypes = (*FormatContract.dtypes, "int8", "uint32", "int64", "uint64")

    def parts(self, path):
        return [path, path.with_suffix(".raw.gz")] if path.suffix == ".nhdr" else [path]


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("left-posterior-superior", (-1, -1, 1)),
        ("LPS", (-1, -1, 1)),
        ("right-anterior-superior", (1, 1, 1)),
        ("RAS", (1, 1, 1)),
        ("left-anterior-superior", (-1, 1, 1)),
        ("LAS", (-1, 1, 1)),
        ("scanner-xyz", (-1, -1, 1)),
    ],
)
def test_every_world_becomes_ras(tmp_path, space, signs):
    data = distinct((2, 3, 4), np.int16)
    path = tmp_path / "a.nrrd"
    path.write_bytes(HEADER.replace("left-posterior-superior", space).encode() + data.tobytes(order="F"))
    volume = read(path)
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.to_world([0, 0, 0]), np.array([10, 20, 30]) * signs)
    np.testing.assert_allclose(volume.to_world([1, 1, 1]), np.array([11, 22, 33]) * signs)


def test_channel_axis_may_be_anywhere(tmp_path):
    data = distinct((2, 3, 4, 5), np.int16)
    for place in range(4):
        directions = ["(1,0,0)", "(0,2,0)", "(0,0,3)"]
        sizes = ["2", "3", "4"]
        directions.insert(place, "none")
        sizes.insert(place, "5")
        text = HEADER.replace("dimension: 3", "dimension: 4").replace("sizes: 2 3 4", f"sizes: {' '.join(sizes)}")
        text = text.replace("(1,0,0) (0,2,0) (0,0,3)", " ".join(directions)).replace(
            "kinds: domain domain domain\n", ""
        )
        path = tmp_path / f"{place}.nrrd"
        path.write_bytes(text.encode() + np.moveaxis(data, -1, place).tobytes(order="F"))
        np.testing.assert_array_equal(read(path).data, data)


def test_encodings_and_skips(tmp_path):
    data = distinct((2, 3, 4), np.int16)
    raw = data.tobytes(order="F")
    cases = {
        "gzip": (HEADER.replace("encoding: raw", "encoding: gz"), gzip.compress(raw)),
        "big": (HEADER.replace("endian: little", "endian: big"), data.astype(">i2").tobytes(order="F")),
        "text": (HEADER.replace("encoding: raw", "encoding: ascii"), " ".join(map(str, data.ravel("F"))).encode()),
        "skip": (HEADER.replace("encoding: raw", "encoding: raw\nbyte skip: 5"), b"12345" + raw),
        "end": (HEADER.replace("encoding: raw", "encoding: raw\nbyte skip: -1"), b"anything" + raw),
        "line": (HEADER.replace("encoding: raw", "encoding: raw\nline skip: 2"), b"one\ntwo\n" + raw),
    }
    for name, (header, content) in cases.items():
        path = tmp_path / f"{name}.nrrd"
        path.write_bytes(header.encode() + content)
        np.testing.assert_array_equal(read(path).data, data, err_msg=name)


def test_simpleitk_agrees(tmp_path, affine):
    sitk = pytest.importorskip("SimpleITK")
    volume = Volume(distinct((4, 5, 6), np.int16), affine)
    image = sitk.ReadImage(str(write(volume, tmp_path / "ours.nrrd")))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image).T, volume.data)
    far = image.TransformIndexToPhysicalPoint((3, 4, 5))
    np.testing.assert_allclose(np.array(far) * [-1, -1, 1], volume.to_world([3, 4, 5]), atol=1e-5)
    sitk.WriteImage(image, str(tmp_path / "theirs.nrrd"), useCompression=True)
    np.testing.assert_allclose(read(tmp_path / "theirs.nrrd").affine, affine, atol=1e-5)
    np.testing.assert_array_equal(read(tmp_path / "theirs.nrrd").data, volume.data)


def test_data_file_stays_in_the_folder(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(48))
    (folder / "a.nhdr").write_text(HEADER.rstrip() + "\ndata file: ../secret.raw\n")
    with pytest.raises(FileError, match="outside"):
        read(folder / "a.nhdr")


def test_places_unknown_is_noted(tmp_path):
    text = HEADER.replace("space directions: (1,0,0) (0,2,0) (0,0,3)\n", "").replace(
        "space: left-posterior-superior", "spacings: 1 2 3"
    )
    path = tmp_path / "a.nrrd"
    path.write_bytes(text.encode() + bytes(48))
    assert read(path).spacing == (1, 2, 3)
    assert "where in the body" in read(path).notes[0]


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("sizes: 2 3 4", "sizes: 30000 30000 30000", "cut short.*fresh copy"),
        ("sizes: 2 3 4", "sizes: 2 3 0", r"1 or more.*dimension 3 and sizes \[2, 3, 0\].*Correct the header"),
        ("sizes: 2 3 4", "sizes: 2 3 x", "'sizes'.*whole numbers, it says '2 3 x'.*fresh copy"),
        ("sizes: 2 3 4\n", "", "needs the field 'sizes', it has .*fresh copy"),
        ("(0,2,0)", "(0,oops,0)", r"vector looks like.*'\(0,oops,0\)'.*fresh copy"),
        ("(0,2,0)", "(1,0,0)", "geometry.*Correct the header"),
        ("(0,2,0) ", "", "3 axes need 3 space directions, got 2.*Correct the header"),
        ("(0,2,0)", "(0,2)", "2 or 3 space directions.*Correct the header"),
        ("type: short", "type: block", "one of int8, .*says 'block'. Save it as float"),
        ("endian: little", "endian: middle", "more than one byte.*says 'middle'. Correct the header"),
        ("endian: little\n", "", "more than one byte.*does not say. Correct the header"),
        ("encoding: raw", "encoding: zrl", "zrl.*Save it as raw"),
        ("encoding: raw", "encoding: raw\nbyte skip: x", "'byte skip'.*it says 'x'.*fresh copy"),
        ("encoding: raw", "encoding: raw\nline skip: -3", "line skip -3.*Save it as one file"),
        ("dimension: 3", "dimension: three", "'dimension'.*whole numbers, it says 'three'.*fresh copy"),
        ("dimension: 3", "dimension 3", "'field: value', got 'dimension 3'.*fresh copy"),
    ],
)
def test_broken_headers(tmp_path, old, new, words):
    path = tmp_path / "a.nrrd"
    path.write_bytes(HEADER.replace(old, new).encode() + bytes(48))
    with pytest.raises(FileError, match=words):
        read(path)


def test_single_bytes_have_no_order(tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(HEADER.replace("endian: little\n", "").replace("short", "uchar").encode() + bytes(range(24)))
    np.testing.assert_array_equal(read(path).data.ravel(order="F"), np.arange(24))


def test_bomb_stops_at_the_promised_size(tmp_path):
    path = tmp_path / "bomb.nrrd"
    path.write_bytes(HEADER.replace("encoding: raw", "encoding: gzip").encode() + gzip.compress(bytes(50_000_000)))
    with pytest.raises(FileError, match="more voxels"):
        read(path).load()


def test_a_header_without_end_says_what_to_do(tmp_path):
    (tmp_path / "a.nrrd").write_text(HEADER.rstrip("\n"))
    with pytest.raises(FileError, match=r"ends with an empty line, this one goes on for .*fresh copy"):
        read(tmp_path / "a.nrrd")
