from __future__ import annotations

import gzip
import struct
import time

import nibabel as nib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.io import GeometryWarning, read, write
from workbench.testing.files import distinct
from workbench.testing.formats import FormatContract, affines


class TestNifti(FormatContract):
    suffixes = (".nii", ".nii.gz")
    dtypes = (*FormatContract.dtypes, "int8", "uint32", "int64", "uint64")

    def unplaced(self, folder, sized):
        image = nib.Nifti1Image(distinct(self.shape, np.int16), None)
        image.header.set_zooms((1.5, 2.5, 3.5)[: len(self.shape)])
        if not sized:
            image.header["pixdim"][1:4] = np.nan
        raw = image.header.binaryblock + bytes(4) + np.asarray(image.dataobj).tobytes(order="F")
        (folder / "unplaced.nii").write_bytes(raw)
        return folder / "unplaced.nii"


class TestNifti2D(TestNifti):
    shape = (4, 5)


def raw_header(volume: Volume, tmp_path) -> bytearray:
    return bytearray(write(volume, tmp_path / "template.nii").read_bytes())


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(affine=affines(shear=True), big=st.booleans(), version=st.sampled_from([1, 2]), gz=st.booleans())
def test_nibabel_agrees_both_ways(affine, big, version, gz, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nibabel")
    data = distinct((3, 4, 5), np.int16)
    path = folder / f"a.nii{'.gz' if gz else ''}"
    write(Volume(data, affine), path, version=version)
    theirs = nib.load(path)
    assert type(theirs) is (nib.Nifti1Image if version == 1 else nib.Nifti2Image)
    np.testing.assert_allclose(theirs.affine, affine, atol=1e-4)
    np.testing.assert_array_equal(np.asarray(theirs.dataobj), data)

    kind = nib.Nifti1Image if version == 1 else nib.Nifti2Image
    header = kind.header_class(endianness=">" if big else "<")
    image = kind(data, None, header)
    image.set_sform(affine, 2)
    nib.save(image, path)
    ours = read(path)
    np.testing.assert_allclose(ours.affine, nib.load(path).affine, atol=1e-6)
    assert ours.orientation == "".join(nib.aff2axcodes(nib.load(path).affine))
    np.testing.assert_array_equal(ours.data, data)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(affine=affines(), sform=st.sampled_from([0, 1, 4]), qform=st.sampled_from([0, 1, 3]))
def test_sform_goes_before_qform_goes_before_sizes(affine, sform, qform, tmp_path_factory):
    path = tmp_path_factory.mktemp("forms") / "a.nii"
    image = nib.Nifti1Image(distinct((3, 4, 5), np.uint8), None)
    image.header.set_zooms((1.5, 2.5, 3.5))
    image.set_qform(affine, qform)
    if sform:
        other = affine.copy()
        other[:3, 3] += 10
        image.set_sform(other, sform)
    else:
        image.header["sform_code"] = 0
    nib.save(image, path)
    np.testing.assert_allclose(read(path).affine, nib.load(path).affine, atol=1e-4)
    notes = read(path).notes
    assert any("origin at the centre" in note for note in notes) == (not sform and not qform)
    # ten millimetres along each axis
    assert any("disagree by up to 17.32 mm" in note for note in notes) == bool(sform and qform)


@pytest.mark.parametrize("degrees", [0, 15, 57.29577951308232, 90, 123.4])
def test_half_turns_are_exact(degrees, tmp_path):
    along, across = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    affine = np.diag([1.0, 1.0, 1.0, 1.0])
    affine[:3, :3] = [[-along, 0, across], [0, -1, 0], [-across, 0, -along]]
    image = nib.Nifti1Image(distinct((3, 4, 5), np.uint8), None)
    image.set_qform(affine, 1)
    image.header["sform_code"] = 0
    nib.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(read(tmp_path / "a.nii").affine[:3, :3], affine[:3, :3], atol=1e-6)


def test_our_qform_is_our_affine(tmp_path, affine):
    image = nib.load(write(Volume(distinct((3, 4, 5), np.uint8), affine), tmp_path / "a.nii"))
    np.testing.assert_allclose(image.get_qform(), affine, atol=1e-5)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("mm", 1), ("micron", 0.001), ("unknown", 1)])
def test_units_become_millimetres(tmp_path, unit, factor):
    image = nib.Nifti1Image(np.zeros((3, 4, 5), np.uint8), np.diag([2.0, 3, 4, 1]))
    image.header.set_xyzt_units(unit)
    nib.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(read(tmp_path / "a.nii").spacing, np.array([2, 3, 4]) * factor, rtol=1e-6)


