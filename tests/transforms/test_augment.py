"""Random changes."""

from __future__ import annotations

import json
import threading

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.transforms import Augment
from workbench.transforms.augment import DEFAULTS
from workbench.volume import Volume

SHAPES = {2: (20, 24), 3: (14, 18, 12)}


def sample(ndim, seed=0):
    rng = np.random.default_rng(seed)
    image = rng.standard_normal((2, *SHAPES[ndim])).astype(np.float32)
    label = np.zeros((1, *SHAPES[ndim]), np.uint8)
    label[(0, *(slice(4, 9),) * ndim)] = 3
    return {"image": image, "label": label}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", DEFAULTS)
def test_each_change_follows_the_seed(ndim, name):
    augment = Augment({name: {"prob": 1.0}}, ndim)
    given = sample(ndim)
    kept = {key: array.copy() for key, array in given.items()}
    one, again, other = (augment.apply(given, seed) for seed in (5, 5, 6))
    for key in given:
        np.testing.assert_array_equal(given[key], kept[key])  # the input is left alone
        np.testing.assert_array_equal(one[key], again[key])
        assert one[key].shape == given[key].shape
    assert one["image"].dtype == np.float32
    assert one["label"].dtype == np.uint8
    assert set(np.unique(one["label"])) <= {0, 3}
    assert not np.array_equal(one["image"], given["image"])
    if name not in {"flip", "invert"}:  # which have few outcomes
        assert not np.array_equal(one["image"], other["image"])
    if name in {"blur", "noise", "gamma", "intensity", "colour", "invert"}:
        np.testing.assert_array_equal(one["label"], given["label"])
    # a new object in a later process gives the same
    later = Augment(json.loads(json.dumps(augment.spec)), ndim)
    np.testing.assert_array_equal(later.apply(given, 5)["image"], one["image"])


def test_flips_are_flips():
    given = sample(3)
    augment = Augment({"flip": {"axes": [0, 2], "prob": 0.5}})
    seen = set()
    for seed in range(40):
        out = augment.apply(given, seed)
        for axes in ((), (1,), (3,), (1, 3)):
            if np.array_equal(out["image"], np.flip(given["image"], axes)):
                np.testing.assert_array_equal(out["label"], np.flip(given["label"], axes))
                seen.add(axes)
    assert seen == {(), (1,), (3,), (1, 3)}


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("name", ["flip", "affine", "elastic"])
def test_labels_go_where_the_image_goes(ndim, name):
    label = sample(ndim)["label"]
    augment = Augment({name: {"prob": 1.0}}, ndim)
    for seed in range(5):
        out = augment.apply({"image": label.astype(np.float32), "label": label}, seed)
        # the smooth edge of the image at half height is the edge of the labels
        assert ((out["image"] > 1.5) != (out["label"] == 3)).mean() < 0.01


