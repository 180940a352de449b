"""Boxes around what was found: what the detectors share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.shapes import Boxes
from workbench.zoo.planning import FEW_HUNDRED, STANDARDISED, UNKNOWN, WHOLE, Facts, Plan
from workbench.zoo.tasks.base import Metrics, Outputs, check_range, logits_of
from workbench.zoo.tasks.shapes import ShapeTask


class DetectionTask(ShapeTask):
    """Boxes with a class each. Algorithms add `targets`, `make_loss`, `decode` and what is special in their recipe."""

    kind: ClassVar[str] = "detection"

    @abstractmethod
    def decode(self, outputs: Outputs) -> list[Boxes]:
        """Return the boxes found in each image, in voxels of the network's grid, the surest first."""

    def presence(self, outputs: Outputs) -> Array:
        """Return how likely each class is in the image: the sigmoid of its logit, which is that of its surest box."""
        logits = np.asarray(logits_of(outputs))
        return super().presence(outputs) if logits.ndim > 2 else sigmoid(logits)

    def metrics(self, classes: Sequence[str]) -> DetectionMetrics:
        """Return empty scores: ``map50``, ``map`` (mean over overlaps of 0.5 to 0.95), ``froc``, ``ap50/<class>``."""
        return DetectionMetrics(classes)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002 - fitted to them by the algorithm
        """Return what is proposed for training."""
        return Plan.of(
            f"{FEW_HUNDRED} pictures",
            epochs=30,
            batch_size=8,
            optimizer={"name": "adamw", "lr": 1e-3, "weight_decay": 1e-4},
            schedule={"name": "cosine", "warmup_epochs": 1},
            augment={"flip": {"axes": [1]}},
            preprocess={"orientation": "IPL", "intensity": {"kind": "zscore"}},
            loss={},
            patch_size=None,
            grad_clip=None,
            monitor="val/map50",
            mode="max",
        ).because(
            monitor="precision over all recalls, at half overlap",
            preprocess=STANDARDISED,
            patch_size=WHOLE,
        )


def padded_boxes(annotation: Any, num_classes: int, shape: Sequence[int], limit: int) -> tuple[Array, Array, Array]:
    """Return the boxes of an image as arrays of a fixed length.

    Parameters
    ----------
    annotation : Boxes
        In voxels of the network's grid; those with their centre off it are left out, the others cut at its edge.
    limit : int
        Length of the arrays.

    Returns
    -------
    boxes [limit, 4] float64, labels [limit] int64, valid [limit] bool
        Zeros, zeros and False from where there are no more boxes.

    Raises
    ------
    InputError
        If it holds something else, more boxes than `limit`, or a class that the model does not have.
    """
    if not isinstance(annotation, Boxes) or annotation.ndim != len(shape):
        raise InputError(f"This task learns from {len(shape)}D Boxes, got {annotation!r}.")
    if len(annotation):
        check_range(annotation.labels, num_classes)
    boxes = annotation.within(shape)
    if len(boxes) > limit:
        raise InputError(f"An image may have {limit} boxes at most, got {len(boxes)}. Train on crops (patch_size).")
    rest = limit - len(boxes)
    values = np.pad(boxes.values.reshape(-1, 2 * len(shape)), ((0, rest), (0, 0)))
    return values, np.pad(boxes.labels, (0, rest)), np.arange(limit) < len(boxes)


def suppressed(boxes: Boxes, iou: float, limit: int) -> Boxes:
    """Return the surest boxes of each class without those that overlap with a surer one: non-maximum suppression.

    Parameters
    ----------
    boxes : Boxes
        With scores.
    iou : float
        Boxes of one class that overlap by more than this are taken for the same thing.
    limit : int
        Most boxes that are kept, over all classes.

    Returns
    -------
    Boxes
        The surest first.
    """
    return boxes.select(surviving(boxes, iou, limit))


def surviving(boxes: Boxes, iou: float, limit: int) -> Array:
    """Return which boxes `suppressed` keeps, the surest first."""
    from workbench.evaluation import box_iou

    assert boxes.scores is not None
    order = np.argsort(-boxes.scores, kind="stable")
    boxes = boxes.select(order)
    left = np.ones(len(boxes), bool)
    kept: list[int] = []
    for index in range(len(boxes)):
        if not left[index]:
            continue
        kept.append(index)
        if len(kept) == limit:
            break
        rivals = np.flatnonzero(left[index + 1 :] & (boxes.labels[index + 1 :] == boxes.labels[index])) + index + 1
        if len(rivals):
            left[rivals[box_iou(boxes.values[[index]], boxes.values[rivals])[0] > iou]] = False
    return np.asarray(order[kept])


def sigmoid(values: Array) -> Array:
    """Return ``1 / (1 + exp(-x))`` as float32, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * np.asarray(values, np.float64))), np.float32)


class DetectionMetrics(Metrics):
    """Mean average precision as COCO takes it, and the FROC score of LUNA16.

    Parameters
    ----------
    classes : sequence of str
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self._predictions: list[Boxes] = []
        self._truths: list[Boxes] = []

    def update(self, prediction: Boxes, truth: Boxes) -> None:
        """Take in the boxes found in one image and those that are there; they may lie on different grids."""
        self._predictions.append(prediction.onto(truth.affine))
        self._truths.append(truth)

    def compute(self) -> dict[str, float]:
        """Return the scores; NaN where there is no true box."""
        from workbench.evaluation import average_precision, froc
        from workbench.evaluation.detection import COCO_IOUS

        if not self._truths:
            return dict.fromkeys(("map50", "map", "froc", *(f"ap50/{name}" for name in self.classes)), float("nan"))
        at_half = average_precision(self._predictions, self._truths, 0.5, len(self.classes))
        over_all = average_precision(self._predictions, self._truths, COCO_IOUS, len(self.classes))
        by_class = {f"ap50/{name}": float(ap) for name, ap in zip(self.classes, at_half["ap"], strict=True)}
        found = froc(self._predictions, self._truths)["score"]
        return {"map50": at_half["map"], "map": over_all["map"], "froc": found, **by_class}
