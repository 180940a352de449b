"""Classification of pictures."""

from __future__ import annotations

from workbench.zoo.tasks import ClassificationTask

TASK = ClassificationTask()
