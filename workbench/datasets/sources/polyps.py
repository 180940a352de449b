"""Polyps in colonoscopy (a few pictures of Kvasir-SEG)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from workbench import io
from workbench.datasets.cards import Card
from workbench.datasets.sources._pictures import Cases, entry, grey, listed
from workbench.volume import Volume

CARD = Card(
    name="polyps-kvasir",
    title="Polyps in colonoscopy, outlined",
    tasks=("segmentation",),
    spatial_ndim=2,
    classes=("background", "polyp"),
    modality="colonoscopy, RGB",
    source="Kvasir-SEG (Simula Research Laboratory)",
    licence="research and education",
    citation="Jha et al.: Kvasir-SEG: a segmented polyp dataset. MultiMedia Modeling (2020)",
    address="https://datasets.simula.no/kvasir-seg/",
    notes=("The masks are JPEG files; values above 127 are polyp.",),
)


def find(home: Path, task: str) -> Cases:  # noqa: ARG001
    """Return the cases in ``images`` that have a mask."""
    images, masks = home / "images", home / "masks"

    def load(case: str) -> tuple[Volume, Any]:
        image, mask = io.read(images / f"{case}.jpg"), grey(io.read(masks / f"{case}.jpg"))
        return image, image.with_data((mask.data > 127).astype(np.uint8), kind="labels", source=None, notes=())

    return Cases(
        listed(images, ".jpg"),
        load,
        lambda case: (images / f"{case}.jpg", masks / f"{case}.jpg"),
        CARD.classes,
        channels=3,
    )


entries = entry(CARD, "kvasir_seg", "masks", find)
