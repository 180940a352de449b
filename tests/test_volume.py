from __future__ import annotations

import pickle

import numpy as np
import pytest

from workbench import Volume
from workbench.errors import FileError, InputError
from workbench.testing.files import distinct


def lazy(data, affine=None, **meaning):
    return Volume(lambda: data, affine, shape=data.shape, dtype=data.dtype, **meaning)


def test_defaults():
    volume = Volume(np.zeros((2, 3, 4), np.int16))
    assert volume.orientation == "RAS"
    assert volume.spacing == (1, 1, 1)
    assert (volume.axes, volume.kind, volume.num_channels) == (("i", "j", "k"), "image", 1)
    picture = Volume(np.zeros((2, 3), np.uint8))
    assert (picture.orientation, picture.spacing, picture.spatial_ndim) == ("PL", (1, 1), 2)
    np.testing.assert_array_equal(picture.to_world([1, 2]), [-2, -1, 0])
    colour = Volume(np.zeros((2, 3, 4), np.uint8), axes=("i", "j", "c"))
    assert (colour.spatial_shape, colour.num_channels) == ((2, 3), 4)
    assert Volume(np.zeros((2, 3, 4, 5))).axes == ("i", "j", "k", "c")


def test_a_voxel_has_a_volume_and_a_pixel_an_area(affine):
    assert Volume(np.zeros((2, 3, 4)), affine).voxel_volume == pytest.approx(0.8 * 1.25 * 2.5)
    assert Volume(np.zeros((2, 3)), affine).voxel_volume == pytest.approx(0.8 * 1.25)
    sheared = affine @ np.array([[1, 0, 0.7, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    assert Volume(np.zeros((2, 3, 4)), sheared).voxel_volume == pytest.approx(2.5)


def test_repr_tells_the_truth(affine):
    volume = lazy(np.zeros((2, 3, 4), np.int16), affine, unit="HU", source="/home/doe-jane/ct.nii.gz")
    assert repr(volume) == "<Volume image 2x3x4 int16, 0.8x1.25x2.5 mm LAS, HU, 48 bytes, not loaded, .nii.gz>"
    volume.load()
    assert "48 bytes, loaded" in repr(volume)
    assert "doe" not in repr(volume)


@pytest.mark.parametrize(
    ("name", "shown"),
    [("scan.doe", ""), ("scan.DOE.gz", ".gz"), ("Doe.Jane.NII.GZ", ".NII.GZ"), ("jane.doe.dcm", ".dcm")],
)
def test_repr_shows_no_ending_that_may_be_a_name(name, shown):
    text = repr(Volume(np.zeros((2, 3)), source=f"/scans/{name}"))
    assert text.lower().count("doe") == 0
    assert text.endswith(f", {shown}>" if shown else "loaded>")


def test_loading_happens_once_and_is_checked():
    calls = []

    def loader():
        calls.append(1)
        return np.zeros((2, 2))

    volume = Volume(loader, shape=(2, 2), dtype=float)
    assert volume.nbytes == 32
    assert not calls
    assert volume.data is volume.data
    assert len(calls) == 1
    with pytest.raises(FileError, match=r"\(2, 3\).*\(2, 2\)"):
        Volume(loader, shape=(2, 3), dtype=float).load()
    with pytest.raises(InputError, match="shape"):
        Volume(loader)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"affine": np.eye(3)}, "4x4"),
        ({"affine": np.full((4, 4), np.nan)}, "finite"),
        ({"affine": np.diag([1, 1, 0, 1])}, "length above 0"),
        ({"affine": np.array([[1, 1, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])}, "one plane"),
        ({"affine": np.diag([1, 1, 1, 2])}, "last row"),
        ({"affine": "RAS"}, "4x4"),
        ({"kind": "label"}, "labels"),
        ({"axes": ("x", "y", "z")}, "axes"),
        ({"axes": ("i", "j")}, "axes"),
        ({"channels": ("a", "b")}, "every channel"),
        ({"labels": {"one": "liver"}}, "whole numbers"),
    ],
)
def test_rules_of_construction(arguments, words):
    with pytest.raises(InputError, match=words):
        Volume(np.zeros((2, 3, 4)), **arguments)


