from __future__ import annotations

import json
import warnings

import numpy as np
import pytest

from workbench import _geometry
from workbench.errors import InputError
from workbench.transforms import Preprocess
from workbench.volume import Volume

CODES = _geometry.codes()
RAW = {"kind": "none"}


def blob(volume_like: Volume, centre_mm: np.ndarray, sigma: float = 2.5) -> np.ndarray:
    """Return a Gaussian around a point in mm, on the grid of a volume."""
    index = np.stack(np.meshgrid(*map(np.arange, volume_like.spatial_shape), indexing="ij"), axis=-1)
    distance = np.linalg.norm(volume_like.to_world(index) - centre_mm, axis=-1)
    return np.exp(-0.5 * (distance / sigma) ** 2).astype(np.float32)


def centre_of_mass(volume: Volume, channel: np.ndarray | None = None) -> np.ndarray:
    weights = np.asarray(volume.data if channel is None else channel, np.float64)
    index = np.stack(np.meshgrid(*map(np.arange, volume.spatial_shape), indexing="ij"), axis=-1)
    return (volume.to_world(index) * weights[..., None]).sum(axis=tuple(range(volume.spatial_ndim))) / weights.sum()


def grid_of(prepared) -> Volume:
    return Volume(prepared.array[0], prepared.affine, kind="scores")


@pytest.mark.parametrize("code", CODES)
def test_turning_and_padding_are_undone_exactly(code):
    rng = np.random.default_rng(CODES.index(code))
    volume = Volume(
        rng.normal(size=(5, 7, 6)).astype(np.float32), _geometry.from_codes(code, (0.8, 1.2, 2.5), (3, -4, 5))
    )
    prepared = Preprocess(orientation="RAS", intensity=RAW, divisible_by=8).apply(volume)
    assert prepared.exact
    assert prepared.array.shape == (1, 8, 8, 8)
    assert grid_of(prepared).orientation == "RAS"
    back = prepared.restore(prepared.array[0])
    assert np.array_equal(back.affine, volume.affine)
    assert np.allclose(back.data, volume.data, atol=1e-5)
    labels = prepared.restore((prepared.array[0] > 0).astype(np.uint8), kind="labels", labels={0: "low", 1: "high"})
    assert np.array_equal(labels.data, volume.data > 0)
    assert labels.labels == {0: "low", 1: "high"}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"orientation": "RAS"},
        {"orientation": "SLP", "spacing": (1.0, 1.0, 1.0), "divisible_by": 8},
        {"spacing": 1.5, "size": (20, 24, 16), "fit": "pad-crop"},
        {"orientation": "LPI", "size": (24, 20, 28), "fit": "resize"},
    ],
)
def test_a_place_in_the_body_stays_where_it_is(affine, spec):
    volume = Volume(np.zeros((18, 15, 12)), affine)
    place = volume.to_world([11.0, 6.0, 5.0])
    volume = volume.with_data(blob(volume, place))
    prepared = Preprocess({"intensity": RAW, **spec}).apply(volume)
    assert prepared.array.dtype == np.float32
    assert np.linalg.norm(centre_of_mass(grid_of(prepared)) - place) < 0.25
    back = prepared.restore(prepared.array)
    assert back.same_grid(volume)
    assert np.array_equal(back.affine, volume.affine)
    assert np.linalg.norm(centre_of_mass(back) - place) < 0.3
    assert np.corrcoef(back.data.ravel(), volume.data.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("coarse", [(5, 6, 4), (10, 12, 8), (40, 48, 32)])
def test_a_map_of_another_grid_covers_the_same_field_of_view(affine, coarse):
    volume = Volume(np.zeros((18, 21, 15)), affine)
    prepared = Preprocess(orientation="RAS", size=(20, 24, 16), fit="pad-crop", intensity=RAW).apply(volume)
    place = volume.to_world([11.0, 8.0, 6.0])
    feature_map = blob(prepared.grid_of(coarse), place, sigma=5)
    back = prepared.restore(feature_map)
    assert back.same_grid(volume)
    expected = volume.with_data(blob(volume, place, sigma=5))
    assert np.linalg.norm(centre_of_mass(back) - centre_of_mass(expected)) < 0.3
    assert np.corrcoef(back.data.ravel(), expected.data.ravel())[0, 1] > 0.97


def test_pictures_are_left_as_they_are_by_ipl():
    picture = Volume(np.arange(20.0).reshape(4, 5))
    prepared = Preprocess(orientation="IPL", intensity=RAW).apply(picture)
    assert np.array_equal(prepared.array[0], picture.data)
    assert np.array_equal(prepared.restore(prepared.array[0] * 2).data, picture.data * 2)


@pytest.mark.parametrize("axis", ["i", "j", "k"])
def test_slices_of_volumes_come_back(affine, axis):
    volume = Volume(np.random.default_rng(0).normal(size=(6, 7, 8)).astype(np.float32), affine)
    picture = volume.slice_2d(axis, 3)
    prepared = Preprocess(orientation="IPL", intensity=RAW, divisible_by=16).apply(picture)
    back = prepared.restore(prepared.array[0])
    assert np.array_equal(back.affine, picture.affine)
    assert np.allclose(back.data, picture.data, atol=1e-5)


def test_channels_become_the_first_axis():
    data = np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32)
    picture = Volume(data, axes=("i", "j", "c"))
    prepared = Preprocess(intensity=RAW, divisible_by=4).apply(picture)
    assert prepared.array.shape == (3, 8, 8)
    assert prepared.batch.shape == (1, 3, 8, 8)
    back = prepared.restore(prepared.array, channels=("r", "g", "b"))
    assert np.allclose(back.data, data, atol=1e-6)
    assert back.channels == ("r", "g", "b")


