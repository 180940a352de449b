"""Ellipses on pictures: what the algorithms that find them share."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from workbench.errors import InputError
from workbench.shapes import Ellipses
from workbench.zoo.planning import STANDARDISED, UNKNOWN, WHOLE, Facts, Plan
from workbench.zoo.tasks.base import Metrics, Outputs, check_range
from workbench.zoo.tasks.shapes import ShapeTask

#: An ellipse whose axes differ by less has no angle worth scoring.
_ROUND = 1.05


class EllipseTask(ShapeTask):
    """Ellipses with a class each. Algorithms add `targets`, `make_loss` and `decode`."""

    kind: ClassVar[str] = "ellipses"

    @abstractmethod
    def decode(self, outputs: Outputs) -> list[Ellipses]:
        """Return the ellipses found in each image, in voxels of the network's grid, the surest first."""

    def metrics(self, classes: Sequence[str]) -> EllipseMetrics:
        """Return empty scores, see :class:`EllipseMetrics`."""
        return EllipseMetrics(classes)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002 - fitted to them by the algorithm
        """Return what is proposed for training."""
        return Plan.of(
            "for sets of about a hundred pictures",
            epochs=40,
            batch_size=4,
            optimizer={"name": "adamw", "lr": 2e-3, "weight_decay": 1e-4},
            schedule={"name": "cosine", "warmup_epochs": 1},
            augment={"flip": {"axes": [1]}, "affine": {"rotate_deg": 0, "scale": 0, "translate": 0.1}},
            preprocess={"orientation": "IPL", "intensity": {"kind": "zscore"}},
            loss={},
            patch_size=None,
            grad_clip=35.0,
            monitor="val/dice",
            mode="max",
        ).because(
            monitor="the overlap of ellipses",
            preprocess=STANDARDISED,
            patch_size=WHOLE,
        )


def checked_ellipses(annotation: Any, num_classes: int, shape: Sequence[int]) -> Ellipses:
    """Return the ellipses of an annotation that have their centre on the grid.

    Raises
    ------
    InputError
        If it holds something else, or a class that the model does not have.
    """
    if not isinstance(annotation, Ellipses):
        raise InputError(f"This task learns from Ellipses, got {annotation!r}.")
    if len(annotation):
        check_range(annotation.labels, num_classes)
    return annotation.within(shape)


class EllipseMetrics(Metrics):
    """How well ellipses are found.

    Each true one is compared with the surest prediction of its class, or one of as many as there are true ones.

    ``dice`` of the filled ellipses, 0 for one that was not found: mean over the classes, and ``dice/<class>``.
    ``rotated_iou``: mean intersection over union of the rectangles around them, 0 for one that was not found.
    ``angle_error``: mean angle between the long axes in degrees, of those found whose axes differ by 5 % at least.
    ``axis_precision``: mean of 1 - |error| / truth of both semi-axes of those found. With two classes also
    ``ratio_precision``: the same of the ratio of the short axes, class 1 to class 0 (heart to thorax: the
    cardiothoracic ratio), over the images with one of each. Lengths and angles are those on the grid of the annotation.

    Parameters
    ----------
    classes : sequence of str
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self._dice: list[list[float]] = [[] for _ in self.classes]
        self._overlaps: list[float] = []
        self._angles: list[float] = []
        self._axes: list[float] = []
        self._ratios: list[float] = []

    def update(self, prediction: Ellipses, truth: Ellipses) -> None:
        """Take in the ellipses found in one image and those that are there; they may lie on different grids."""
        from workbench.evaluation.ellipses import (
            axis_angle_error,
            axis_precision,
            ellipse_dice,
            match_ellipses,
            rotated_iou,
        )

        prediction = prediction.onto(truth.affine)
        pairs = match_ellipses(prediction, truth)
        for row, found in pairs:
            true = truth.values[row]
            if found is None:
                self._dice[truth.labels[row]].append(0.0)
                self._overlaps.append(0.0)
                continue
            given = prediction.values[found]
            self._dice[truth.labels[row]].append(ellipse_dice(given, true))
            self._overlaps.append(float(rotated_iou(given[None], true[None])[0]))
            self._axes += [axis_precision(given[2], true[2]), axis_precision(given[3], true[3])]
            if true[2] >= _ROUND * true[3]:
                self._angles.append(float(axis_angle_error(given[4], true[4])))
        if len(self.classes) == 2 and sorted(truth.labels.tolist()) == [0, 1]:
            self._ratios.append(self._ratio(prediction, truth, dict(pairs)))

    @staticmethod
    def _ratio(prediction: Ellipses, truth: Ellipses, pairs: dict[int, int | None]) -> float:
        from workbench.evaluation.ellipses import axis_precision

        rows = [int(np.flatnonzero(truth.labels == label)[0]) for label in (0, 1)]
        found = [pairs[row] for row in rows]
        if None in found:
            return 0.0
        short, true = prediction.values[np.array(found, np.int64), 3], truth.values[rows, 3]
        return axis_precision(short[1] / short[0], true[1] / true[0])

    def compute(self) -> dict[str, float]:
        """Return the scores; NaN where nothing was there to score."""
        by_class = [_mean(values) for values in self._dice]
        scores = {
            "dice": _mean([value for value in by_class if not np.isnan(value)]),
            "rotated_iou": _mean(self._overlaps),
            "angle_error": _mean(self._angles),
            "axis_precision": _mean(self._axes),
        }
        if len(self.classes) == 2:
            scores["ratio_precision"] = _mean(self._ratios)
        return {**scores, **{f"dice/{name}": value for name, value in zip(self.classes, by_class, strict=True)}}


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) else float("nan")
