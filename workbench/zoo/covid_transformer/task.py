"""Classification of pictures."""

from __future__ import annotations

from workbench.zoo.planning import UNKNOWN, Facts, Plan
from workbench.zoo.tasks import ClassificationTask


class TransformerTask(ClassificationTask):
    """Classification, with the slow start that transformers need."""

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            "for small sets of pictures, trained from scratch",
            epochs=60,
            optimizer={"name": "adamw", "lr": 1e-3, "weight_decay": 0.05},
            schedule={"name": "cosine", "warmup_epochs": 5},
            preprocess={"orientation": "IPL", "intensity": {"kind": "range", "out": [-1.0, 1.0]}},
            grad_clip=1.0,
        )


TASK = TransformerTask()
