from __future__ import annotations

import bz2
import gzip

import numpy as np
import pytest

from workbench import Volume
from workbench.errors import FileError
from workbench.io import read, write
from workbench.testing.files import distinct
from workbench.testing.formats import FormatContract

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


def bare(path, *fields):
    head = ["NRRD0005", "type: uint8", "dimension: 3", "sizes: 2 3 4", "encoding: raw", *fields]
    path.write_bytes(("\n".join(head) + "\n\n").encode() + bytes(24))
    return path


class TestNrrd(FormatContract):
    suffixes = (".nrrd", ".nhdr")
    dtypes = (*FormatContract.dtypes, "int8", "uint32", "int64", "uint64")

    def parts(self, path):
        return [path, path.with_suffix(".raw.gz")] if path.suffix == ".nhdr" else [path]

    def unplaced(self, folder, sized):
        return bare(folder / "unplaced.nrrd", "spacings: 0.5 0.5 2" if sized else "spacings: nan nan nan")


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


@pytest.mark.parametrize("encoding", ["raw", "gzip", "bzip2", "hex", "ascii"])
@pytest.mark.parametrize("big", [False, True])
def test_every_encoding_and_where_it_is_cut(tmp_path, encoding, big):
    data = distinct((2, 3, 4), np.int16)
    raw = data.astype(">i2" if big else "<i2").tobytes(order="F")
    text = " ".join(map(str, data.ravel("F"))).encode()
    packed = {
        "raw": raw,
        "gzip": gzip.compress(raw),
        "bzip2": bz2.compress(raw),
        "hex": raw.hex().encode(),
        "ascii": text,
    }
    header = HEADER.replace("encoding: raw", f"encoding: {encoding}").replace("little", "big" if big else "little")
    path = tmp_path / "a.nrrd"
    path.write_bytes(header.encode() + packed[encoding])
    volume = read(path)
    np.testing.assert_array_equal(volume.data, data)
    assert volume.data.dtype.isnative
    path.write_bytes(header.encode() + packed[encoding][:-25])
    with pytest.raises(FileError):
        read(path)


def test_gzip_of_several_members_and_bytes_behind(tmp_path):
    data = distinct((2, 3, 4), np.int16)
    raw = data.tobytes(order="F")
    header = HEADER.replace("encoding: raw", "encoding: gzip").encode()
    for end in (b"", bytes(600), b"garbage"):
        (tmp_path / "a.nrrd").write_bytes(header + gzip.compress(raw[:5]) + gzip.compress(raw[5:]) + end)
        np.testing.assert_array_equal(read(tmp_path / "a.nrrd").data, data)


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
    volume = read(path)
    assert volume.data.nbytes == 48
    assert "bytes behind the voxels that the header speaks of were left alone" in volume.notes


def test_a_header_without_end_says_what_to_do(tmp_path):
    (tmp_path / "a.nrrd").write_text(HEADER.rstrip("\n"))
    with pytest.raises(FileError, match=r"ends with an empty line, this one goes on for .*fresh copy"):
        read(tmp_path / "a.nrrd")


TIME = """NRRD0004
type: uchar
dimension: 4
space: {space}
sizes: {sizes}
space directions: {directions}
encoding: raw
space origin: (1,2,3,0)

"""


