"""Small parts, by volume and by voxels, with voxels of 2 x 3 x 2.5 mm: 15 mm3 each."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.testing import ToolContract
from workbench.tools import remove_small
from workbench.volume import Volume

AFFINE = np.array([[0, -3.0, 0, 7], [2.0, 0, 0, -4], [0, 0, -2.5, 11], [0, 0, 0, 1]])


def label_map() -> Volume:
    """Label 1: parts of 8 and of 1 voxel; label 2: parts of 4 and 2 that touch in an edge; label 300: one voxel."""
    array = np.zeros((9, 8, 7), np.int16)
    array[1:3, 1:3, 1:3] = 1
    array[5, 1, 1] = 1
    array[5:7, 4:6, 3] = 2
    array[4, 6, 3:5] = 2
    array[8, 7, 6] = 300
    return Volume(array, AFFINE, kind="labels", labels={0: "background", 1: "liver", 2: "vein", 300: "stone"})


def counts(labels: Volume) -> dict[int, int]:
    values, number = np.unique(labels.data, return_counts=True)
    return {int(value): int(n) for value, n in zip(values, number, strict=True) if value}


class TestRemoveSmall(ToolContract):
    name = "remove-small"
    options: ClassVar = {"volume": 45.0, "connectivity": "edges"}

    @pytest.fixture
    def inputs(self) -> dict[str, Any]:
        return {"labels": label_map()}


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({"volume": 0.0}, {1: 9, 2: 6, 300: 1}),
        ({"volume": 15.0}, {1: 9, 2: 6, 300: 1}),
        ({"volume": 15.1}, {1: 8, 2: 6}),
        ({"volume": 30.1}, {1: 8, 2: 4}),
        ({"volume": 30.1, "connectivity": "edges"}, {1: 8, 2: 6}),
        ({"volume": 120.0}, {1: 8}),
        ({"volume": 120.1}, {}),
        ({"voxels": 2}, {1: 8, 2: 6}),
        ({"voxels": 3, "volume": 0.0}, {1: 8, 2: 4}),
        ({}, {1: 8}),
    ],
)
def test_parts_below_the_volume_are_dropped_label_by_label(options: dict[str, Any], left: dict[int, int]) -> None:
    assert counts(remove_small(label_map(), **options)) == left


def test_the_parts_that_stay_are_where_they_were() -> None:
    labels = label_map()
    found = remove_small(labels, voxels=8)
    assert np.array_equal(np.argwhere(found.data), np.argwhere(labels.data[:4] == 1))


def test_corners_join_what_edges_do_not() -> None:
    array = np.zeros((4, 4, 4), np.uint8)
    array[0, 0, 0] = array[1, 1, 1] = 1
    labels = Volume(array, AFFINE, kind="labels")
    assert counts(remove_small(labels, voxels=2, connectivity="edges")) == {}
    assert counts(remove_small(labels, voxels=2, connectivity="corners")) == {1: 2}


def test_labels_that_touch_are_parts_of_their_own() -> None:
    array = np.ones((4, 3, 2), np.uint8)
    array[3] = 2
    found = remove_small(Volume(array, AFFINE, kind="labels"), voxels=7)
    assert counts(found) == {1: 18}


def test_what_nobody_annotated_stays() -> None:
    array = np.zeros((4, 3, 2), np.uint8)
    array[0, 0, 0], array[3, 2, 1] = 255, 1
    known = Volume(array, AFFINE, kind="labels", labels={0: "background", 1: "x", 255: "unlabelled"})
    assert counts(remove_small(known, voxels=2)) == {255: 1}
    assert counts(remove_small(known.with_meaning(labels={}), voxels=2)) == {}


def test_a_map_of_booleans_and_an_empty_one() -> None:
    array = np.zeros((4, 3, 2), bool)
    assert not remove_small(Volume(array, AFFINE, kind="labels")).data.any()
    array[0] = True
    found = remove_small(Volume(array, AFFINE, kind="labels"), voxels=6)
    assert found.dtype == bool
    assert np.array_equal(found.data, array)


def test_a_channel_axis_of_one_is_no_obstacle() -> None:
    labels = label_map()
    one = Volume(labels.data[..., None], AFFINE, kind="labels", axes=("i", "j", "k", "c"))
    assert counts(remove_small(one, voxels=8)) == {1: 8}


def test_a_picture_has_areas_and_one_without_size_needs_a_number() -> None:
    array = np.zeros((5, 5), np.uint8)
    array[:2, :2] = array[4, 4] = array[3, 3] = 1
    sized = Volume(array, np.diag([0.5, 2.0, 9.0, 1]), kind="labels")
    assert counts(remove_small(sized, volume=1.1)) == {1: 4}
    assert counts(remove_small(sized, volume=2.0, connectivity="edges")) == {1: 6}
    with pytest.raises(InputError, match=r"no physical size, so that 100 mm3 .* Give voxels"):
        remove_small(Volume(array, kind="labels"))
    assert counts(remove_small(Volume(array, kind="labels"), voxels=4)) == {1: 4}
