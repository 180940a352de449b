"""Segmentation that is also taught the oriented derivatives of the mask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.errors import InputError
from workbench.volume import UNLABELLED
from workbench.zoo.lod_net.derivatives import ROWS, oriented_derivatives
from workbench.zoo.planning import FEW_HUNDRED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks import SegmentationTask
from workbench.zoo.tasks.base import MakeLoss, Weight


class OutlineTask(SegmentationTask):
    """Softmax over labels, with the derivatives of the foreground (every label but 0) learnt beside it."""

    def make_loss(self, *, derivative: Weight = 1.0, unnormalised_grid: bool = False, **options: Any) -> MakeLoss:
        """Return cross entropy and Dice of the labels, and the smooth L1 error of the oriented derivatives.

        Parameters
        ----------
        derivative : float
            Weight of the error of the derivatives; unlabelled pixels do not count in it.
        unnormalised_grid : bool
            Make the derivatives as the original does, with sampling coordinates in pixels where they must run from -1
            to 1: nearly all neighbours are then taken from the border of the picture.
        **options
            Those of `SegmentationTask.make_loss`.
        """
        if derivative < 0:
            raise InputError(f"The weight of a term of the loss is 0 or more, got {derivative=}.")
        of_labels = super().make_loss(**options)

        def define(nn: Any, F: Any, ops: Any) -> Any:
            labels: Any = of_labels(nn, F, ops)

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                terms = labels(outputs, targets)
                predicted, label = outputs["derivatives"], ops.unsqueeze(targets["label"], 1)
                stride = label.shape[2] // predicted.shape[2]
                inside = ops.logical_and(label > 0, label != UNLABELLED).to(predicted.dtype)
                mask = F.avg_pool2d(inside, stride)
                known = F.avg_pool2d((label != UNLABELLED).to(predicted.dtype), stride)
                wanted = oriented_derivatives(F, ops, mask, outputs["offsets"], unnormalised_grid=unnormalised_grid)
                errors = F.smooth_l1_loss(predicted, wanted, reduction="none") * known
                error = ops.sum(errors) / (len(ROWS) * ops.sum(known) + 1e-6)
                return {**terms, "loss": terms["loss"] + derivative * error, "derivative": error}

            return loss

        return define

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            f"{FEW_HUNDRED} pictures (the original's: SGD, rate 0.005, 10,000 steps)",
            optimizer={"name": "adamw", "lr": 5e-4, "weight_decay": 1e-4},
            augment={"flip": {"axes": [1]}},
        )


TASK = OutlineTask(ndim=2)