def test_labels_follow_the_image(affine):
    rng = np.random.default_rng(0)
    labels = np.kron(rng.integers(0, 4, size=(4, 4, 4)), np.ones((4, 4, 4), int)).astype(np.uint8)
    volume = Volume(labels.astype(np.float32), affine)
    for spec in ({"orientation": "RAS", "divisible_by": 8}, {"size": (12, 20, 16), "fit": "pad-crop"}):
        preprocess = Preprocess({"intensity": RAW, **spec})
        prepared, seen = preprocess.apply(volume), preprocess.apply_labels(volume.with_data(labels, kind="labels"))
        assert seen.dtype == np.int64
        assert np.array_equal(seen, prepared.array[0])
    coarse = Preprocess(spacing=2.0)
    seen = coarse.apply_labels(volume.with_data(labels, kind="labels"))
    assert seen.shape == coarse.apply(volume).array.shape[1:]
    assert set(np.unique(seen)) <= {0, 1, 2, 3}


def test_fine_stripes_do_not_become_coarse_ones():
    stripes = Volume(np.tile(np.arange(120) % 2, (120, 1)).astype(np.float32))
    small = Preprocess(size=(17, 17), intensity=RAW).apply(stripes).array[0]
    assert np.ptp(small[:, 2:-2]) < 0.05
    assert abs(small.mean() - 0.5) < 0.02


def test_padding_is_zero_after_normalisation():
    volume = Volume(np.random.default_rng(0).normal(loc=900, scale=5, size=(6, 6, 6)))
    prepared = Preprocess(divisible_by=8, intensity={"kind": "zscore"}).apply(volume)
    inner = prepared.array[0, 1:7, 1:7, 1:7]
    assert abs(inner.mean()) < 1e-4
    assert abs(inner.std() - 1) < 1e-3
    assert prepared.array[0, 0].max() == prepared.array[0, 0].min() == 0


def test_values_that_are_not_finite_are_noted():
    data = np.ones((4, 4), np.float32)
    data[0, :2] = np.nan, np.inf
    data[1, 1] = -5
    prepared = Preprocess(intensity=RAW).apply(Volume(data))
    assert prepared.array[0, 0, :2].tolist() == [-5, -5]
    assert "2 voxels" in prepared.notes[0]
    with pytest.raises(InputError, match="none of its 9 has one"):
        Preprocess().apply(Volume(np.full((3, 3), np.nan)))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e300])
