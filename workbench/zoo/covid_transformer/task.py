"""Classification of pictures."""

from __future__ import annotations

from typing import Any

from workbench.zoo.tasks import ClassificationTask


class TransformerTask(ClassificationTask):
    """Classification, with the slow start that transformers need."""

    def default_recipe(self) -> dict[str, Any]:
        """Return a recipe for small sets of pictures, trained from scratch."""
        return {
            **super().default_recipe(),
            "epochs": 60,
            "optimizer": {"name": "adamw", "lr": 1e-3, "weight_decay": 0.05},
            "schedule": {"name": "cosine", "warmup_epochs": 5},
            "preprocess": {"orientation": "IPL", "intensity": {"kind": "range", "out": [-1.0, 1.0]}},
            "grad_clip": 1.0,
        }


TASK = TransformerTask()