def test_slope_and_intercept(tmp_path):
    data = distinct((3, 4, 5), np.int16)
    image = nib.Nifti1Image(data, np.eye(4))
    image.header.set_slope_inter(0.5, -3)
    nib.save(image, tmp_path / "a.nii")
    raw = bytearray((tmp_path / "a.nii").read_bytes())
    raw[112:120] = struct.pack("<ff", 0.5, -3)
    (tmp_path / "a.nii").write_bytes(raw)
    volume = read(tmp_path / "a.nii")
    assert volume.dtype == np.float32
    np.testing.assert_allclose(volume.data, nib.load(tmp_path / "a.nii").get_fdata())
    for slope in (0.0, np.nan):
        raw[112:120] = struct.pack("<ff", slope, 7)
        (tmp_path / "a.nii").write_bytes(raw)
        assert read(tmp_path / "a.nii").dtype == np.int16


def test_four_axes_are_channels_and_single_ones_are_dropped(tmp_path):
    for shape, expected in (
        ((3, 4, 5, 2), (3, 4, 5, 2)),
        ((3, 4, 5, 1), (3, 4, 5)),
        ((3, 4, 5, 1, 3), (3, 4, 5, 3)),
        ((3, 4, 5, 2, 3), (3, 4, 5, 6)),
        ((3, 4, 1), (3, 4, 1)),
        ((3, 4), (3, 4)),
        ((3,), (3, 1, 1)),
    ):
        data = distinct(shape, np.int16)
        nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
        volume = read(tmp_path / "a.nii")
        assert volume.shape == expected
        np.testing.assert_array_equal(volume.data, data.reshape(expected, order="F"))