def test_no_value_that_is_not_finite_reaches_the_network(value):
    data = np.arange(60.0).reshape(3, 4, 5)
    data[1, 1, 1:4] = value
    for spec in ({}, {"spacing": 0.7}, {"size": 4}, {"intensity": {"kind": "percentile"}}):
        with warnings.catch_warnings(action="error"):
            prepared = Preprocess(spec).apply(Volume(data))
        assert np.isfinite(prepared.array).all()
        assert prepared.notes == ("3 voxels that are not finite were given the lowest value, 0.",)


@pytest.mark.parametrize("method", ["apply", "apply_labels"])
@pytest.mark.parametrize(
    ("given", "words"), [(np.zeros((2, 3)), r"got ndarray of shape \(2, 3\)"), ("ct.nii", "got str")]
)
def test_what_is_not_a_volume_is_refused_with_the_way_to_make_one(method, given, words):
    with pytest.raises(InputError, match=rf"is a Volume, {words}.*wb\.Volume\("):
        getattr(Preprocess(), method)(given)


def test_the_volume_is_not_changed():
    data = np.random.default_rng(0).normal(size=(5, 5, 5)).astype(np.float32)
    data[0, 0, 0] = np.nan
    before = data.copy()
    Preprocess(divisible_by=4).apply(Volume(data))
    assert np.array_equal(data, before, equal_nan=True)


def test_specification_is_plain_data():
    preprocess = Preprocess(orientation="RAS", spacing=(1, 1, 2), size=[8, 8, 8], divisible_by=8)
    assert Preprocess(json.loads(json.dumps(preprocess.spec))) == preprocess
    assert "RAS" in repr(preprocess)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"orientaton": "RAS"}, "Did you mean 'orientation'"),
        ({"orientation": "XYZ"}, "3 letters of the pairs.*got 'XYZ'"),
        ({"orientation": "RL"}, "2 letters of the pairs.*got 'RL'"),
        ({"orientation": 3}, "got 3"),
        ({"spacing": 0}, "above 0"),
        (
            {"size": (8, -1)},
            "size must be one whole number of voxels, at least 1, .*got",
        ),
        ({"fit": "crop"}, "Did you mean 'pad-crop'"),
        ({"divisible_by": 0}, "at least 1"),
        ({"divisible_by": "a"}, "divisible_by must be a whole number of voxels, at least 1, got 'a'"),
        ({"divisible_by": 2.5}, "got 2.5"),
    ],
)
def test_wrong_specifications(spec, message):
    with pytest.raises(InputError, match=message):
        Preprocess(spec)


def test_a_header_with_absurd_voxels_takes_no_absurd_time_or_memory():
    coarse = Preprocess(spacing=1e9, intensity=RAW).apply(Volume(np.ones((40, 40, 40), np.float32)))
    assert coarse.array.shape == (1, 1, 1, 1)
    with pytest.raises(InputError, match="check the spacing"):
        Preprocess(spacing=1).apply(Volume(np.ones((4, 4, 4), np.float32), np.diag([1e6, 1e6, 1e6, 1])))


def test_number_of_axes_must_fit():
    with pytest.raises(InputError, match="2 axes, the images have 3"):
        Preprocess(size=(8, 8)).apply(Volume(np.zeros((4, 4, 4))))
    prepared = Preprocess().apply(Volume(np.zeros((4, 4, 4))))
    with pytest.raises(InputError, match="spatial axes"):
        prepared.restore(np.zeros((4, 4)))
    with pytest.raises(InputError, match="kind 'image'"):
        Preprocess().apply_labels(Volume(np.zeros((4, 4, 4))))


def test_images_meant_to_look_dark_are_turned_on_demand():
    picture = np.array([[0, 10, 40], [20, 30, 5]], np.uint8)
    plain, dark = Volume(picture), Volume(40 - picture, inverted=True)
    asked = Preprocess(invert="if-inverted", intensity=RAW)
    assert Preprocess(asked.spec) == asked
    np.testing.assert_array_equal(asked.apply(dark).array, asked.apply(plain).array)
    np.testing.assert_array_equal(asked.apply(plain).array[0], picture)
    np.testing.assert_array_equal(Preprocess(intensity=RAW).apply(dark).array[0], 40 - picture)
    with pytest.raises(InputError, match=r"invert must be one of never, if-inverted, got 'always'"):
        Preprocess(invert="always")
