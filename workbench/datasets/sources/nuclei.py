"""Nuclei in microscopy, each with its own label: a part of BBBC038 (Data Science Bowl 2018)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench import io
from workbench.datasets.cards import Card
from workbench.datasets.sources._pictures import Cases, entry, listed
from workbench.shapes import Points
from workbench.volume import Volume

CARD = Card(
    name="nuclei-dsb2018",
    title="Nuclei in microscopy, each outlined",
    tasks=("instances", "segmentation", "points"),
    spatial_ndim=2,
    classes=("background", "nucleus"),
    cases=40,
    modality="fluorescence and bright-field microscopy, RGB",
    source="Broad Bioimage Benchmark Collection, BBBC038v1 (stage1_train), 40 of its images at full size",
    licence="CC0",
    citation="Caicedo et al.: Nucleus segmentation across imaging experiments. Nature Methods 16 (2019)",
    address="https://bbbc.broadinstitute.org/BBBC038",
    notes=("Images come from several kinds of microscopes and stains; sizes differ.",),
)


def find(home: Path, task: str) -> Cases:
    """Return the cases in ``full_subset``."""
    images, labels = home / "full_subset" / "images", home / "full_subset" / "labels"

    def load(case: str) -> tuple[Volume, Any]:
        image, ids = io.read(images / f"{case}.png"), io.read(labels / f"{case}.png", kind="labels")
        if task == "points":
            return image, Points(_centres(ids.data), affine=ids.affine)
        if task == "segmentation":
            return image, ids.with_data((ids.data > 0).astype(np.uint8))
        return image, ids

    classes = ("nucleus",) if task == "points" else CARD.classes
    return Cases(
        listed(images, ".png"), load, lambda case: (images / f"{case}.png", labels / f"{case}.png"), classes, channels=3
    )


def _centres(ids: Any) -> Any:
    from scipy import ndimage

    numbers = [number for number in np.unique(ids) if number]
    return np.array(ndimage.center_of_mass(ids > 0, ids, numbers)).reshape(-1, 2)


entries = entry(CARD, "dsb2018_nuclei", "full_subset", find)