def test_colours(tmp_path):
    data = distinct((3, 4, 5, 3), np.uint8)
    pixels = np.ascontiguousarray(data).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
    nib.save(nib.Nifti1Image(pixels, np.eye(4)), tmp_path / "a.nii.gz")
    volume = read(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(volume.data, data)
    assert volume.channels == ("red", "green", "blue")
    again = nib.load(write(volume, tmp_path / "b.nii"))
    assert again.header.get_data_dtype() == pixels.dtype
    np.testing.assert_array_equal(read(tmp_path / "b.nii").data, data)


def test_complex_values_are_two_channels(tmp_path):
    data = (distinct((3, 4, 5), np.float32) + 2j * distinct((3, 4, 5), np.float32)).astype(np.complex64)
    nib.save(nib.Nifti1Image(data, np.eye(4)), tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    assert volume.channels == ("real", "imaginary")
    np.testing.assert_array_equal(volume.data[..., 0] + 1j * volume.data[..., 1], data)


def test_exact_affine_gives_way_to_a_changed_sform(tmp_path, affine):
    raw = raw_header(Volume(distinct((3, 4, 5), np.uint8), affine), tmp_path)
    (tmp_path / "a.nii").write_bytes(raw)
    np.testing.assert_array_equal(read(tmp_path / "a.nii").affine, affine)
    raw[292:296] = struct.pack("<f", 500.0)
    (tmp_path / "a.nii").write_bytes(raw)
    assert read(tmp_path / "a.nii").affine[0, 3] == 500


def test_kind_labels_of_a_float_file(tmp_path):
    nib.save(nib.Nifti1Image(np.array([[[0.0, 1, 2]]], np.float32), np.eye(4)), tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii", kind="labels", labels={1: "liver"})
    assert not volume.is_loaded
    assert volume.dtype == np.int32
    np.testing.assert_array_equal(volume.data, [[[0, 1, 2]]])
    nib.save(nib.Nifti1Image(np.array([[[0.5]]], np.float32), np.eye(4)), tmp_path / "b.nii")
    with pytest.raises(InputError, match="whole numbers"):
        read(tmp_path / "b.nii", kind="labels").load()


def test_text_named_nifti(tmp_path):
    for name in ("a.nii.gz", "a.nii"):
        (tmp_path / name).write_text("this is not a volume\n" * 100)
        with pytest.raises(FileError, match="named like nifti"):
            read(tmp_path / name)


@pytest.mark.parametrize("values", [[np.nan] * 4, [np.inf, 0, 0, 0], [0.0] * 4])
@pytest.mark.parametrize("qform", [0, 1])
def test_geometry_that_is_none_leaves_the_sizes_of_voxels(tmp_path, values, qform):
    data = distinct((3, 4, 5), np.uint8)
    raw = raw_header(Volume(data, np.diag([2.0, 3, 4, 1])), tmp_path)
    raw[252:254] = struct.pack("<h", qform)
    raw[256:268] = struct.pack("<3f", 2, 2, 2)  # longer than a quaternion may be
    raw[280:296] = struct.pack("<4f", *values)
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.warns(GeometryWarning, match="the sform of the file is no geometry"):
        volume = read(tmp_path / "a.nii")
    assert (volume.spacing, volume.orientation) == ((2, 3, 4), "LAS")
    np.testing.assert_array_equal(volume.data, data)
    assert any("the qform of the file is no geometry" in note for note in volume.notes) == bool(qform)
    assert any("does not say where in the body" in note for note in volume.notes)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(affine=affines(), unit=st.sampled_from([1, 2]), rows=st.sampled_from(["zero", "singular", "nan"]))
def test_a_singular_sform_gives_way_to_a_good_qform(affine, unit, rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("singular") / "a.nii"
    image = nib.Nifti1Image(distinct((3, 4, 5), np.uint8), None)
    image.set_qform(affine, 1)
    image.header.set_xyzt_units(unit)
    expected = image.header.get_qform()
    expected[:3] *= {1: 1000, 2: 1}[unit]
    nib.save(image, path)
    raw = bytearray(path.read_bytes())
    raw[254:256] = struct.pack("<h", 2)
    row = {"zero": [0.0] * 4, "singular": [1.0, 2.0, 3.0, 4.0], "nan": [np.nan] * 4}[rows]
    raw[280:328] = struct.pack("<12f", *row * 3)
    path.write_bytes(raw)
    with pytest.warns(GeometryWarning, match="the sform of the file is no geometry.*qform"):
        volume = read(path)
    # three float32 hold a half turn only up to the root of their precision, which the size of a voxel multiplies
    np.testing.assert_allclose(volume.affine, expected, rtol=1e-4, atol=1e-3 * np.abs(expected[:3, :3]).max())
    assert "qform" in volume.notes[-1]
    for place, content in ((80, struct.pack("<f", 0)), (256, struct.pack("<3f", 1, 1, 1)), (252, bytes(2))):
        worse = raw.copy()
        worse[place : place + len(content)] = content
        path.write_bytes(worse)
        with pytest.warns(GeometryWarning):
            doubts = " ".join(read(path).notes)
        assert "no size" in doubts or "origin at the centre" in doubts


@pytest.mark.parametrize(
    ("place", "content", "words"),
    [
        (40, struct.pack("<h", 9), r"1 to 7 axes.*\[9, .*fresh copy"),
        (70, struct.pack("<h", 1536), r"one of \[2, 4.*says 1536. Convert"),
        (108, struct.pack("<f", -4), r"byte of the file, got -4.0.*fresh copy"),
    ],
)
def test_broken_headers_say_what_to_do(tmp_path, place, content, words):
    raw = raw_header(Volume(distinct((3, 4, 5), np.uint8)), tmp_path)
    raw[place : place + len(content)] = content
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(FileError, match=words):
        read(tmp_path / "a.nii")


def test_half_a_header_says_what_to_do(tmp_path):
    raw = raw_header(Volume(distinct((3, 4, 5), np.uint8)), tmp_path)
    raw[4:12] = b"n+2\0\r\n\x1a\n"
    (tmp_path / "a.nii").write_bytes(raw[:360])
    with pytest.raises(FileError, match=r"540 bytes, the file has 360\. Get a fresh copy"):
        read(tmp_path / "a.nii")


def test_absurd_dimensions_are_refused_at_once(tmp_path):
    raw = raw_header(Volume(distinct((3, 4, 5), np.uint8)), tmp_path)
    for lengths in ([3, 30000, 30000, 30000], [7, *[32767] * 7], [3, -1, 2, 2], [0, 1, 1, 1], [9, 1, 1, 1]):
        raw[40 : 40 + 2 * len(lengths)] = struct.pack(f"<{len(lengths)}h", *lengths)
        for name, content in (("a.nii", bytes(raw)), ("a.nii.gz", gzip.compress(bytes(raw)))):
            (tmp_path / name).write_bytes(content)
            start = time.perf_counter()
            with pytest.raises(FileError):
                read(tmp_path / name)
            assert time.perf_counter() - start < 1


def test_gzip_damage(tmp_path):
    path = write(Volume(distinct((30, 30, 30), np.uint8)), tmp_path / "a.nii.gz")
    raw = bytearray(path.read_bytes())
    place = len(raw) // 2
    raw[place] ^= 255
    path.write_bytes(raw)
    # it still unpacks to as many bytes, which other readers show without a word
    with pytest.warns(GeometryWarning, match="checksum"):
        found = read(path).load()
    assert np.count_nonzero(found.data != nib.load(path).dataobj) == 0
    path.write_bytes(raw[:10] + b"\xff" * 40 + raw[50:])  # what no stream begins with
    with pytest.raises(FileError):
        read(path).load()


@pytest.mark.parametrize("cuts", [[5000, 10000], [7], [1, 2, 3], [348], [352, 353], []])
@pytest.mark.parametrize(
    ("end", "count"),
    [(b"", 0), (bytes(512), 512), (b"\0garbage", 8), (b"\x1f\x8bno", 4), (gzip.compress(b"", mtime=0), 0)],
)
def test_gzip_in_several_members_with_anything_behind(tmp_path, cuts, end, count):
    volume = Volume(distinct((30, 30, 30), np.uint8))
    raw = write(volume, tmp_path / "a.nii").read_bytes()
    pieces = [raw[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(raw)], strict=True)]
    path = tmp_path / "a.nii.gz"
    path.write_bytes(b"".join(map(gzip.compress, pieces)) + end)
    found = read(path)
    np.testing.assert_array_equal(found.data, volume.data)
    assert [note for note in found.notes if "behind the end" in note] == (
        [f"{count} bytes behind the end of the compressed data were left alone"] if count else []
    )
    np.testing.assert_array_equal(nib.load(path).get_fdata() if not end.strip(b"\0") else volume.data, volume.data)
    # what is missing is still told when the file is opened
    path.write_bytes(b"".join(map(gzip.compress, [*pieces[:-1], pieces[-1][:-9]])) + end)
    with pytest.raises(FileError, match="cut short"):
        read(path)


def test_bomb_is_not_unpacked(tmp_path):
    raw = bytes(raw_header(Volume(distinct((3, 4, 5), np.uint8)), tmp_path))
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(raw + bytes(200_000_000), 1))
    start = time.perf_counter()
    assert read(tmp_path / "a.nii.gz").load().shape == (3, 4, 5)
    assert time.perf_counter() - start < 1


def test_same_volume_same_bytes(tmp_path):
    volume = Volume(distinct((3, 4, 5), np.uint8))
    first, second = write(volume, tmp_path / "a.nii.gz"), write(volume, tmp_path / "b.nii.gz")
    assert first.read_bytes() == second.read_bytes()


def test_real_volumes_agree_with_nibabel(workbench_data):
    paths = [*(workbench_data / "mni152").glob("*.nii.gz"), *(workbench_data / "volumes").glob("*.nii.gz")]
    paths += sorted((workbench_data / "hippocampus" / "images").glob("*.nii.gz"))[:10]
    paths = [path for path in paths if path.stat().st_size < 3e6]
    assert len(paths) > 10
    for path in paths:
        ours, theirs = read(path), nib.load(path)
        np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-5, err_msg=path.name)
        assert ours.orientation == "".join(nib.aff2axcodes(theirs.affine))
        data = np.asarray(theirs.dataobj)
        assert ours.shape == tuple(n for i, n in enumerate(data.shape) if i < 3 or n > 1)
        np.testing.assert_allclose(ours.data, data.reshape(ours.shape), rtol=1e-6, atol=1e-6)


LABELS = ([0, 1], [0, 1, 2, 4], [*range(118)], [0, 1, 1000])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "uint16", "int32", "float32", "float64"])
@pytest.mark.parametrize("big", [False, True])
def test_labels_that_nibabel_saved_again(tmp_path, dtype, big):
    for values in LABELS:
        data = np.resize(np.array(values, float), (len(values), 2, 2))
        image = nib.Nifti1Image(data, np.eye(4), nib.Nifti1Header(endianness=">" if big else "<"))
        image.set_data_dtype(dtype)
        nib.save(image, tmp_path / "a.nii.gz")
        if np.abs(nib.load(tmp_path / "a.nii.gz").get_fdata() - data).max() >= 0.5:
            continue  # eight bits do not hold these
        volume = read(tmp_path / "a.nii.gz", kind="labels", labels={1: "liver"})
        assert not volume.is_loaded
        assert (volume.kind, volume.dtype.kind, volume.labels) == ("labels", volume.data.dtype.kind, {1: "liver"})
        assert volume.dtype.kind in "iu"
        np.testing.assert_array_equal(volume.data, data)


@pytest.mark.parametrize(("slope", "inter"), [(0.5, 0), (1, 0.5), (1 / 255, 0), (0.25, 1), (1.5, 0)])
def test_fractions_are_no_labels_whatever_the_slope(tmp_path, slope, inter):
    raw = raw_header(Volume(np.arange(256, dtype=np.uint8).reshape(16, 16, 1)), tmp_path)
    raw[112:120] = struct.pack("<2f", slope, inter)
    (tmp_path / "a.nii").write_bytes(raw)
    with pytest.raises(InputError, match="not fractions"):
        read(tmp_path / "a.nii", kind="labels").load()


def test_real_numbers_called_labels_are_noted(tmp_path):
    image = nib.Nifti1Image(np.array([[[0.0, 1, 2]]], np.float32), np.eye(4))
    image.header.set_intent("label")
    nib.save(image, tmp_path / "a.nii")
    volume = read(tmp_path / "a.nii")
    assert (volume.kind, volume.notes) == (
        "image", ('the file says that its real numbers are labels; kind="labels" reads them as such',),
    )  # fmt: skip
    assert read(tmp_path / "a.nii", kind="labels").dtype == np.int32
