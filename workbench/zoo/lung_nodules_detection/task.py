"""Boxes, learnt as a heat map of their centres with a size at each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.base import LinearScore
from workbench.shapes import Boxes
from workbench.zoo.blocks.center import STRIDE
from workbench.zoo.planning import FEW_HUNDRED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks import DetectionTask
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight, check_range, logits_of
from workbench.zoo.tasks.evidence import mean_at, no_parameter
from workbench.zoo.tasks.heatmaps import (
    decode_centers,
    encode_centers,
    focal_loss,
    gather_at,
    mean_of_present,
    padded,
    peaks,
    presence,
    sigmoid,
)


class CenterTask(DetectionTask):
    """CenterNet's targets, losses and decoding.

    Parameters
    ----------
    threshold : float
        Least score of a box that is answered.
    most : int
        Most boxes per image.
    """

    def __init__(self, threshold: float = 0.05, most: int = 100) -> None:
        self.threshold = threshold
        self.most = most

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return what :func:`workbench.zoo.tasks.heatmaps.encode_centers` does, and ``size`` [.., 2] float32.

        ``size`` is the width and the height of each box in pixels of the map. Boxes are cut at the edge of the picture.
        """
        if not isinstance(annotation, Boxes) or annotation.ndim != 2:
            raise InputError(f"This task learns from 2D Boxes, got {annotation!r}.")
        if len(annotation):
            check_range(annotation.labels, num_classes)
        boxes = annotation.within(shape)
        encoded = encode_centers(boxes.centers, boxes.sizes, boxes.labels, num_classes, shape, STRIDE)
        return {**encoded, "size": padded(boxes.sizes[:, ::-1] / STRIDE)}

    def make_loss(
        self, *, heat: Weight = 1.0, size: Weight = 0.1, offset: Weight = 1.0, cornernet_radius: bool = False
    ) -> MakeLoss:
        """Return the weighted sum of the focal loss of the heat map and of the mean absolute errors at the centres.

        Parameters
        ----------
        heat, size, offset : float
            Weight of each term; the defaults are the paper's.
        cornernet_radius : bool
            Draw the Gaussians with the radii that the originals' code computes, see
            :func:`workbench.zoo.tasks.heatmaps.gaussian_radius`.
        """
        if min(heat, size, offset) < 0 or heat + size + offset <= 0:
            raise InputError(f"Weights of terms are zero or more, one above zero, got {heat=}, {size=}, {offset=}.")
        drawn = "heat_cornernet" if cornernet_radius else "heat"

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def error(name: str, outputs: Any, wanted: Any, targets: Mapping[str, Any]) -> Any:
                given = gather_at(ops, outputs[name], targets["index"])
                return mean_of_present(ops, ops.abs(given - wanted), targets["present"])

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                terms = {
                    "heat": focal_loss(F, ops, outputs["logits"], targets[drawn]),
                    "size": error("wh", outputs, targets["size"], targets),
                    "offset": error("reg", outputs, targets["offset"], targets),
                }
                total = heat * terms["heat"] + size * terms["size"] + offset * terms["offset"]
                return {"loss": total, **terms}

            return loss

        return define

    def decode(self, outputs: Outputs) -> list[Boxes]:
        """Return the boxes found in each image, in voxels of the network's grid, the surest first."""
        if not isinstance(outputs, Mapping):
            raise InputError("CenterNet's outputs are a dict with 'logits', 'wh' and 'reg'.")
        found = []
        for scores, sizes, offsets in zip(sigmoid(outputs["logits"]), outputs["wh"], outputs["reg"], strict=True):
            labels, rows, columns, values = peaks(scores, self.threshold, self.most)
            centers = decode_centers(rows, columns, offsets, STRIDE)
            # a box has an area, even where an untrained network says that it has none
            half = np.maximum(sizes[::-1, rows, columns].T.astype(np.float64) * STRIDE, 1e-3) / 2
            found.append(Boxes(np.concatenate([centers - half, centers + half], axis=1), labels, scores=values))
        return found

    def evidence(self, outputs: Outputs, parameter: str | None = None) -> list[LinearScore]:
        """Return the logit of each peak of the heat map."""
        no_parameter(parameter, "The boxes of lung-nodules-detection")
        labels, rows, columns, _ = peaks(sigmoid(logits_of(outputs))[0], self.threshold, self.most)
        return [mean_at(outputs, "logits", *place) for place in zip(labels, rows, columns, strict=True)]

    def presence(self, outputs: Outputs) -> Array:
        """Return the class of each place of the heat map that is likely a centre, -1 elsewhere."""
        return presence(np.asarray(logits_of(outputs)), 0.3)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            f"{FEW_HUNDRED} pictures (the paper: Adam 1.25e-4, batches of 32, 140 epochs)",
            optimizer={"name": "adamw", "lr": 1e-3, "weight_decay": 1e-4},
            augment={"flip": {"axes": [1]}, "affine": {"rotate_deg": 0, "scale": 0.3, "translate": 0.1}},
            grad_clip=35.0,
        )


TASK = CenterTask()
