"""Segmentation of volumes."""

from __future__ import annotations

from workbench.zoo.planning import FEW_HUNDRED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks import SegmentationTask


class TransformerSegmentationTask(SegmentationTask):
    """Segmentation, with the patches and the slow start that the transformer needs."""

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            f"{FEW_HUNDRED} volumes; a transformer needs a slow start",
            optimizer={"name": "adamw", "lr": 5e-4, "weight_decay": 1e-5},
            schedule={"name": "cosine", "warmup_epochs": 3},
            patch_size=[96, 96, 96],
        )


TASK = TransformerSegmentationTask(ndim=3)
