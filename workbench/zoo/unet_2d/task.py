"""Segmentation of pictures."""

from __future__ import annotations

from workbench.zoo.tasks import SegmentationTask

TASK = SegmentationTask(ndim=2)
