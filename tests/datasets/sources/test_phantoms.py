"""The made-up patients."""

from __future__ import annotations

import time

import numpy as np
import pytest

from workbench import datasets
from workbench.errors import InputError
from workbench.testing.datasets import DatasetContract


class TestCtSegmentation(DatasetContract):
    @pytest.fixture
    def dataset(self):
        return datasets.load("phantom-ct", n=4, size=(18, 16, 20))


class TestCtClassification(DatasetContract):
    @pytest.fixture
    def dataset(self):
        return datasets.load("phantom-ct", n=5, size=16, task="classification", orientation="RAS")


class TestXraySegmentation(DatasetContract):
    @pytest.fixture
    def dataset(self):
        return datasets.load("phantom-xray", n=4, size=(40, 32), labels="lesion", lesion_probability=1)


class TestXrayClassification(DatasetContract):
    @pytest.fixture
    def dataset(self):
        return datasets.load("phantom-xray", n=6, size=24, task="classification", fractions=(2, 1))


def test_a_case_does_not_depend_on_how_many_there_are():
    few, many = datasets.load("phantom-ct", n=2, size=16), datasets.load("phantom-ct", n=7, size=16)
    assert few[1]["image"].fingerprint() == many[1]["image"].fingerprint()
    assert few[1]["image"].fingerprint() != many[2]["image"].fingerprint()
    other = datasets.load("phantom-ct", n=2, size=16, seed=1)
    assert other[1]["image"].fingerprint() != few[1]["image"].fingerprint()
    assert other.fingerprint() != few.fingerprint()


def test_ct_values_are_those_of_the_tissues():
    case = datasets.load("phantom-ct", n=1, size=48, noise=5, lesion_probability=0)[0]
    image, found = case["image"], case["label"].data
    present = [(value, name) for value, name in case["label"].labels.items() if name != "lesion"]
    median = {name: float(np.median(image.data[found == value])) for value, name in present}
    assert -900 < median["lungs"] < -780
    assert 90 < median["liver"] < 125
    assert 70 < median["heart"] < 200
    assert median["spine"] > 150
    assert image.unit == "HU"
    assert image.orientation == "LPS"
    assert len({round(s, 3) for s in image.spacing}) == 3
    assert image.data[0, 0].max() < -900  # air in the corner


def test_organs_lie_where_they_do_in_a_body():
    case = datasets.load("phantom-ct", n=1, size=40, lesion_probability=0)[0]
    label = case["label"]
    place = {
        name: label.to_world(np.argwhere(label.data == value).mean(axis=0))
        for value, name in label.labels.items()
        if name != "lesion"
    }
    assert place["liver"][0] > 20  # on the patient's right
    assert place["heart"][0] < 0
    assert place["spine"][1] < place["heart"][1]  # behind
    assert place["lungs"][2] > place["liver"][2]  # above


def test_spacing_cuts_out_a_part_of_the_same_patient():
    whole = datasets.load("phantom-ct", n=1, size=40, spacing=8, noise=0)[0]["image"]
    part = datasets.load("phantom-ct", n=1, size=20, spacing=8, noise=0)[0]["image"]
    assert part.spacing == pytest.approx((8, 8, 8))
    np.testing.assert_array_equal(part.data, whole.data[10:30, 10:30, 10:30])
    np.testing.assert_allclose(part.to_world([0, 0, 0]), whole.to_world([10, 10, 10]))


def test_noise_has_the_stated_size():
    clean = datasets.load("phantom-ct", n=1, size=32, noise=0)[0]["image"].data.astype(float)
    noisy = datasets.load("phantom-ct", n=1, size=32, noise=20)[0]["image"].data.astype(float)
    inside = (clean > -200) & (clean < 200)
    assert 17 < (noisy - clean)[inside].std() < 27


@pytest.mark.parametrize("name", ["phantom-ct", "phantom-xray"])
def test_the_class_says_whether_there_is_a_lesion(name):
    dataset = datasets.load(name, n=12, size=32, task="classification")
    assert 0 < sum(dataset.targets()) < 12
    for sample in dataset:
        assert sample["lesion"].data.any() == bool(sample["label"])


def test_a_lesion_has_the_stated_size_and_contrast():
    dataset = datasets.load("phantom-ct", n=4, size=48, lesion_probability=1, lesion_size=(40, 40), noise=0)
    for sample in dataset:
        mask = sample["lesion"].data.astype(bool)
        diameter = 2 * (mask.sum() * np.prod(sample["lesion"].spacing) * 3 / 4 / np.pi) ** (1 / 3)
        assert 32 < diameter < 50


def test_a_radiograph_shows_lungs_darker_and_a_nodule_brighter_than_lung():
    sample = datasets.load("phantom-xray", n=1, size=96, lesion_probability=1, noise=0, lesion_size=(40, 40))[0]
    image, found = sample["image"].data.astype(float), sample["label"].data
    assert sample["image"].orientation == "IL"
    lungs, heart, lesion = (float(np.median(image[found == value])) for value in (1, 2, 3))
    assert lungs < lesion
    assert lungs < heart


def test_large_and_small_sizes_show_the_same_patient():
    small = datasets.load("phantom-ct", n=1, size=24, noise=0)[0]["label"]
    large = datasets.load("phantom-ct", n=1, size=48, noise=0)[0]["label"]
    for value in (1, 2, 3, 4):
        ml = [(v.data == value).sum() * np.prod(v.spacing) for v in (small, large)]
        assert ml[0] == pytest.approx(ml[1], rel=0.15)


def test_is_fast_enough():
    dataset = datasets.load("phantom-ct", n=2, size=64)
    dataset[0]
    start = time.process_time()
    dataset[1]
    assert time.process_time() - start < 0.6  # 0.17 s on an idle core


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"sice": 3}, "Did you mean 'size'"),
        ({"size": (8, 8)}, "3 whole numbers"),
        ({"size": 4}, "from 8 to 4096"),
        ({"n": 0}, "n must be a whole number, at least 1, got 0"),
        ({"seed": -1}, "seed"),
        ({"noise": -1}, "noise"),
        ({"lesion_probability": 2}, "lesion_probability must be a number, at least 0 and at most 1, got 2"),
        ({"lesion_size": (30, 10)}, "smallest and the largest"),
        ({"spacing": 0}, "above 0"),
        ({"task": "detection"}, "one of segmentation, classification, localisation, joint, got 'detection'"),
        ({"labels": "organ"}, "Did you mean 'organs'"),
        ({"seed": "x"}, "seed must be a whole number, at least 0, got 'x'"),
    ],
)
def test_bad_options_are_named(options, words):
    with pytest.raises(InputError, match=words):
        datasets.load("phantom-ct", **options)


@pytest.mark.parametrize("name", ["phantom-xray", "phantom-ct"])
def test_class_and_mask_for_localisation_and_for_both(name):
    size = {"phantom-xray": (24, 24), "phantom-ct": (16, 16, 16)}[name]
    lesion = datasets.load(name, n=4, size=size, labels="lesion")
    organs = datasets.load(name, n=4, size=size)
    found = datasets.load(name, n=4, size=size, task="localisation")
    both = datasets.load(name, n=4, size=size, task="joint")
    assert found.classes == both.classes == ("no lesion", "lesion")
    assert found.targets() == both.targets() == datasets.load(name, n=4, size=size, task="classification").targets()
    for index in range(4):
        assert found[index]["label"]["class"] == found.targets()[index]
        np.testing.assert_array_equal(found[index]["label"]["mask"].data, lesion[index]["label"].data)
        np.testing.assert_array_equal(both[index]["label"]["mask"].data, organs[index]["label"].data)
