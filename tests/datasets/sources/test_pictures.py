"""The public sets of pictures: small made-up folders in their layout, and the real ones where they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from workbench import datasets
from workbench.errors import FileError
from workbench.shapes import Boxes, Ellipses
from workbench.testing.datasets import DatasetContract

SETS = {
    "nuclei-dsb2018": ("instances", "segmentation", "points"),
    "blood-cells": ("detection", "points"),
    "fetal-heads": ("ellipses", "segmentation"),
    "covid-ct": ("classification", "localisation", "segmentation"),
    "polyps-kvasir": ("segmentation",),
}


def picture(file: Path, array: Any) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(file)


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    corners = "<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>"
    box = f"<object><name>{{}}</name><bndbox>{corners}</bndbox></object>"
    for number in range(4):
        picture(tmp_path / "BCCD" / "JPEGImages" / f"cell{number}.jpg", np.zeros((20, 30, 3), np.uint8))
        text = box.format("RBC", 3, 5, 10, 6) + box.format("WBC", 1, 1, 30, 20) + box.format("RBC", 4, 4, 4, 9)
        file = tmp_path / "BCCD" / "Annotations" / f"cell{number}.xml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"<annotation>{text}</annotation>")
    lists = tmp_path / "BCCD" / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    for name, part in {"train": "cell0 cell2", "val": "cell1", "test": "cell3"}.items():
        (lists / f"{name}.txt").write_text("\n".join(part.split()))
    return tmp_path


class TestBloodCells(DatasetContract):
    @pytest.fixture
    def dataset(self, cells: Path) -> datasets.Dataset:
        return datasets.load("blood-cells", path=cells)

    def test_boxes_cover_both_corner_pixels_and_those_without_width_are_left_out(self, dataset: Any) -> None:
        boxes = dataset[0]["label"]
        assert isinstance(boxes, Boxes)
        assert boxes.values.tolist() == [[3.5, 1.5, 5.5, 9.5], [-0.5, -0.5, 19.5, 29.5]]
        assert boxes.labels.tolist() == [0, 1]
        assert dataset.splits == {"train": [0, 2], "val": [1], "test": [3]}

    def test_a_broken_annotation_is_named(self, cells: Path) -> None:
        (cells / "BCCD" / "Annotations" / "cell1.xml").write_text("<annotation><object>")
        with pytest.raises(FileError, match=r"cell1\.xml is no annotation"):
            datasets.load("blood-cells", path=cells)[1]

    def test_as_points(self, cells: Path) -> None:
        points = datasets.load("blood-cells", path=cells, task="points")[0]["label"]
        assert points.values.tolist() == [[4.5, 5.5], [9.5, 14.5]]


class TestNuclei(DatasetContract):
    @pytest.fixture
    def dataset(self, tmp_path: Path) -> datasets.Dataset:
        ids = np.zeros((12, 16), np.uint16)
        ids[2:5, 3:6], ids[8:10, 10:14] = 7, 300
        for number in range(5):
            picture(tmp_path / "full_subset" / "images" / f"n{number}.png", np.full((12, 16, 3), number, np.uint8))
            picture(tmp_path / "full_subset" / "labels" / f"n{number}.png", ids)
        return datasets.load("nuclei-dsb2018", path=tmp_path)

    def test_numbers_of_nuclei_are_kept(self, dataset: Any, tmp_path: Path) -> None:
        assert np.unique(dataset[0]["label"].data).tolist() == [0, 7, 300]
        points = datasets.load("nuclei-dsb2018", path=tmp_path, task="points")[0]["label"]
        assert points.values.tolist() == [[3, 4], [8.5, 11.5]]


class TestFetalHeads(DatasetContract):
    @pytest.fixture
    def dataset(self, tmp_path: Path) -> datasets.Dataset:
        rows = ["filename,cx,cy,semi_major_px,semi_minor_px,angle_deg,pixel_mm,ok"]
        for number in range(4):
            picture(tmp_path / "training_set" / f"{number:03d}_HC.png", np.zeros((54, 80), np.uint8))
            rows.append(f"{number:03d}_HC.png,40,25,20,10,90,0.5,1")
        rows += ["900_HC.png,40,25,20,10,90,0.5,1", "001_HC.png.,1,1,1,1,1,1,0"]
        (tmp_path / "ellipses_derived.csv").write_text("\n".join(rows))
        return datasets.load("fetal-heads", path=tmp_path)

    def test_the_ellipse_is_in_rows_and_columns_and_the_pixels_have_their_size(self, dataset: Any) -> None:
        sample = dataset[0]
        assert isinstance(sample["label"], Ellipses)
        assert sample["image"].spacing == (0.5, 0.5)
        filled = sample["label"].filled((54, 80))
        rows, columns = np.nonzero(filled)
        # 90 degrees: the long axis runs along the rows
        assert (rows.min(), rows.max(), columns.min(), columns.max()) == (5, 45, 30, 50)


@pytest.mark.parametrize("name", SETS)
def test_absent_data_says_where_it_was_looked_for(name: str, monkeypatch: Any, tmp_path: Path) -> None:
    monkeypatch.setenv("WORKBENCH_DATA", str(tmp_path))
    monkeypatch.setenv("WORKBENCH_CACHE", str(tmp_path))
    with pytest.raises(FileError, match=r"not on this machine .* fetch https://"):
        datasets.load(name)
    with pytest.raises(FileError, match="does not hold"):
        datasets.load(name, path=tmp_path)


@pytest.mark.parametrize(("name", "task"), [(name, task) for name, tasks in SETS.items() for task in tasks])
def test_the_real_set(name: str, task: str, workbench_data: Path) -> None:
    dataset = datasets.load(name, task=task)
    assert dataset.task == task
    sample = dataset[len(dataset) // 2]
    assert sample["image"].num_channels == dataset.in_channels
    again = datasets.from_spec(dataset.spec())
    assert again.ids == dataset.ids
    assert again.splits == dataset.splits
    assert again.fingerprint() == dataset.fingerprint()
    if dataset.card.cases is not None and task != "segmentation":
        assert len(dataset) == dataset.card.cases


def test_heads_have_the_circumference_that_was_measured(workbench_data: Path) -> None:
    dataset = datasets.load("fetal-heads")
    table = (workbench_data / "hc18_fetal_head" / "training_set_pixel_size_and_HC.csv").read_text().splitlines()[1:]
    given = {row.split(",")[0].removesuffix(".png"): float(row.split(",")[2]) for row in table}
    for index in (0, 40, 80):
        sample = dataset[index]
        a, b = sample["label"].values[0, 2:4] * sample["image"].spacing[0]
        around = np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b)))
        assert around == pytest.approx(given[sample["id"]], rel=0.03)
