"""Lists in memory and the folder they are saved into."""

from __future__ import annotations

import json

import numpy as np
import pytest

from workbench import datasets
from workbench.errors import FileError, InputError
from workbench.testing.datasets import DatasetContract
from workbench.volume import Volume


def volumes(affine, count=5):
    rng = np.random.default_rng(0)
    for index in range(count):
        label = np.zeros((5, 6, 4), np.uint8)
        label[1:3, 2:4] = 1 + index % 2
        yield {
            "image": Volume(rng.random((5, 6, 4, 2), np.float32), affine, channels=("t1", "t2"), unit="a.u."),
            "label": Volume(label, affine, kind="labels", labels={0: "background", 1: "cyst", 2: "stone"}),
            "patient": f"p{index // 2}",
        }


class TestSegmentation(DatasetContract):
    @pytest.fixture
    def dataset(self, affine, tmp_path):
        made = datasets.from_list(volumes(affine), task="segmentation")
        made.save(tmp_path / "set")
        return made


class TestClassification(DatasetContract):
    @pytest.fixture
    def dataset(self, tmp_path):
        pictures = [(np.full((4, 5), float(i)), "dog" if i % 2 else "cat") for i in range(9)]
        made = datasets.from_list(pictures, task="classification", fractions=(1, 1, 1))
        made.save(tmp_path / "set")
        return made


def test_a_split_by_too_few_patients_is_asked_for_in_words(affine):
    samples = [{**sample, "patient": "p0"} for sample in volumes(affine)]
    with pytest.raises(InputError, match=r"1 patient\(s\) cannot be divided into 3 parts.*\{'train': 1\}"):
        datasets.from_list(samples, task="segmentation")
    assert datasets.from_list(samples, task="segmentation", fractions={"train": 1}).splits == {"train": [0, 1, 2, 3, 4]}
    assert datasets.from_list(samples[:2], task="segmentation").splits == {"train": [0, 1]}


def test_two_classes_have_two_names(affine):
    with pytest.raises(InputError, match="2 are called 'cyst'"):
        datasets.from_list(volumes(affine), task="segmentation", classes=("background", "cyst", "cyst"))


def test_names_come_from_the_labels(affine):
    made = datasets.from_list(volumes(affine), task="segmentation")
    assert made.classes == ("background", "cyst", "stone")
    assert made.in_channels == 2
    assert made.spec() is None
    assert datasets.from_list([(np.zeros((3, 3)), "b"), (np.zeros((3, 3)), "a")], task="classification").classes == (
        "a",
        "b",
    )
    array = np.zeros((3, 3, 3), int)
    array[0] = 2
    assert datasets.from_list([(array * 1.0, array)], task="segmentation").classes == (
        "background",
        "label 1",
        "label 2",
    )


def test_a_saved_set_keeps_geometry_names_and_has_no_pickle(affine, tmp_path):
    made = datasets.from_list(volumes(affine), task="segmentation")
    spec = made.save(tmp_path / "set")
    assert made.spec() == spec
    opened = datasets.from_spec(spec)
    for left, right in zip(opened, made, strict=True):
        np.testing.assert_array_equal(left["image"].affine, right["image"].affine)
        np.testing.assert_array_equal(left["image"].data, right["image"].data)
        assert left["image"].channels == ("t1", "t2")
        assert left["label"].labels == {0: "background", 1: "cyst", 2: "stone"}
        assert left["patient"] == right["patient"]
    # the second reading of a case must not be poorer than the first
    assert (
        opened._read(0)["label"].labels == opened._read(0)["label"].labels == {0: "background", 1: "cyst", 2: "stone"}
    )
    with np.load(tmp_path / "set" / "cases" / "000000.npz", allow_pickle=False) as stored:
        assert set(stored) == {"image", "image.affine", "label", "label.affine"}
    assert not [file for file in (tmp_path / "set").rglob("*") if file.suffix == ".part"]


def test_file_names_do_not_tell_who_the_patient_is(affine, tmp_path):
    samples = [{**sample, "id": f"smith-{i}"} for i, sample in enumerate(volumes(affine))]
    datasets.from_list(samples, task="segmentation").save(tmp_path)
    assert not [file for file in tmp_path.rglob("*") if "smith" in file.name]


def test_given_splits_are_kept():
    pictures = [(np.zeros((4, 5)), 0) for _ in range(4)]
    made = datasets.from_list(pictures, task="classification", classes=("a", "b"), splits={"train": [3, 0], "val": [1]})
    assert made.splits == {"train": [3, 0], "val": [1]}
    assert datasets.from_list(pictures[:2], task="classification").splits["train"] == [0, 1]


