"""Distances in mm, by hand, with voxels of 2 x 3 x 2.5 mm."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

from tests.tools.test_remove_small import AFFINE, label_map
from workbench.errors import InputError
from workbench.testing import ToolContract
from workbench.tools import distance_map
from workbench.volume import Volume


class TestDistanceMap(ToolContract):
    name = "distance-map"
    options: ClassVar = {"label": 2, "signed": True}

    @pytest.fixture
    def inputs(self) -> dict[str, Any]:
        return {"labels": label_map()}


def point(shape: tuple[int, ...] = (7, 6, 5), place: tuple[int, ...] = (2, 1, 3), affine: Any = AFFINE) -> Volume:
    array = np.zeros(shape, np.uint8)
    array[place] = 3
    return Volume(array, affine, kind="labels", labels={3: "point"})


def test_the_distance_to_a_point_is_that_in_the_body() -> None:
    labels = point()
    found = distance_map(labels)
    places = labels.to_world(np.moveaxis(np.indices(labels.shape), 0, -1))
    exact = np.linalg.norm(places - labels.to_world([2, 1, 3]), axis=-1)
    np.testing.assert_allclose(found.data, exact, rtol=1e-6)
    assert (found.kind, found.unit, found.dtype, found.notes, found.labels) == ("image", "mm", np.float32, (), {})
    assert found.data[3, 1, 3] == pytest.approx(2)
    assert found.data[2, 2, 3] == pytest.approx(3)
    assert found.data[2, 1, 4] == pytest.approx(2.5)


def test_oblique_axes_are_at_right_angles_and_exact(affine: np.ndarray) -> None:
    labels = point(affine=affine)
    places = labels.to_world(np.moveaxis(np.indices(labels.shape), 0, -1))
    exact = np.linalg.norm(places - labels.to_world([2, 1, 3]), axis=-1)
    found = distance_map(labels)
    np.testing.assert_allclose(found.data, exact, rtol=1e-6)
    assert found.notes == ()


def test_inside_is_zero_or_below() -> None:
    array = np.zeros((9, 3, 3), np.uint8)
    array[2:7] = 1
    labels = Volume(array, AFFINE, kind="labels")
    assert distance_map(labels).data[:, 1, 1].tolist() == [4, 2, 0, 0, 0, 0, 0, 2, 4]
    assert distance_map(labels, signed=True).data[:, 1, 1].tolist() == [4, 2, -2, -4, -6, -4, -2, 2, 4]


def test_one_label_or_all() -> None:
    array = np.zeros((6, 1, 1), np.uint8)
    array[0], array[5] = 1, 2
    labels = Volume(array, AFFINE, kind="labels")
    assert distance_map(labels).data.ravel().tolist() == [0, 2, 4, 4, 2, 0]
    assert distance_map(labels, label=2).data.ravel().tolist() == [10, 8, 6, 4, 2, 0]
    assert distance_map(labels, label=0).data.ravel().tolist() == [2, 0, 0, 0, 0, 2]
    with pytest.raises(InputError, match=r"no voxel of label 3 in the map.*that are there: 1, 2"):
        distance_map(labels, label=3)
    unknown = Volume(array, AFFINE, kind="labels", labels={255: "unlabelled"})
    array[5] = 255
    assert distance_map(unknown).data.ravel().tolist() == [0, 2, 4, 6, 8, 10]


def test_nothing_to_measure_from_is_said() -> None:
    empty = Volume(np.zeros((3, 3, 3), np.uint8), AFFINE, kind="labels")
    with pytest.raises(InputError, match=r"no label in the map.*that are there: none"):
        distance_map(empty)
    with pytest.raises(InputError, match="none lies outside"):
        distance_map(Volume(np.ones((3, 3, 3), np.uint8), AFFINE, kind="labels"), signed=True)


def test_sheared_axes_are_noted() -> None:
    sheared = np.array(AFFINE)
    sheared[0, 2] = 0.8
    found = distance_map(point(affine=sheared))
    assert any("not at right angles" in note for note in found.notes)


def test_a_picture_without_a_size_has_distances_in_pixels() -> None:
    found = distance_map(Volume(point((5, 4), (1, 1)).data, kind="labels"))
    assert found.unit == "px"
    assert found.data[4, 1] == 3
