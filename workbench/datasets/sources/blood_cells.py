"""Blood cells in smears, with boxes (BCCD)."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np

from workbench import io
from workbench.datasets.cards import Card
from workbench.datasets.sources._pictures import Cases, entry, listed
from workbench.errors import FileError
from workbench.shapes import Boxes, Points
from workbench.volume import Volume

_NAMES = ("RBC", "WBC", "Platelets")

CARD = Card(
    name="blood-cells",
    title="Red cells, white cells and platelets in blood smears, with boxes",
    tasks=("detection", "points"),
    spatial_ndim=2,
    classes=("red cell", "white cell", "platelet"),
    cases=364,
    modality="light microscopy, RGB, 640 x 480",
    source="BCCD data set (Shenggan), official split",
    licence="MIT",
    address="https://github.com/Shenggan/BCCD_Dataset",
    notes=(
        "Boxes without width or height (two in the official files) are left out.",
        "Not every red cell is annotated, least of all at the edges of the images.",
    ),
)


def find(home: Path, task: str) -> Cases:
    """Return the cases of the folder ``BCCD``."""
    images, texts = home / "BCCD" / "JPEGImages", home / "BCCD" / "Annotations"

    def load(case: str) -> tuple[Volume, Any]:
        image = io.read(images / f"{case}.jpg")
        boxes = _boxes(texts / f"{case}.xml", image)
        return image, boxes if task == "detection" else Points(boxes.centers, boxes.labels, boxes.affine)

    ids = listed(images, ".jpg")
    splits = {
        name: [case for case in _lines(home / "BCCD" / "ImageSets" / "Main" / f"{name}.txt") if case in set(ids)]
        for name in ("train", "val", "test")
    }
    return Cases(
        ids, load, lambda case: (images / f"{case}.jpg", texts / f"{case}.xml"), CARD.classes, channels=3, splits=splits
    )


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text(encoding="utf-8").split()
    except OSError as error:
        raise FileError(f"The official split cannot be read: {error}. Fetch the data set again.") from error


def _boxes(file: Path, image: Volume) -> Boxes:
    try:
        root = ET.parse(file).getroot()  # noqa: S314 - local files; expat bounds the expansion of entities
        rows, labels = [], []
        for thing in root.iter("object"):
            # pixels are counted from 1, both corners belong to the box
            edge = {key: float(thing.findtext(f"bndbox/{key}", "")) for key in ("xmin", "ymin", "xmax", "ymax")}
            if edge["xmin"] < edge["xmax"] and edge["ymin"] < edge["ymax"]:
                rows.append([edge["ymin"] - 1.5, edge["xmin"] - 1.5, edge["ymax"] - 0.5, edge["xmax"] - 0.5])
                labels.append(_NAMES.index(thing.findtext("name", "")))
    except (OSError, ET.ParseError, ValueError) as error:
        raise FileError(
            f"{file.name} is no annotation in the VOC format ({error}). Fetch the data set again."
        ) from error
    return Boxes(np.array(rows), np.array(labels), image.affine).within(image.spatial_shape)


entries = entry(CARD, "bccd_blood_cells", "BCCD", find)
