"""Made-up cells: the same for everyone, and their annotations agree with one another."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench import datasets
from workbench.datasets.sources import phantom_cells
from workbench.errors import InputError
from workbench.testing.datasets import DatasetContract


@pytest.mark.parametrize("task", phantom_cells.CARD.tasks)
class TestPhantomCells(DatasetContract):
    @pytest.fixture
    def dataset(self, task: str) -> datasets.Dataset:
        return datasets.load("phantom-cells", n=6, size=(48, 64), task=task)


def sample(task: str, index: int = 1, **options: Any) -> dict[str, Any]:
    return datasets.load("phantom-cells", n=4, task=task, **options)[index]


def test_boxes_points_and_instances_are_of_the_same_cells() -> None:
    boxes, points, cells = (sample(task)["label"] for task in ("detection", "points", "ellipses"))
    ids, kinds = sample("instances")["label"].data, sample("segmentation")["label"].data
    assert len(points) == len(cells) == len(np.unique(ids)) - 1
    assert len(boxes) == len(cells)
    np.testing.assert_array_equal(ids > 0, kinds > 0)
    for number, label in enumerate(cells.labels, start=1):
        assert set(np.unique(kinds[ids == number])) == {label + 1}
        rows, columns = np.nonzero(ids == number)
        low, high = boxes.lower[number - 1], boxes.upper[number - 1]
        assert low[0] - 0.5 <= rows.min() <= rows.max() <= high[0] + 0.5
        assert low[1] - 0.5 <= columns.min() <= columns.max() <= high[1] + 0.5


def test_cells_can_be_told_from_the_picture() -> None:
    seen = sample("segmentation", noise=0.0)
    kinds, picture = seen["label"].data, seen["image"].data.astype(float).mean(axis=-1)
    background, small, large = (picture[kinds == kind].mean() for kind in range(3))
    assert background > large + 20 > small + 40


def test_a_picture_does_not_depend_on_how_many_there_are() -> None:
    few, many = datasets.load("phantom-cells", n=3), datasets.load("phantom-cells", n=9)
    assert few[2]["image"].fingerprint() == many[2]["image"].fingerprint()
    other = datasets.load("phantom-cells", n=3, seed=1)
    assert other[2]["image"].fingerprint() != few[2]["image"].fingerprint()


@pytest.mark.parametrize(
    "options", [{"n": 0}, {"size": (8, 64)}, {"cells": (9, 3)}, {"radius": (1, 5)}, {"radius": (5, 60)}, {"noise": -1}]
)
def test_bad_options(options: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="got"):
        datasets.load("phantom-cells", **options)
