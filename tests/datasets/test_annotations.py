"""Every kind of annotation goes into a data set, into its files, and comes back; wrong ones are named by their case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import datasets
from workbench.datasets.annotations import as_shown, parts
from workbench.errors import InputError
from workbench.shapes import Boxes, Ellipses, Points, Shapes
from workbench.volume import Volume

AFFINE = np.array([[0, -2.0, 0, 30], [0.5, 0, 0, 7], [0, 0, 1, 0], [0, 0, 0, 1]])
IMAGE = Volume(np.arange(60, dtype=np.uint8).reshape(6, 10), AFFINE)
IDS = np.zeros((6, 10), np.uint16)
IDS[1:3, 1:4], IDS[3:5, 4:8] = 1, 300

ANNOTATIONS: dict[str, Any] = {
    "classification": 1,
    "instances": IDS,
    "detection": Boxes([[0.5, 1.5, 3.5, 4.5]], [1], AFFINE),
    "points": Points([[1, 2], [3, 4]], [0, 1], AFFINE),
    "ellipses": Ellipses([[3, 4, 2, 1, 0.3]], [0], AFFINE),
    "localisation": {"class": 1, "mask": (IDS > 0).astype(np.uint8)},
    "joint": {"class": 0, "mask": (IDS > 0).astype(np.uint8)},
}


def made(task: str, label: Any, classes: tuple[str, ...] = ("one", "two")) -> datasets.Dataset:
    return datasets.from_list([{"id": "a", "image": IMAGE, "label": label}] * 1, task=task, classes=classes)


@pytest.mark.parametrize("task", ANNOTATIONS)
def test_saved_and_opened_again(task: str, tmp_path: Path) -> None:
    before = made(task, ANNOTATIONS[task])
    after = datasets.from_spec(before.save(tmp_path))
    assert after.task == task
    assert after.fingerprint() == before.fingerprint()
    assert after.targets() == before.targets()
    kept, known = parts(after[0]["label"]), parts(before[0]["label"])
    assert kept.keys() == known.keys()
    for name, part in kept.items():
        other = known[name]
        if isinstance(part, Volume):
            np.testing.assert_array_equal(part.data, other.data)
            np.testing.assert_array_equal(part.affine, AFFINE)
        elif isinstance(part, Shapes):
            assert type(part) is type(other)
            np.testing.assert_array_equal(part.values, other.values)
            np.testing.assert_array_equal(part.labels, other.labels)
        else:
            assert part == other


def test_classes_of_whole_images_are_known_where_there_are_any() -> None:
    found = {task: made(task, label).targets() for task, label in ANNOTATIONS.items()}
    assert found == {**dict.fromkeys(ANNOTATIONS), "classification": [1], "localisation": [1], "joint": [0]}


def test_shapes_are_brought_onto_the_grid_of_their_image() -> None:
    drawn_elsewhere = ANNOTATIONS["points"].onto(np.eye(4))
    label = made("points", drawn_elsewhere)[0]["label"]
    np.testing.assert_allclose(label.values, [[1, 2], [3, 4]], atol=1e-9)


def test_another_annotation_is_another_fingerprint() -> None:
    moved = ANNOTATIONS["detection"].shifted([1, 0])
    assert made("detection", moved).fingerprint() != made("detection", ANNOTATIONS["detection"]).fingerprint()


@pytest.mark.parametrize(
    ("task", "label", "words"),
    [
        ("detection", ANNOTATIONS["points"], "must be Boxes"),
        ("detection", Boxes([[0, 0, 2, 2]], [2], AFFINE), "class 2; the classes are 0 to 1"),
        ("points", Points([[2, 2], [9, 2]], affine=AFFINE), "1 of the 2 points of 'a' have their centre outside"),
        ("points", Points([[2, 2, 2]], affine=AFFINE), "have 3 axes, the image has 2"),
        ("instances", -IDS.astype(np.int64), "numbers from 0"),
        ("instances", IDS[:, :5], "image's shape"),
        ("instances", ANNOTATIONS["detection"], "must be a Volume or an array"),
        ("localisation", 1, "{'class': int, 'mask': Volume}"),
        ("joint", {"class": 1, "masks": IDS}, "mask"),
        ("joint", {"class": 2, "mask": None}, "is 2; the classes are 0 to 1"),
    ],
)
def test_wrong_annotations_say_what_is_wrong(task: str, label: Any, words: str) -> None:
    with pytest.raises(InputError, match=words):
        made(task, label)


def test_what_is_shown_of_each() -> None:
    shown = {
        task: as_shown(made(task, label)[0]["label"], IMAGE, ("one", "two")) for task, label in ANNOTATIONS.items()
    }
    assert shown.pop("classification") is None
    for task, volume in shown.items():
        assert volume is not None, task
        assert volume.same_grid(IMAGE)
        assert volume.data.any(), task
    assert shown["detection"].data[1, 2] == 2
