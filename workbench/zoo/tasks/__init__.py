"""The tasks that algorithms share: targets, losses, decoding and metrics by kind of answer."""

from __future__ import annotations

from workbench.zoo.tasks.base import Metrics, Task
from workbench.zoo.tasks.classification import ClassificationTask
from workbench.zoo.tasks.detection import DetectionMetrics, DetectionTask
from workbench.zoo.tasks.instances import InstanceMetrics, InstanceTask
from workbench.zoo.tasks.localisation import LocalisationMetrics, LocalisationTask
from workbench.zoo.tasks.segmentation import SegmentationTask
from workbench.zoo.tasks.shapes import ShapeTask

__all__ = [
    "ClassificationTask",
    "DetectionMetrics",
    "DetectionTask",
    "InstanceMetrics",
    "InstanceTask",
    "LocalisationMetrics",
    "LocalisationTask",
    "Metrics",
    "SegmentationTask",
    "ShapeTask",
    "Task",
]
