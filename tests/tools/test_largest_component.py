"""The largest part of each label and of all together."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from tests.tools.test_remove_small import AFFINE, counts, label_map
from workbench.testing import ToolContract
from workbench.tools import largest_component
from workbench.volume import Volume


class TestLargestComponent(ToolContract):
    name = "largest-component"
    options: ClassVar = {"connectivity": "corners"}

    @pytest.fixture
    def inputs(self) -> dict[str, Any]:
        return {"labels": label_map()}


def test_each_label_keeps_its_largest_part() -> None:
    labels = label_map()
    found = largest_component(labels)
    assert counts(found) == {1: 8, 2: 4, 300: 1}
    assert np.array_equal(np.argwhere(found.data == 2), np.argwhere(labels.data[:, :6] == 2))
    assert counts(largest_component(labels, connectivity="edges")) == {1: 8, 2: 6, 300: 1}


def test_all_labels_together_keep_what_hangs_together_whatever_its_labels() -> None:
    array = np.zeros((8, 3, 3), np.uint8)
    array[0:2], array[2, 0, 0] = 1, 2  # 18 + 1 voxels that touch
    array[4:6, :, :2] = 3  # 12 voxels by themselves
    labels = Volume(array, AFFINE, kind="labels")
    assert counts(largest_component(labels, of="all labels")) == {1: 18, 2: 1}
    assert counts(largest_component(labels)) == {1: 18, 2: 1, 3: 12}


def test_of_two_parts_of_one_size_the_first_stays() -> None:
    array = np.zeros((5, 3), np.uint8)
    array[0, 0] = array[4, 2] = 1
    found = largest_component(Volume(array, AFFINE, kind="labels"))
    assert np.argwhere(found.data).tolist() == [[0, 0]]


@pytest.mark.parametrize("of", ["each label", "all labels"])
def test_nothing_stays_nothing_and_what_nobody_annotated_stays(of: str) -> None:
    array = np.zeros((4, 3, 2), np.uint8)
    assert counts(largest_component(Volume(array, AFFINE, kind="labels"), of=of)) == {}
    array[0, 0, 0], array[1:, 2, 1], array[3, 0, 0] = 255, 1, 1
    known = Volume(array, AFFINE, kind="labels", labels={1: "x", 255: "unlabelled"})
    assert counts(largest_component(known, of=of)) == {1: 3, 255: 1}