@pytest.mark.parametrize(
    ("space", "signs"),
    [
        ("right-anterior-superior-time", (1, 1, 1)), ("RAST", (1, 1, 1)), ("left-anterior-superior-time", (-1, 1, 1)),
        ("LAST", (-1, 1, 1)), ("left-posterior-superior-time", (-1, -1, 1)), ("LPST", (-1, -1, 1)),
        ("scanner-xyz-time", (-1, -1, 1)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", range(4))
def test_a_world_with_time(tmp_path, space, signs, place):
    data = distinct((2, 3, 4, 5), np.uint8)
    vectors, sizes = ["(1,0,0,0)", "(0,2,0,0)", "(0,0,3,0)"], [2, 3, 4]
    vectors.insert(place, "(0,0,0,0.5)")
    sizes.insert(place, 5)
    text = TIME.format(space=space, sizes=" ".join(map(str, sizes)), directions=" ".join(vectors))
    (tmp_path / "a.nrrd").write_bytes(text.encode() + np.moveaxis(data, -1, place).tobytes(order="F"))
    volume = read(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(volume.data, data)
    signs = np.array(signs)
    np.testing.assert_allclose(volume.affine[:3], np.column_stack([np.diag(signs * [1, 2, 3]), signs * [1, 2, 3]]))


@pytest.mark.parametrize(
    ("kind", "count", "names", "words"),
    [
        ("RGB-color", 3, ("red", "green", "blue"), None),
        ("RGBA-color", 4, ("red", "green", "blue", "alpha"), None),
        ("complex", 2, ("real", "imaginary"), None),
        ("list", 3, (), None),
        ("vector", 3, (), "are a vector, as stored; its components do not turn"),
        ("3D-symmetric-matrix", 6, (), "3d-symmetric-matrix"),
        ("time", 5, (), "the 5 channels are points in time"),
    ],
)
def test_kinds_of_channels(tmp_path, kind, count, names, words):
    data = distinct((2, 3, 4, count), np.int16)
    text = HEADER.replace("dimension: 3", "dimension: 4").replace("sizes: 2 3 4", f"sizes: {count} 2 3 4")
    text = text.replace("directions: ", "directions: none ").replace("kinds: ", f"kinds: {kind} ")
    (tmp_path / "a.nrrd").write_bytes(text.encode() + np.moveaxis(data, -1, 0).tobytes(order="F"))
    volume = read(tmp_path / "a.nrrd")
    np.testing.assert_array_equal(volume.data, data)
    assert volume.channels == names
    assert [(words or "") in note for note in volume.notes] == [True] * bool(words)


@pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")
@pytest.mark.parametrize(
    ("lines", "spacing", "first"),
    [
        ("spacings: 1 2 3\naxis mins: 10 20 30", (1, 2, 3), (10.5, 21, 31.5)),
        ("spacings: 1 2 3\naxis mins: 10 20 30\ncenterings: node node node", (1, 2, 3), (10, 20, 30)),
        ("axis mins: 10 20 30\naxis maxs: 12 26 42", (1, 2, 3), (10.5, 21, 31.5)),
        ("axismins: 10 20 30\naxismaxs: 11 24 39\ncenters: node node node", (1, 2, 3), (10, 20, 30)),
        ("spacings: 1 nan 3\naxis mins: 10 nan 30\naxis maxs: nan nan nan", (1, 1, 3), (10.5, 0, 31.5)),
    ],
)
def test_ends_of_axes_say_where_they_begin(tmp_path, lines, spacing, first):
    data = distinct((2, 3, 4), np.int16)
    header = "NRRD0004\ntype: short\ndimension: 3\nsizes: 2 3 4\nendian: little\nencoding: raw\n"
    (tmp_path / "a.nrrd").write_bytes(f"{header}{lines}\n\n".encode() + data.tobytes(order="F"))
    volume = read(tmp_path / "a.nrrd")
    assert volume.spacing == pytest.approx(spacing)
    np.testing.assert_allclose(volume.to_world([0, 0, 0]), np.array(first) * [-1, -1, 1])
    assert volume.space == "object"
    np.testing.assert_array_equal(volume.data, data)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("measurement frame: (1,0,0) (0,1,0) (0,0,1)", "measurement frame"),
        ("DWMRI_gradient_0000:=1 0 0\nDWMRI_gradient_0001:=0 1 0", "2 diffusion gradients"),
        ("old min: -1.5\nold max: 65535", "stood for -1.5 to 65535 before they were quantised"),
    ],
)
def test_what_is_not_kept_is_noted(tmp_path, line, words):
    path = tmp_path / "a.nrrd"
    path.write_bytes(HEADER.replace("some key:=some value", line).encode() + bytes(48))
    assert words in " ".join(read(path).notes)


def test_units_of_the_world_and_of_the_values(tmp_path):
    path = tmp_path / "a.nrrd"
    line = 'space units: "um" "cm" "mm"\nsample units: "HU"'
    path.write_bytes(HEADER.replace("some key:=some value", line).encode() + bytes(48))
    volume = read(path)
    np.testing.assert_allclose(volume.spacing, (0.001, 20, 3))
    np.testing.assert_allclose(volume.to_world((0, 0, 0)), (-0.01, -200, 30))
    assert volume.unit == "HU"


@pytest.mark.parametrize("encoding", ["raw", "gzip"])
@pytest.mark.parametrize(
    "words",
    ["LIST\nb-1.raw\nb-2.raw\nb-3.raw\nb-4.raw", "LIST 3\nb-1.raw\nb-2.raw\nb-3.raw\nb-4.raw", "b-%d.raw 1 4 1"],
)
def test_voxels_in_several_files(tmp_path, encoding, words):
    data = distinct((2, 3, 4), np.int16)
    header = HEADER.rstrip().replace("encoding: raw", f"encoding: {encoding}") + "\n"
    (tmp_path / "a.nhdr").write_text(header + f"data file: {words}\n")
    for number in range(4):
        raw = data[..., number].tobytes(order="F")
        (tmp_path / f"b-{number + 1}.raw").write_bytes(gzip.compress(raw) if encoding == "gzip" else raw)
    np.testing.assert_array_equal(read(tmp_path / "a.nhdr").data, data)
    (tmp_path / "b-3.raw").write_bytes(b"short")
    with pytest.raises(FileError, match=r"b-3\.raw"):
        read(tmp_path / "a.nhdr").load()
    (tmp_path / "b-3.raw").unlink()
    with pytest.raises(FileError, match="not beside it"):
        read(tmp_path / "a.nhdr")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("LIST\n../b.raw", "outside"),
        ("../b-%d.raw 1 2 1", "outside"),
        ("b-%s.raw 1 2 1", "one %d"),
        ("b-%d.raw 1", "one %d"),
        ("b-%d-%d.raw 1 2 1", "one %d"),
        ("b-%d.raw 1 4 0", "one %d"),
        ("LIST", "empty"),
    ],
)
def test_lists_of_files_that_are_none(tmp_path, words, error):
    (tmp_path / "a.nhdr").write_text(HEADER.rstrip() + f"\ndata file: {words}\n")
    with pytest.raises(FileError, match=error):
        read(tmp_path / "a.nhdr")


def test_files_that_do_not_share_the_voxels_evenly(tmp_path):
    (tmp_path / "a.nhdr").write_text(HEADER.rstrip() + "\ndata file: b-%d.raw 1 5 1\n")
    for number in range(1, 6):
        (tmp_path / f"b-{number}.raw").write_bytes(bytes(100))
    with pytest.raises(FileError, match=r"5 data files do not share \(2, 3, 4\) voxels evenly"):
        read(tmp_path / "a.nhdr")


def test_free_text_where_a_number_should_be_is_not_told(tmp_path):
    path = tmp_path / "a.nrrd"
    path.write_bytes(
        HEADER.replace("endian: little", "endian: little\nold min: DOE JANE\nold max: 7").encode() + bytes(48)
    )
    (note,) = read(path).notes
    assert note.startswith("the values stood for ? to 7 before")
