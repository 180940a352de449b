"""Ellipses, learnt as masks and fitted to the outline of what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.base import LinearScore
from workbench.shapes import Ellipses
from workbench.zoo.ellipsenet_fit.encoding import ellipse_of, masks_of
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight, logits_of
from workbench.zoo.tasks.ellipses import EllipseTask, checked_ellipses
from workbench.zoo.tasks.evidence import mean_at, no_parameter
from workbench.zoo.tasks.heatmaps import presence, sigmoid


class FitTask(EllipseTask):
    """One mask per class; the answer is one ellipse per class, around the largest region of its mask.

    Masks of several classes may overlap: a heart lies within the thorax.
    """

    windowed: ClassVar[bool] = True

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return ``{"mask": float32 [num_classes, *shape]}``, 1 inside the ellipses of a class."""
        return {"mask": masks_of(checked_ellipses(annotation, num_classes, shape), num_classes, shape)}

    def make_loss(self, *, cross_entropy: Weight = 1.0, dice: Weight = 1.0) -> MakeLoss:
        """Return the weighted sum of the binary cross entropy and of one minus the soft Dice of each mask.

        Parameters
        ----------
        cross_entropy, dice : float
            Weight of each term.
        """
        if cross_entropy < 0 or dice < 0 or cross_entropy + dice <= 0:
            raise InputError(f"The loss needs a term with a weight above 0, got {cross_entropy=}, {dice=}.")

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                logits, mask = logits_of(outputs), targets["mask"]
                p = F.sigmoid(logits)
                overlap, total = ops.sum(p * mask, dim=(0, 2, 3)), ops.sum(p + mask, dim=(0, 2, 3))
                terms = {
                    "cross_entropy": F.binary_cross_entropy_with_logits(logits, mask),
                    # the 1 decides only where a class is neither present nor predicted: that is right, so Dice is 1
                    "dice": 1 - ops.mean((2 * overlap + 1) / (total + 1)),
                }
                return {"loss": cross_entropy * terms["cross_entropy"] + dice * terms["dice"], **terms}

            return loss

        return define

    def decode(self, outputs: Outputs) -> list[Ellipses]:
        """Return the ellipse of each class in each image, in voxels of the network's grid, the surest first.

        The score is the mean probability within the region that the ellipse was fitted to.
        """
        found = []
        for maps in logits_of(outputs):
            rows, labels, scores = [], [], []
            for label, values in enumerate(maps):
                fitted = ellipse_of(values)
                if fitted is not None:
                    rows.append(fitted[0])
                    labels.append(label)
                    scores.append(float(sigmoid(values[fitted[1]]).mean()))
            order = np.argsort(-np.array(scores), kind="stable")
            ellipses = Ellipses(np.array(rows).reshape(-1, 5), np.array(labels), scores=np.array(scores))
            found.append(ellipses.select(order))
        return found

    def evidence(self, outputs: Outputs, parameter: str | None = None) -> list[LinearScore]:
        """Return the mean logit of the region that each ellipse was fitted to."""
        no_parameter(parameter, "Ellipses that are fitted to a mask")
        found = []
        for label, values in enumerate(logits_of(outputs)[0]):
            fitted = ellipse_of(values)
            if fitted is not None:
                found.append((float(sigmoid(values[fitted[1]]).mean()), label, fitted[1]))
        order = np.argsort([-sure for sure, _, _ in found], kind="stable")
        return [mean_at(outputs, None, found[k][1], found[k][2]) for k in order]

    def presence(self, outputs: Outputs) -> Array:
        """Return the class of each pixel that is likely inside an ellipse, -1 elsewhere."""
        return presence(np.asarray(logits_of(outputs)), 0.5)


TASK = FitTask()
