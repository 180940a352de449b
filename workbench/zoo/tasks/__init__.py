"""The tasks that algorithms share: targets, losses, decoding and metrics by kind of answer."""

from __future__ import annotations

from workbench.zoo.tasks.base import Metrics, Task
from workbench.zoo.tasks.classification import ClassificationTask
from workbench.zoo.tasks.segmentation import UNLABELLED, SegmentationTask

__all__ = ["UNLABELLED", "ClassificationTask", "Metrics", "SegmentationTask", "Task"]
