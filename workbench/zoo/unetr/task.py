"""Segmentation of volumes."""

from __future__ import annotations

from typing import Any

from workbench.zoo.tasks import SegmentationTask


class TransformerSegmentationTask(SegmentationTask):
    """Segmentation, with the patches and the slow start that the transformer needs."""

    def default_recipe(self) -> dict[str, Any]:
        """Return a recipe for sets of a few hundred volumes."""
        return {
            **super().default_recipe(),
            "optimizer": {"name": "adamw", "lr": 5e-4, "weight_decay": 1e-5},
            "schedule": {"name": "cosine", "warmup_epochs": 3},
            "patch_size": [96, 96, 96],
        }


TASK = TransformerSegmentationTask(ndim=3)
