"""Scores of predictions: arrays and Volumes in, numbers out."""

from __future__ import annotations

from workbench.evaluation.classification import classification_scores
from workbench.evaluation.detection import average_precision, box_iou, froc, match_boxes
from workbench.evaluation.instances import aggregated_jaccard, instance_scores, panoptic_quality
from workbench.evaluation.intervals import Interval, mean_interval
from workbench.evaluation.localisation import localisation_scores
from workbench.evaluation.matching import match_shapes
from workbench.evaluation.overlap import dice, dice_arrays
from workbench.evaluation.points import match_points, precision_recall_f1
from workbench.evaluation.surfaces import hausdorff95, surface_distance
from workbench.evaluation.table import Table

__all__ = [
    "Interval",
    "Table",
    "aggregated_jaccard",
    "average_precision",
    "box_iou",
    "classification_scores",
    "dice",
    "dice_arrays",
    "froc",
    "hausdorff95",
    "instance_scores",
    "localisation_scores",
    "match_boxes",
    "match_points",
    "match_shapes",
    "mean_interval",
    "panoptic_quality",
    "precision_recall_f1",
    "surface_distance",
]