@pytest.mark.parametrize("value", [0.5, np.nan, np.inf, -np.inf, 3e9])
def test_what_no_label_can_be_is_named(value):
    with pytest.raises(InputError, match=f"got {value:g}".replace("+", r"\+")):
        Volume(np.array([[1.0, value]]), kind="labels")


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (lambda v: Volume([[1], [2, 3]]), "one array of numbers"),
        (lambda v: v.pad(1, 1, np.nan), "hold -32768 to 32767, got value nan"),
        (lambda v: v.pad(1, 1, 1e6), "got value 1000000.0"),
        (lambda v: v.pad(1, 1, "air"), "one number, got 'air'"),
        (lambda v: v.resample_like(Volume(np.zeros((2, 2, 2))), fill=np.nan), "got fill nan"),
        (lambda v: v.resample_like(v.data), "takes the Volume.*got ndarray"),
        (lambda v: v.slice_2d("k", 1.5), "slices 0 to 3, got 1.5"),
        (lambda v: v.slice_2d([1], 0), r"along i, j or k.*got \[1\]"),
        (lambda v: v.to_world("here"), "Voxel indices are numbers, got 'here'"),
        (lambda v: v.to_voxel(["x", "y", "z"]), "Points in mm are numbers"),
    ],
)
def test_rules_of_use(action, words):
    with pytest.raises(InputError, match=words):
        action(Volume(np.zeros((2, 3, 4), np.int16)))


@pytest.mark.parametrize(
    "data", [np.zeros(3), np.zeros((2,) * 5), np.zeros((0, 2)), np.array([["a", "b"]]), 1j * np.eye(2)]
)
def test_arrays_that_are_no_volume(data):
    with pytest.raises(InputError):
        Volume(data)


def test_float_labels_become_whole_or_are_refused():
    assert Volume(np.array([[0.0, 2.0]]), kind="labels").dtype == np.int32
    with pytest.raises(InputError, match="fractions"):
        Volume(np.array([[0.5, 2.0]]), kind="labels")


def test_crop_and_pad_keep_points(affine):
    volume = lazy(distinct((5, 6, 7), np.int16), affine)
    part = volume.crop([1, 2, 3], [4, 5, 7])
    assert not part.is_loaded
    np.testing.assert_allclose(part.to_world([0, 0, 0]), volume.to_world([1, 2, 3]))
    np.testing.assert_array_equal(part.data, volume.data[1:4, 2:5, 3:7])
    again = part.pad([1, 2, 3], [1, 1, 0], value=-5)
    np.testing.assert_allclose(again.affine, volume.affine, atol=1e-12)
    np.testing.assert_array_equal(again.data[1:4, 2:5, 3:7], part.data)
    assert (again.data[0] == -5).all()
    for start, stop in (
        ([0, 0, 0], [6, 6, 7]),
        ([-1, 0, 0], [2, 2, 2]),
        ([2, 2, 2], [2, 3, 3]),
        ([0.5, 0, 0], [2, 2, 2]),
    ):
        with pytest.raises(InputError):
            volume.crop(start, stop)


def test_slices_keep_their_place(affine):
    volume = lazy(distinct((5, 6, 7, 2), np.int16), affine)
    for axis, index, rest in (("i", 4, (1, 2)), ("j", 3, (0, 2)), (2, 6, (0, 1))):
        picture = volume.slice_2d(axis, index)
        number = axis if isinstance(axis, int) else "ijk".index(axis)
        assert picture.axes == ("i", "j", "c")
        np.testing.assert_array_equal(picture.data, np.take(volume.data, index, axis=number))
        point = [0, 0, 0]
        point[number], point[rest[0]], point[rest[1]] = index, 2, 3
        np.testing.assert_allclose(picture.to_world([2, 3]), volume.to_world(point))
        np.testing.assert_allclose(picture.to_voxel(volume.to_world(point)), [2, 3], atol=1e-9)
    for axis, index in (("k", 7), ("x", 0), (3, 0), ("i", -1)):
        with pytest.raises(InputError):
            volume.slice_2d(axis, index)


def test_with_data_and_meaning(affine):
    volume = Volume(np.zeros((3, 4, 5), np.int16), affine, unit="HU", labels={1: "a"})
    scores = volume.with_data(np.zeros((3, 4, 5, 2)), kind="scores", channels=("x", "y"))
    assert (scores.kind, scores.channels, scores.unit, scores.labels) == ("scores", ("x", "y"), "", {})
    assert scores.same_grid(volume)
    assert volume.with_data(np.ones((3, 4, 5))).unit == "HU"
    with pytest.raises(InputError, match="grid"):
        volume.with_data(np.zeros((3, 4, 6)))
    with pytest.raises(InputError, match="color"):
        volume.with_meaning(color="red")


def test_same_grid_measures_the_far_corner(affine):
    volume = Volume(np.zeros((100, 4, 5)), affine)
    shifted, scaled = affine.copy(), affine.copy()
    shifted[0, 3] += 2e-4
    scaled[:3, 0] *= 1 + 1e-5
    assert volume.same_grid(Volume(np.zeros((100, 4, 5)), affine + 0.0))
    assert not volume.same_grid(Volume(np.zeros((100, 4, 5)), shifted))
    assert not volume.same_grid(Volume(np.zeros((100, 4, 5)), scaled))
    assert volume.same_grid(Volume(np.zeros((100, 4, 5)), shifted), tolerance=1e-3)


