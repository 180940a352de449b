"""Scores of predictions: arrays and Volumes in, numbers out."""

from __future__ import annotations

from workbench.evaluation.classification import classification_scores
from workbench.evaluation.localisation import localisation_scores
from workbench.evaluation.overlap import dice, dice_arrays
from workbench.evaluation.surfaces import hausdorff95, surface_distance
from workbench.evaluation.table import Table

__all__ = [
    "Table",
    "classification_scores",
    "dice",
    "dice_arrays",
    "hausdorff95",
    "localisation_scores",
    "surface_distance",
]
