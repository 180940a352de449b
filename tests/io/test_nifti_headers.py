"""Odd headers of NIfTI: read as they are meant, with a note; nibabel is the oracle."""

from __future__ import annotations

import gzip
import re
import struct
import warnings

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.io.test_nifti import raw_header
from workbench import Volume
from workbench.errors import FileError
from workbench.io import GeometryWarning, read
from workbench.testing.files import distinct

pytestmark = pytest.mark.filterwarnings("ignore::workbench.io.GeometryWarning")


def test_a_header_that_says_nothing_of_itself(tmp_path):
    raw = raw_header(Volume(distinct((3, 4, 5), np.uint8)), tmp_path)
    raw[0:4] = struct.pack("<i", 349)
    path = tmp_path / "a.nii"
    path.write_bytes(raw)
    # the magic and the number of axes say enough
    np.testing.assert_array_equal(read(path).data, distinct((3, 4, 5), np.uint8))
    assert "own size as 349" in read(path).notes[0]
    raw[40:42] = struct.pack("<h", 9)
    path.write_bytes(raw)
    with pytest.raises(FileError, match=r"348 or 540\), got the bytes 5d010000.*fresh copy"):
        read(path)


@pytest.mark.parametrize(
    ("turn", "words"),
    [
        (np.diag([1.0, 1, 1, 1]), None),
        (np.diag([-1.0, 1, 1, 1]), "mirror image"),
        (np.vstack([np.eye(4)[:3] + 5 * np.eye(4)[3], [0, 0, 0, 1]]), "up to 8.66 mm.*turned by up to 0.00 degrees"),
        (
            np.array([[0.0, -1, 0, 0], [1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]),
            "turned by up to 90.00 degrees",
        ),
    ],
)
def test_forms_that_disagree_are_noted_with_how_much(tmp_path, affine, turn, words):
    image = nib.Nifti1Image(distinct((3, 4, 5), np.uint8), None)
    image.set_sform(affine, 1)
    image.set_qform(turn @ affine, 1)
    nib.save(image, tmp_path / "a.nii")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", GeometryWarning)
        volume = read(tmp_path / "a.nii")
    np.testing.assert_allclose(volume.affine, affine, atol=1e-5)
    assert [bool(re.search(words or "", note)) for note in volume.notes] == [True] * bool(words)
    # left and right in doubt is worth a warning
    assert any("mirror" in str(warning.message) for warning in caught) == (words == "mirror image")


@pytest.mark.parametrize(
    ("dim", "shape"),
    [
        ([3, 3, 4, 5], (3, 4, 5)),
        ([4, 3, 4, 5, 0], (3, 4, 5)),
        ([5, 3, 4, 5, 0, 0], (3, 4, 5)),
        ([5, 3, 4, 1, 0, 5], (3, 4, 1, 5)),
        ([3, 12, 5, 0], (12, 5, 1)),
        ([7, 3, 4, 5, 1, 1, 1, 1], (3, 4, 5)),
        ([3, 3, 4, 5, 9, 9], (3, 4, 5)),
    ],
)
def test_axes_of_length_0_are_1(tmp_path, dim, shape):
    data = distinct((3, 4, 5), np.uint8)
    image = nib.Nifti1Image(data, np.diag([1.0, 2, 3, 1]))
    nib.save(image, tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[40 : 40 + 2 * len(dim)] = struct.pack(f"<{len(dim)}h", *dim)
    (tmp_path / "a.nii").write_bytes(raw)
    volume = read(tmp_path / "a.nii")
    assert volume.shape == shape
    np.testing.assert_array_equal(volume.data.ravel("F"), data.ravel("F"))
    assert any("length 0" in note for note in volume.notes) == (0 in dim[: dim[0] + 1])


@pytest.mark.parametrize("sizes", [[np.nan, 2, 3], [0, 2, 3], [np.inf, 2, 3], [-1, 2, 3]])
@pytest.mark.parametrize("qform", [0, 1])
def test_sizes_that_are_none_are_1_mm(tmp_path, sizes, qform):
    image = nib.Nifti1Image(distinct((3, 4, 5), np.uint8), np.diag([1.0, 2, 3, 1]))
    nib.save(image, tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[80:92] = struct.pack("<3f", *sizes)
    raw[252:256] = struct.pack("<2h", qform, 0)
    (tmp_path / "a.nii").write_bytes(raw)
    volume = read(tmp_path / "a.nii")
    assert volume.spacing == (1, 2, 3)
    assert any("what is no size" in note for note in volume.notes) == (sizes[0] != -1)


@pytest.mark.parametrize(
    ("said", "lies"), [(0, 352), (0, 348), (348, 348), (352, 352), (348, 352), (350, 352), (360, 360), (353, 353)]
)
def test_voxels_are_where_the_file_has_room_for_them(tmp_path, said, lies):
    data = distinct((3, 4, 5), np.int16)
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[108:112] = struct.pack("<f", said)
    moved = bytes(raw[:348]) + bytes(lies - 348) + bytes(raw[352:])
    for name, content in (("b.nii", moved), ("b.nii.gz", gzip.compress(moved))):
        (tmp_path / name).write_bytes(content)
        volume = read(tmp_path / name)
        np.testing.assert_array_equal(volume.data, data)
        assert any("voxels begin" in note for note in volume.notes) == (said != lies)


@pytest.mark.parametrize("name", ["a.hdr", "a.img"])
@pytest.mark.parametrize("kind", [nib.Nifti1Pair, nib.Nifti2Pair])
@pytest.mark.parametrize("big", [False, True])
def test_pairs(tmp_path, name, kind, big, affine):
    data = distinct((3, 4, 5, 2), np.int16)
    image = kind(data, affine, kind.header_class(endianness=">" if big else "<"))
    nib.save(image, tmp_path / "a.hdr")
    volume = read(tmp_path / name)
    np.testing.assert_array_equal(volume.data, data)
    np.testing.assert_allclose(volume.affine, nib.load(tmp_path / "a.hdr").affine, atol=1e-6)
    # some writers leave the offset of a single file in the header of a pair
    raw = bytearray((tmp_path / "a.hdr").read_bytes())
    if kind is nib.Nifti1Pair:
        raw[108:112] = struct.pack(">f" if big else "<f", 352)
        (tmp_path / "a.hdr").write_bytes(raw)
        np.testing.assert_array_equal(read(tmp_path / name).data, data)
    (tmp_path / "a.img").write_bytes((tmp_path / "a.img").read_bytes()[:-1])
    with pytest.raises(FileError, match="cut short"):
        read(tmp_path / name)
    other = {"a.hdr": "a.img", "a.img": "a.hdr"}[name]
    (tmp_path / other).unlink()
    with pytest.raises(FileError, match=f"{name} needs {other} beside it"):
        read(tmp_path / name)


def test_a_pair_s_magic_in_a_single_file(tmp_path):
    data = distinct((3, 4, 5), np.int16)
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[344:348] = b"ni1\0"
    (tmp_path / "a.nii").write_bytes(raw)
    np.testing.assert_array_equal(read(tmp_path / "a.nii").data, data)


def test_bzip2(tmp_path, affine):
    data = distinct((3, 4, 5), np.int16)
    nib.save(nib.Nifti1Image(data, affine), tmp_path / "a.nii.bz2")
    np.testing.assert_array_equal(read(tmp_path / "a.nii.bz2").data, data)
    whole = (tmp_path / "a.nii.bz2").read_bytes()
    (tmp_path / "a.nii.bz2").write_bytes(whole[:-5])
    with pytest.raises(FileError):
        read(tmp_path / "a.nii.bz2")


def test_the_suffix_does_not_decide_about_gzip(tmp_path):
    data = distinct((3, 4, 5), np.int16)
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
    raw = (tmp_path / "a.nii").read_bytes()
    (tmp_path / "b.nii.gz").write_bytes(raw)
    (tmp_path / "c.nii").write_bytes(gzip.compress(raw))
    for name in ("b.nii.gz", "c.nii"):
        np.testing.assert_array_equal(read(tmp_path / name).data, data)


@pytest.mark.parametrize(
    ("intent", "shape", "words"),
    [
        ("vector", (3, 4, 5, 1, 3), "intent code 1007.*do not turn"),
        ("displacement vector", (3, 4, 5, 1, 3), "intent code 1006.*do not turn"),
        ("t test", (3, 4, 5), r"intent code 3 \(t test\)"),
        ("none", (3, 4, 5), None),
        ("label", (3, 4, 5), None),
    ],
)
def test_intents_are_used_or_noted(tmp_path, intent, shape, words):
    data = distinct(shape, np.int16)
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.set_intent(intent, allow_unknown=True)
    nib.save(image, tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.data, data.reshape(volume.shape, order="F"))
    assert volume.kind == ("labels" if intent == "label" else "image")
    assert [bool(re.search(words or "", note)) for note in volume.notes] == [True] * bool(words)


def test_colours_along_the_fifth_axis(tmp_path):
    data = distinct((3, 4, 5, 1, 3), np.float32)
    image = nib.Nifti1Image(data, np.eye(4))
    image.header["intent_code"] = 2003
    nib.save(image, tmp_path / "a.nii")
    assert read(tmp_path / "a.nii").channels == ("red", "green", "blue")


def test_time_steps_and_extensions_are_noted(tmp_path):
    image = nib.Nifti1Image(distinct((3, 4, 5, 6), np.int16), np.eye(4))
    image.header.set_zooms((1, 1, 1, 2.5))
    image.header.set_xyzt_units("mm", "sec")
    image.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"<AFNI/>"))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Doe^John"))
    nib.save(image, tmp_path / "a.nii")
    assert set(read(tmp_path / "a.nii").notes) == {
        "the 6 channels are 2.5 s apart", "extensions of the header were not read (codes 4, 6)",
    }  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_odd_headers_are_read_as_nibabel_does(data, tmp_path_factory):
    """What nibabel opens without forms, sizes or scaling in doubt has the same voxels here."""
    folder = tmp_path_factory.mktemp("odd")
    order = data.draw(st.sampled_from("<>"))
    kind = data.draw(st.sampled_from([nib.Nifti1Image, nib.Nifti2Image]))
    dtype = data.draw(st.sampled_from(["u1", "i1", "i2", "u2", "i4", "f4", "f8"]))
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=7))
    values = distinct(shape, "f4").astype(dtype)
    image = kind(values, np.diag([1.0, 2, 3, 1]), kind.header_class(endianness=order))
    image.header.set_data_dtype(dtype)
    nib.save(image, folder / "a.nii")
    raw = bytearray((folder / "a.nii").read_bytes())
    first = kind is nib.Nifti1Image
    real = f"{order}{'f' if first else 'd'}"
    slope = data.draw(st.sampled_from([0.0, np.nan, 1.0, 2.0, -0.5, np.inf]))
    inter = data.draw(st.sampled_from([0.0, 5.0, -1.5]))
    for place, number in zip((112, 116) if first else (176, 184), (slope, inter), strict=True):
        raw[place : place + struct.calcsize(real)] = struct.pack(real, number)
    if first:
        raw[72:74] = struct.pack(f"{order}h", data.draw(st.sampled_from([8, 16, 0])))  # bitpix says nothing new
        raw[38:39] = data.draw(st.sampled_from([b"r", b"\0", b"x"]))
    raw += bytes(data.draw(st.sampled_from([0, 1, 512])))
    name = data.draw(st.sampled_from(["b.nii", "b.nii.gz"]))
    (folder / name).write_bytes(gzip.compress(raw) if name.endswith("gz") else raw)
    theirs = np.asarray(nib.load(folder / name).dataobj)
    ours = read(folder / name)
    np.testing.assert_allclose(ours.data.reshape(-1, order="F"), theirs.reshape(-1, order="F"), rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("slope", [1.0, 2.0])
def test_an_intercept_that_is_no_number_is_0(tmp_path, slope, value):
    raw = raw_header(Volume(distinct((3, 4, 5), np.int16)), tmp_path)
    raw[112:120] = struct.pack("<2f", slope, value)
    (tmp_path / "a.nii").write_bytes(raw)
    volume = read(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.data, slope * distinct((3, 4, 5), np.int16))
    assert f"the header has {value}; it was taken as 0" in volume.notes[0]
    sitk = pytest.importorskip("SimpleITK")
    theirs = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / "a.nii")))
    np.testing.assert_array_equal(theirs.T, volume.data)


@pytest.mark.parametrize("slope", [0.0, np.nan])
def test_an_intercept_without_a_slope_is_noted(tmp_path, slope):
    raw = raw_header(Volume(distinct((3, 4, 5), np.int16)), tmp_path)
    raw[112:120] = struct.pack("<2f", slope, 5)
    (tmp_path / "a.nii").write_bytes(raw)
    volume = read(tmp_path / "a.nii")
    np.testing.assert_array_equal(volume.data, np.asarray(nib.load(tmp_path / "a.nii").dataobj))
    assert "gives an intercept of 5 without a slope" in volume.notes[0]
