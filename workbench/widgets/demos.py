"""Demos: data that come along, a model that was trained on such data, and a map to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Demo:
    """Something to look at without having anything.

    Attributes
    ----------
    name : str
        What code calls it.
    title, text : str
        What a person is told of it.
    data : mapping
        ``name`` and the options of `workbench.datasets.load`.
    weights : str
        A name of `workbench.zoo.trained`.
    index : int
        Case of the test part that is shown.
    method : str
        How it is explained.
    options : mapping
        What else `ExplainPanel.run` is told.
    """

    name: str
    title: str
    text: str
    data: Mapping[str, Any]
    weights: str
    index: int = 0
    method: str = "grad-cam"
    options: Mapping[str, Any] = field(default_factory=dict)


DEMOS = (
    Demo(
        "classification",
        "Is there a lesion?",
        "A chest radiograph (2D) and a network that tells whether it has a nodule. Where did it look?",
        {"name": "phantom-xray", "n": 40, "size": (64, 64), "task": "classification", "lesion_size": (30.0, 50.0)},
        "covid-resnet-phantom-xray",
        index=3,
    ),
    Demo(
        "segmentation",
        "Which organ is where?",
        "A chest CT (3D) and a U-Net that finds lungs, heart, liver and spine. Why these voxels?",
        {"name": "phantom-ct", "n": 20, "size": (48, 48, 48)},
        "3d-unet-phantom-ct",
        index=1,
        # the default layer, the last one, repeats the outline of the organ; this one shows what it is told by
        options={"target": 3, "layer": "encoders.2"},
    ),
    Demo(
        "detection",
        "Where are the cells?",
        "A micrograph (2D) and a detector that puts a box around every cell. Which are right, which are missed?",
        {"name": "phantom-cells", "n": 40, "size": (64, 64), "cells": (3, 8), "task": "detection"},
        "lung-nodules-detection-phantom-cells",
        index=3,
    ),
)