def test_fingerprint(affine):
    data = distinct((3, 4, 5), np.int16)
    one = Volume(data, affine).fingerprint()
    assert len(one) == 64
    assert Volume(np.asfortranarray(data), affine).fingerprint() == one
    assert Volume(data.astype(">i2"), affine).fingerprint() == one
    other = data.copy()
    other[2, 3, 4] += 1
    assert Volume(other, affine).fingerprint() != one
    assert Volume(data.astype(np.int32), affine).fingerprint() != one
    assert Volume(data, np.eye(4)).fingerprint() != one


def test_channels_first_and_back(affine):
    volume = Volume(distinct((3, 4, 5, 2), np.float32), affine)
    array = volume.channels_first()
    assert array.shape == (2, 3, 4, 5)
    assert np.shares_memory(array, volume.data)
    back = Volume.from_channels_first(array, affine)
    np.testing.assert_array_equal(back.data, volume.data)
    assert Volume.from_channels_first(array[:1]).shape == (3, 4, 5)
    assert Volume.from_channels_first(array[:, 0]).axes == ("i", "j", "c")
    with pytest.raises(InputError):
        Volume.from_channels_first(array[0, 0])


def test_points_must_have_the_right_length():
    volume = Volume(np.zeros((3, 4, 5)))
    for call in (volume.to_world, volume.to_voxel):
        with pytest.raises(InputError):
            call([1, 2])


def test_affine_cannot_be_changed_behind_the_back(affine):
    volume = Volume(np.zeros((3, 4, 5)), affine)
    affine[0, 3] = 1000
    assert volume.affine[0, 3] == 12
    with pytest.raises(ValueError, match="read-only"):
        volume.affine[0, 3] = 0


def test_copies_to_other_processes(affine):
    volume = lazy(distinct((3, 4, 5), np.int16), affine, kind="labels", labels={1: "a"}, notes=["tilt"])
    other = pickle.loads(pickle.dumps(volume))
    np.testing.assert_array_equal(other.data, volume.data)
    assert (other.kind, other.labels, other.notes) == (volume.kind, volume.labels, volume.notes)


def test_layout_in_memory_does_not_matter(affine):
    data = distinct((12, 12, 9), np.int16)
    for spacing in (0.7, 1.7):
        one = Volume(data, affine).resample(spacing)
        other = Volume(np.asfortranarray(data), affine).resample(spacing)
        np.testing.assert_array_equal(one.data, other.data)


def test_a_grid_larger_than_the_free_memory_is_refused(monkeypatch):
    monkeypatch.setattr("psutil.virtual_memory", lambda: type("Memory", (), {"available": 1e8}))
    volume = Volume(np.zeros((10, 10, 10), np.int16))
    assert volume.resample(0.05).shape == (200, 200, 200)
    with pytest.raises(InputError, match=r"1000 x 1000 x 1000 voxels takes 2 GB of memory, 100 MB are free"):
        volume.resample(0.01)
    with pytest.raises(InputError, match="Choose larger voxels"):
        volume.resample_like(Volume(lambda: None, shape=(1000,) * 3, dtype=np.uint8))


@pytest.mark.parametrize(
    ("values", "turned"),
    [
        (np.array([[[-1000, 3000, 0]]], np.int16), [3000, -1000, 2000]),
        (np.array([[[-32768, 32767, 0]]], np.int16), [32767, -32768, -1]),
        (np.array([[[10, 250, 100]]], np.uint8), [250, 10, 160]),
        (np.array([[[0.5, -1.5, np.nan]]], np.float32), [-1.5, 0.5, np.nan]),
        (np.array([[[True, False, True]]]), [False, True, False]),
    ],
)
def test_inverted_values_are_turned_within_their_range(affine, values, turned):
    volume = Volume(values, affine, unit="a.u.", inverted=True)
    upright = volume.upright()
    assert not upright.inverted
    assert upright.dtype == values.dtype
    assert upright.unit == "a.u."
    np.testing.assert_array_equal(upright.data[0, 0], turned)
    np.testing.assert_array_equal(volume.data, values)
    assert upright.upright() is upright


def test_inverted_is_kept_by_what_keeps_the_values(affine):
    volume = Volume(np.arange(24).reshape(2, 3, 4), affine, inverted=True)
    assert "inverted" in repr(volume)
    kept = [
        volume.reorient("RAS"), volume.resample(1.0), volume.crop((0, 0, 0), (1, 2, 2)), volume.pad(1, 1),
        volume.slice_2d("k", 1), volume.with_data(volume.data + 1), volume.with_meaning(unit="x"),
    ]  # fmt: skip
    assert all(item.inverted for item in kept)
    assert not volume.with_data(volume.data, kind="scores").inverted
    assert not volume.with_meaning(inverted=False).inverted
    lazy = Volume(lambda: np.zeros((2, 3, 4)), affine, shape=(2, 3, 4), dtype=float, inverted=True)
    assert not lazy.upright().is_loaded
    assert not lazy.is_loaded
