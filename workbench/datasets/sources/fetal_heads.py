"""Fetal heads in ultrasound, outlined by an ellipse (HC18)."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from workbench import io
from workbench.datasets.cards import Card
from workbench.datasets.sources._pictures import Cases, entry, listed
from workbench.errors import FileError
from workbench.shapes import Ellipses
from workbench.volume import Volume

CARD = Card(
    name="fetal-heads",
    title="Fetal heads in ultrasound, each with the ellipse of its outline",
    tasks=("ellipses", "segmentation"),
    spatial_ndim=2,
    classes=("head",),
    cases=81,
    modality="2D ultrasound, 800 x 540, pixel size from the table",
    source="HC18 challenge (Radboud University Medical Center), a part of its training set",
    licence="CC BY 4.0",
    citation="van den Heuvel et al.: Automated measurement of fetal head circumference. PLoS ONE 13(8) (2018)",
    address="https://zenodo.org/records/1327317",
    notes=("The ellipses were fitted to the drawn outlines; their circumference is within 3 % of the given one.",),
)

_TABLE = "ellipses_derived.csv"


def find(home: Path, task: str) -> Cases:
    """Return the cases of the table of ellipses."""
    table = home / _TABLE
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            rows = {row["filename"].removesuffix(".png"): row for row in csv.DictReader(stream) if row["ok"] == "1"}
    except (OSError, KeyError) as error:
        raise FileError(f"{table.name} cannot be read ({error!r}). Fetch the data set again.") from error

    def load(case: str) -> tuple[Volume, Any]:
        row = rows[case]
        raw = io.read(home / "training_set" / f"{case}.png")
        scale = np.diag([float(row["pixel_mm"])] * 2 + [1.0, 1.0])
        image = Volume(raw.data, raw.affine @ scale, axes=raw.axes, space="object")
        angle = np.deg2rad(float(row["angle_deg"]))
        values = [float(row[key]) for key in ("cy", "cx", "semi_major_px", "semi_minor_px")]
        ellipse = Ellipses(np.array([[*values, angle]]), affine=image.affine)
        if task == "ellipses":
            return image, ellipse
        filled = (ellipse.filled(image.spatial_shape) > 0).astype(np.uint8)
        return image, image.with_data(filled, kind="labels")

    classes = CARD.classes if task == "ellipses" else ("background", *CARD.classes)
    present = [case for case in listed(home / "training_set", "_HC.png") if case in rows]
    return Cases(present, load, lambda case: (home / "training_set" / f"{case}.png", table), classes, channels=1)


entries = entry(CARD, "hc18_fetal_head", _TABLE, find)