@pytest.mark.parametrize("ndim", [2, 3])
def test_a_landmark_stays_where_it_was_in_the_body(ndim, affine):
    image = np.zeros(tuple(2 * n for n in SHAPES[ndim]), np.float32)
    place = tuple(n // 2 + 3 for n in image.shape)
    image[tuple(slice(p - 2, p + 3) for p in place)] = 1
    volume = Volume(image, affine, unit="a.u.")
    label = Volume((image > 0).astype(np.uint8), affine, kind="labels", labels={0: "no", 1: "yes"})
    augment = Augment({"flip": {"axes": list(range(ndim))}, "affine": {"prob": 1.0}}, ndim)
    moved = 0
    for seed in range(6):
        out = augment.apply_volumes({"image": volume, "label": label}, seed)
        center = np.argwhere(out["image"].data > 0.5).mean(axis=0)
        moved += np.linalg.norm(center - place) > 1
        distance = np.linalg.norm(out["image"].to_world(center) - volume.to_world(place))
        assert distance < 0.5 * max(volume.spacing)
        assert out["image"].unit == "a.u."
        assert out["label"].labels == label.labels
        assert out["label"].same_grid(out["image"])
    assert moved >= 3


def test_probability_zero_and_an_empty_spec_change_nothing():
    given = sample(3)
    for augment in (Augment({name: {"prob": 0.0} for name in DEFAULTS}), Augment({}), Augment()):
        out = augment.apply(given, 1)
        for key in given:
            np.testing.assert_array_equal(out[key], given[key])
            assert out[key] is not given[key]
    assert Augment().describe() == "no augmentation"


def test_threads_do_not_disturb_each_other():
    augment = Augment({"affine": {"prob": 1.0}, "noise": {"prob": 1.0}})
    given = sample(3)
    alone = [augment.apply(given, seed)["image"] for seed in range(8)]
    together: dict[int, np.ndarray] = {}
    threads = [
        threading.Thread(target=lambda s=seed: together.__setitem__(s, augment.apply(given, s)["image"]))
        for seed in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(8):
        np.testing.assert_array_equal(together[seed], alone[seed])


def test_values_stay_within_what_is_asked_for():
    ones = {"image": np.ones((1, 30, 30), np.float32)}
    shift = Augment({"intensity": {"scale": 0, "shift": 0.2, "prob": 1}}, 2)
    values = [shift.apply(ones, seed)["image"].mean() for seed in range(30)]
    assert 0.8 <= min(values) < 0.9 < 1.1 < max(values) <= 1.2
    ramp = {"image": np.arange(30 * 30, dtype=np.float32).reshape(1, 30, 30)}
    moved = Augment({"affine": {"rotate_deg": 0, "scale": 0, "translate": 0.1, "prob": 1}}, 2)
    jumps = [(moved.apply(ramp, seed)["image"] - ramp["image"])[0, 15, 15] / 30 for seed in range(30)]
    assert 1 < max(np.abs(jumps)) <= 3.2  # rows


def test_colours_change_channel_by_channel():
    rng = np.random.default_rng(0)
    given = {"image": rng.normal(2, 1, size=(3, 8, 9)).astype(np.float32)}
    augment = Augment({"colour": {"scale": 0.2, "shift": 0.3, "prob": 1}}, 2)
    for seed in range(10):
        out = augment.apply(given, seed)["image"]
        lines = [np.polyfit(old.ravel(), new.ravel(), 1) for old, new in zip(given["image"], out, strict=True)]
        slopes, shifts = np.array(lines).T
        assert len(set(slopes.round(4))) == len(set(shifts.round(4))) == 3
        assert (np.abs(slopes - 1) <= 0.2 + 1e-4).all()
        # what is shifted has been scaled already
        assert (np.abs(shifts) <= 0.3 + 1e-4).all()


def test_inverting_mirrors_about_the_mean():
    given = {"image": np.random.default_rng(0).normal(2, 1, size=(3, 8, 9)).astype(np.float32)}
    out = Augment({"invert": {"prob": 1}}, 2).apply(given, 0)["image"]
    np.testing.assert_allclose(out, 2 * given["image"].mean() - given["image"], atol=1e-5)
    changed = [
        not np.array_equal(Augment({"invert": {}}, 2).apply(given, s)["image"], given["image"]) for s in range(40)
    ]
    assert 8 < sum(changed) < 32


def test_describes_itself():
    text = Augment({"flip": {"axes": 1}, "affine": {}}, 2).describe()
    assert (
        text
        == "flip along axis 1 (50% each); rotate up to 15 degrees, zoom up to 10%, shift up to 5% of the size (50%)"
    )
    assert "2D" in repr(Augment({"blur": {}}, 2))


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"filp": {}}, "Did you mean 'flip'"),
        ({"affine": {"rotate": 3}}, "Did you mean 'rotate_deg'"),
        ({"flip": {"axes": [3]}}, "0 to 2"),
        ({"flip": {"axes": []}}, "0 to 2"),
        ({"noise": {"prob": 1.5}}, "prob must be a number, at least 0 and at most 1, got 1.5"),
        ({"noise": {"std": "much"}}, "number"),
        ({"gamma": {"range": [2, 1]}}, "smaller first"),
        ({"blur": {"sigma": 1}}, "sigma must be a list, each a number of voxels, above 0, got 1"),
        ({"flip": True}, "takes a dict"),
    ],
)
def test_bad_specs_are_named(spec, words):
    with pytest.raises(InputError, match=words):
        Augment(spec)


def test_bad_arrays_are_named():
    with pytest.raises(InputError, match="'image' must have a channel axis and 3 spatial axes"):
        Augment({"flip": {}}).apply({"image": np.zeros((4, 4, 4))}, 0)
    with pytest.raises(InputError, match="spatial_ndim=4"):
        Augment({}, 4)
