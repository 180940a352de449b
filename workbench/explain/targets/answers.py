"""What of a model's answer can be explained."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.errors import InputError, StateError
from workbench.explain.targets.base import Target
from workbench.explain.targets.classes import Class
from workbench.explain.targets.outputs import Output
from workbench.explain.targets.regions import Region
from workbench.explain.targets.shapes import Box, Ellipse, Point
from workbench.explain.targets.wholes import Count

#: How each kind that a task names becomes a target, given the answer and which of it.
KINDS: dict[str, Callable[[Any, Any], Target]] = {
    "class": lambda _, index: Class(index),
    "boxes": Box,
    "ellipses": Ellipse,
    "points": Point,
    "instance": lambda answer, number: Region(answer, instance=number),
    "count": lambda _, label: Count(label),
    "output": lambda _, told: Output(*told),
}


def targets_in(model: Any, prediction: Any) -> list[Target]:
    """Return what of a prediction can be explained: all that was drawn, and the classes.

    Parameters
    ----------
    model : Model
    prediction
        What `model.predict` returned.

    Returns
    -------
    list of Target
        At least one.

    Raises
    ------
    InputError
        If `prediction` is nothing that this model predicts.
    StateError
        If the model's task does not say what can be explained.

    Examples
    --------
    >>> import numpy as np, workbench as wb
    >>> model = wb.zoo.create("2d-unet", num_classes=2, width=2, depth=2)
    >>> wb.explain.targets_in(model, model.predict(wb.Volume(np.zeros((8, 8)))))
    [Class(1)]
    """
    return [KINDS[kind](prediction, which) for kind, which in explainable(model, prediction)]


def explainable(model: Any, prediction: Any) -> list[tuple[str, Any]]:
    """Return what of a prediction can be explained, as the task says it (`Task.explainable`).

    Raises
    ------
    InputError, StateError
        As `targets_in`.
    """
    task = getattr(getattr(model, "algorithm", None), "task", None)
    if task is None or not hasattr(task, "explainable"):
        raise StateError(
            f"model must have a task that says what of its answers can be explained, got {type(model).__name__}. "
            "Take a model of wb.zoo or wb.wrap, or give a target: wb.explain.Class(0)."
        )
    try:
        told: list[tuple[str, Any]] = task.explainable(prediction, model.classes)
    except (AttributeError, TypeError, KeyError, IndexError) as error:
        raise InputError(
            f"prediction must be what model.predict returned, got {type(prediction).__name__}. Give "
            "model.predict(volume)."
        ) from error
    return told
