"""Segmentation of volumes."""

from __future__ import annotations

from workbench.zoo.tasks import SegmentationTask

TASK = SegmentationTask(ndim=3)