@pytest.mark.parametrize(
    ("samples", "task", "options", "words"),
    [
        ([], "segmentation", {}, "at least one sample"),
        (None, "segmentation", {}, "list of dicts.*got None"),
        (
            [(np.zeros((4, 4)), np.zeros((4, 5), int))],
            "segmentation",
            {},
            r"'case-0000' must have the image's shape \(4, 4\)",
        ),
        ([(np.zeros((4, 4)), np.full((4, 4), 7))], "segmentation", {"classes": ("a", "b")}, "no name: 7"),
        ([(np.zeros((4, 4)), np.full((4, 4), -1))], "segmentation", {"classes": ("a", "b")}, "no name: -1"),
        ([(np.zeros((4, 4)), 2)], "classification", {"classes": ("a", "b")}, "the classes are 0 to 1"),
        ([(np.zeros((4, 4)), "c")], "classification", {"classes": ("a", "b")}, "not one of a, b"),
        ([(np.zeros((4, 4)), 0), (np.zeros((4, 4, 4)), 0)], "classification", {}, "'case-0000' is 2D"),
        ([{"picture": 1}], "classification", {}, "'picture'"),
        ([{"label": 1}], "classification", {}, "no 'image'"),
        ([3], "classification", {}, "dict or an"),
        ([(np.zeros((4, 4)), 0)], "clasification", {}, "Did you mean 'classification'"),
    ],
)
def test_bad_samples_are_named(samples, task, options, words):
    with pytest.raises(InputError, match=words):
        datasets.from_list(samples, task=task, **options)


def test_labels_on_another_grid_are_refused_with_both_grids(affine):
    image = Volume(np.zeros((4, 4, 4)), affine)
    moved = affine.copy()
    moved[0, 3] += 5
    label = Volume(np.zeros((4, 4, 4), np.uint8), moved, kind="labels", labels={0: "background"})
    with pytest.raises(InputError, match=r"Image: shape .*12, .*Labels: shape .*17, "):
        datasets.from_list([(image, label)], task="segmentation")


def test_broken_folders_are_named(affine, tmp_path):
    with pytest.raises(FileError, match=r"no dataset\.json"):
        datasets.load("memory", path=tmp_path)
    datasets.from_list(volumes(affine), task="segmentation").save(tmp_path)
    (tmp_path / "cases" / "000002.npz").write_bytes(b"PK not a zip")
    opened = datasets.load("memory", path=tmp_path)
    assert opened[1]["id"]
    with pytest.raises(FileError, match=r"000002\.npz was changed"):
        opened[2]
    (tmp_path / "cases" / "000001.npz").unlink()
    with pytest.raises(FileError, match="Case 1 cannot be read"):
        datasets.load("memory", path=tmp_path)[1]
    content = json.loads((tmp_path / "dataset.json").read_text())
    (tmp_path / "dataset.json").write_text(json.dumps({**content, "schema": 99}))
    with pytest.raises(FileError, match="schema 99"):
        datasets.load("memory", path=tmp_path)
    (tmp_path / "dataset.json").write_text(json.dumps({**content, "cases": [1]}))
    with pytest.raises(FileError, match="not complete"):
        datasets.load("memory", path=tmp_path)
    (tmp_path / "dataset.json").write_text("[]")
    with pytest.raises(FileError, match="schema None"):
        datasets.load("memory", path=tmp_path)
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(FileError, match="not JSON"):
        datasets.load("memory", path=tmp_path)
    with pytest.raises(InputError, match="path="):
        datasets.load("memory")


