"""Measures of boxes, by hand."""

from __future__ import annotations

import csv
import io
from typing import Any

import numpy as np
import pytest

from tests.tools.test_remove_small import AFFINE, label_map
from workbench.errors import InputError
from workbench.testing import ToolContract
from workbench.tools import measure
from workbench.volume import Volume


def image(labels: Volume) -> Volume:
    values = np.arange(labels.data.size, dtype=np.int16).reshape(labels.shape)
    return Volume(values, labels.affine, unit="HU")


class TestMeasure(ToolContract):
    name = "measure"

    @pytest.fixture
    def inputs(self) -> dict[str, Any]:
        return {"labels": label_map(), "image": image(label_map())}


def test_size_place_and_box() -> None:
    liver, vein, stone = measure(label_map()).rows
    assert [liver[key] for key in ("label", "name", "voxels")] == [1, "liver", 9]
    assert liver["volume (ml)"] == pytest.approx(9 * 15 / 1000)
    assert [stone[key] for key in ("label", "name", "voxels")] == [300, "stone", 1]
    box = [stone[f"{end} {axis}"] for axis in "ijk" for end in ("first", "last")]
    assert box == [8, 8, 7, 7, 6, 6]
    centre = [stone[f"centre {axis} (mm)"] for axis in "RAS"]
    assert centre == pytest.approx([7 - 3 * 7, -4 + 2 * 8, 11 - 2.5 * 6])
    assert [vein[f"{end} {axis}"] for axis in "ijk" for end in ("first", "last")] == [4, 6, 4, 6, 3, 4]
    middle = np.argwhere(label_map().data == 2).mean(axis=0)
    assert [vein[f"centre {axis} (mm)"] for axis in "RAS"] == pytest.approx(label_map().to_world(middle).tolist())
    assert "mean" not in liver


def test_values_of_an_image_with_their_unit() -> None:
    labels = label_map()
    values = image(labels)
    for row in measure(labels, values).rows:
        inside = values.data[labels.data == row["label"]].astype(float)
        assert row["mean (HU)"] == pytest.approx(inside.mean())
        assert row["std (HU)"] == pytest.approx(inside.std())
        assert (row["min (HU)"], row["max (HU)"]) == (inside.min(), inside.max())


def test_sheared_voxels_have_the_volume_of_their_axes() -> None:
    sheared = np.array(AFFINE)
    sheared[0, 2] = 1.7  # along an axis that another one has: the volume stays
    labels = Volume(label_map().data, sheared, kind="labels")
    assert measure(labels).rows[0]["volume (ml)"] == pytest.approx(0.135)


def test_a_picture_has_areas() -> None:
    array = np.zeros((4, 5), np.uint8)
    array[1:3, 2:5] = 7
    sized = Volume(array, np.diag([0.5, -2.0, 9.0, 1]), kind="labels", space="object")
    (row,) = measure(sized).rows
    assert row["area (mm2)"] == pytest.approx(6)
    assert [row[f"centre {axis} (mm)"] for axis in "xyz"] == pytest.approx([0.75, -6, 0])
    (row,) = measure(Volume(array, kind="labels")).rows
    assert [row["voxels"], row["centre i (px)"], row["centre j (px)"]] == [6, 1.5, 3]
    assert not any("mm" in key for key in row)


def test_what_is_not_there_is_not_measured() -> None:
    array = np.zeros((3, 3, 3), np.int32)
    labels = Volume(array, AFFINE, kind="labels", labels={1: "a", 255: "unlabelled"})
    assert len(measure(labels)) == 0
    array[0, 0, 0], array[1, 1, 1], array[2] = 255, -4, 70000
    assert measure(labels).column("label") == [-4, 70000]
    assert measure(labels).column("voxels") == [1, 9]


def test_an_image_on_another_grid_is_refused() -> None:
    labels = label_map()
    moved = np.array(AFFINE)
    moved[0, 3] += 1
    with pytest.raises(InputError, match=r"wb\.tools\.resample\(image, like=labels\)"):
        measure(labels, Volume(image(labels).data, moved))
    with pytest.raises(InputError, match="with 1 channel as 'image', got one with 2 channels"):
        measure(labels, Volume(np.zeros((*labels.shape, 2)), AFFINE))


def test_the_csv_reads_back() -> None:
    rows = list(csv.DictReader(io.StringIO(measure(label_map()).to_csv())))
    assert [row["name"] for row in rows] == ["liver", "vein", "stone"]
    assert float(rows[1]["volume (ml)"]) == pytest.approx(6 * 15 / 1000)