def test_changed_data_changes_the_fingerprint(affine):
    samples = list(volumes(affine))
    before = datasets.from_list(samples, task="segmentation").fingerprint()
    data = samples[3]["image"].data.copy()
    data[0, 0, 0, 0] += 1
    samples[3]["image"] = samples[3]["image"].with_data(data)
    assert datasets.from_list(samples, task="segmentation").fingerprint() != before


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ("b", r"'b'. The id 'b' is at index 1: `dataset.ids.index\('b'\)`"),
        ("z", r"'z'. Ids are in `dataset.ids`"),
        ("train", r"use `dataset.subset\('train'\)`"),
        (1.0, r"whole number, got 1.0. Use 1\."),
        (0.5, r"got 0.5. For several cases use `dataset.select"),
        (True, r"got True.*np.flatnonzero\(mask\)"),
        ([0, 1], r"got \[0, 1\].*`dataset.select"),
        (None, "got None"),
        (3, r"has 3 cases \(0 to 2, or -3 to -1 from the end\), got index 3"),
        (-4, "got index -4"),
        (np.int64(7), "got index 7"),
    ],
)
def test_an_index_is_a_whole_number_of_a_case(affine, index, words):
    images = [
        {"image": Volume(np.full((3, 4), n, np.uint8), affine), "label": n, "id": name} for n, name in enumerate("abc")
    ]
    dataset = datasets.from_list(
        images, task="classification", classes=["x", "y", "z"], splits={"train": [0, 1], "val": [2]}
    )
    with pytest.raises(InputError, match=words):
        dataset[index]
    with pytest.raises(InputError, match=words):
        dataset.select([index])
    for wrong in (2, "b", None):
        with pytest.raises(InputError, match=rf"indices of cases, such as \[0, 2\], got {wrong!r}"):
            dataset.select(wrong)
    assert [sample["id"] for sample in dataset] == ["a", "b", "c"]
    assert dataset.select([np.int64(-1), 0]).ids == ("c", "a")


def test_masks_made_to_be_looked_at_are_not_256_classes():
    image, mask = np.zeros((4, 5), np.uint8), np.zeros((4, 5), np.uint8)
    mask[1] = 255
    with pytest.raises(InputError, match=r"0, 255.*mask > 127.*label_values=\{0: 0, 255: 1\}"):
        datasets.from_list([(Volume(image), mask)], task="segmentation")
    with pytest.raises(InputError, match=r"no name: 255.*mask > 127.*label_values=\{0: 0, 255: 1\}") as problem:
        datasets.from_list([(Volume(image), mask)], task="segmentation", classes=("no", "yes"))
    assert "unlabelled" not in str(problem.value)
    made = datasets.from_list([(Volume(image), mask > 127)], task="segmentation", classes=("no", "yes"))
    assert made[0]["label"].data.sum() == 5


def test_images_meant_to_look_dark_are_turned_on_demand(affine, tmp_path):
    images = [Volume(np.arange(24, dtype=np.int16).reshape(2, 3, 4) + n, affine, inverted=n == 1) for n in range(3)]
    samples = [(image, n % 2) for n, image in enumerate(images)]
    made = datasets.from_list(samples, task="classification")
    made.save(tmp_path / "as-stored")
    asked = datasets.from_list(samples, task="classification", invert="if-inverted")
    for dataset in (asked, datasets.load("memory", path=tmp_path / "as-stored", invert="if-inverted")):
        assert dataset[1]["image"].data[0, 0, 0] == 24
        assert dataset[1]["image"].data[1, 2, 3] == 1
        assert not dataset[1]["image"].inverted
        np.testing.assert_array_equal(dataset[2]["image"].data, images[2].data)
    stored = datasets.load("memory", path=tmp_path / "as-stored")
    assert stored[1]["image"].inverted
    np.testing.assert_array_equal(stored[1]["image"].data, images[1].data)
    again = datasets.from_spec(datasets.load("memory", path=tmp_path / "as-stored", invert="if-inverted").spec())
    assert again[1]["image"].data[0, 0, 0] == 24
    with pytest.raises(InputError, match="way to invert"):
        datasets.from_list(samples, task="classification", invert="yes")


@pytest.mark.parametrize(
    ("space", "words"),
    [
        ("patient", "4x5 at 0.5x0.25 mm, {letters}, uint8, a.u."),
        ("object", "4x5 at 0.5x0.25 mm, uint8, a.u."),
        ("pixels", "4x5 pixels, uint8, a.u."),
    ],
)
def test_the_summary_claims_no_size_that_is_not_known(space, words):
    picture = Volume(np.ones((4, 5), np.uint8), np.diag([0.5, 0.25, 1, 1]), space=space, unit="a.u.")
    made = datasets.from_list([(picture, "cat"), (picture, "dog")], task="classification")
    words = words.format(letters=picture.orientation)
    assert f"case 0   {words}\n" in repr(made)
    assert f"{words}</td>" in made._repr_html_()


def test_an_array_is_a_picture_of_pixels():
    made = datasets.from_list([(np.zeros((4, 5)), "cat"), (np.zeros((4, 5)), "dog")], task="classification")
    assert "4x5 pixels, float64" in repr(made)
    assert "mm" not in repr(made)
