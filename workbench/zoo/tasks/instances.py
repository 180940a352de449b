"""Objects told apart: every voxel gets the number of the object it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.base import LinearScore
from workbench.volume import Volume
from workbench.zoo.planning import CROPPED, STANDARDISED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks.base import (
    ClassWeights,
    MakeLoss,
    Metrics,
    Outputs,
    Task,
    Weight,
    check_weights,
    class_weight_tensor,
    softmax,
)
from workbench.zoo.tasks.instance_masks import INSIDE, check_instances, decode_mask, encode_mask

if TYPE_CHECKING:
    from workbench.transforms import Prepared


class InstanceTask(Task):
    """Background, inside and boundary of objects, trained with cross entropy and Dice; scored by AJI, PQ and Dice.

    Networks for it return a dict whose ``logits`` are those of the model's classes (explanations look at them), and
    whose ``mask`` [n, 3, *spatial] are those of background, inside and boundary, where these are not the same.

    Parameters
    ----------
    ndim : int
        Number of spatial axes.
    smallest : int
        Objects whose inside has fewer voxels are dropped.
    """

    kind: ClassVar[str] = "instances"
    windowed: ClassVar[bool] = True
    background: ClassVar[bool] = True

    def __init__(self, ndim: int = 2, *, smallest: int = 8) -> None:
        self.ndim = ndim
        self.smallest = smallest

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:  # noqa: ARG002
        """Return ``{"mask": int64 [*spatial]}``: 0 background, 1 inside, 2 boundary."""
        return {"mask": encode_mask(check_instances(annotation, self.ndim))}

    def make_loss(
        self, *, cross_entropy: Weight = 1.0, dice: Weight = 1.0, class_weights: ClassWeights = None
    ) -> MakeLoss:
        """Return the weighted sum of the cross entropy and of one minus the soft Dice, mean over the three classes.

        Parameters
        ----------
        cross_entropy, dice : float
            Weight of each term.
        class_weights : sequence of float, optional
            Weights of background, inside and boundary in the cross entropy.
        """
        if cross_entropy < 0 or dice < 0 or cross_entropy + dice <= 0:
            raise InputError(f"The loss needs a term with a weight above 0, got {cross_entropy=}, {dice=}.")
        weights = check_weights(class_weights)

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                logits, label = mask_of(outputs), targets["mask"]
                weight = class_weight_tensor(ops, logits, weights)
                terms = {"cross_entropy": F.cross_entropy(logits, label, weight=weight)}
                # "dice" is a score, and the higher the better; this is what the loss has of it
                terms["dice_loss"] = ops.mean(dice_losses(F, ops, logits, label))
                return {"loss": cross_entropy * terms["cross_entropy"] + dice * terms["dice_loss"], **terms}

            return loss

        return define

    def check_class_weights(self, options: Mapping[str, Any], num_classes: int) -> None:  # noqa: ARG002
        """Check that there are weights for background, inside and boundary, whatever the objects are called."""
        super().check_class_weights(options, 3)

    def probabilities(self, outputs: Outputs) -> Array:
        """Return the probabilities of background, inside and boundary [n, 3, *spatial]."""
        return softmax(mask_of(outputs))

    def decode(self, outputs: Outputs) -> Array:
        """Return numbered objects [n, *spatial], int32, 0 for the background."""
        return np.stack([decode_mask(p, smallest=self.smallest) for p in self.probabilities(outputs)])

    def inside(self, outputs: Outputs) -> tuple[str | None, int]:
        """Return the output that objects are decoded from, and the channel that says *inside*."""
        if not isinstance(outputs, Mapping):
            return None, INSIDE
        return ("mask" if "mask" in outputs else "logits"), INSIDE

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Volume:  # noqa: ARG002
        """Return the numbers of the objects as labels on the grid of the volume (nearest neighbour)."""
        return prepared.restore(self.decode(outputs)[0], kind="labels")

    def counting(self, outputs: Outputs, label: int | None = None) -> LinearScore | None:  # noqa: ARG002 - of no class
        """Return the sum over the objects of the mean logit of *inside* in each; None where there are none."""
        output, channel = self.inside(outputs)
        values = np.asarray(outputs[output] if isinstance(outputs, Mapping) and output else outputs)
        objects = np.asarray(self.decode(outputs)[0])
        weights = np.zeros(values.shape[1:], np.float32)
        sizes = np.bincount(objects.ravel())
        if len(sizes) < 2:
            return None
        weights[channel] = np.where(objects > 0, 1 / np.maximum(sizes, 1)[objects], 0)
        return LinearScore(weights, output)

    def explainable(self, answer: Volume, classes: Sequence[str]) -> list[tuple[str, Any]]:
        """Return every object, how many there are, and the classes."""
        numbers = [int(number) for number in np.unique(answer.data) if number > 0]
        count = [("count", None)] if numbers else []
        return [*(("instance", number) for number in numbers), *count, *super().explainable(answer, classes)]

    def metrics(self, classes: Sequence[str]) -> InstanceMetrics:  # noqa: ARG002
        """Return empty scores: ``aji``, ``pq``, ``sq``, ``dq``, ``dice``."""
        return InstanceMetrics()

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002 - fitted to them by the algorithm
        """Return what is proposed for training."""
        return Plan.of(
            "for sets of some tens of microscopy pictures",
            epochs=60,
            batch_size=4,
            optimizer={"name": "adam", "lr": 1e-3, "weight_decay": 1e-4},
            schedule={"name": "cosine", "warmup_epochs": 1},
            augment={"flip": {"axes": [0, 1]}, "affine": {"rotate_deg": 180, "scale": 0.1, "translate": 0}},
            preprocess={"orientation": "IPL", "intensity": {"kind": "zscore"}},
            loss={},
            patch_size=[128, 128],
            grad_clip=12.0,
            monitor="val/aji",
            mode="max",
        ).because(
            monitor="it counts objects that are split or merged",
            preprocess=STANDARDISED,
            patch_size=CROPPED,
        )


class InstanceMetrics(Metrics):
    """Aggregated Jaccard index, panoptic quality and its parts, and Dice: means over the samples."""

    def __init__(self) -> None:
        self._scores: list[dict[str, float]] = []

    def update(self, prediction: Volume, truth: Volume) -> None:
        """Take in two Volumes of numbered objects; they may lie on different grids."""
        from workbench.evaluation.instances import instance_scores

        self._scores.append(instance_scores(prediction, truth))

    def compute(self) -> dict[str, float]:
        """Return ``aji``, ``pq``, ``sq``, ``dq``, ``dice``; samples without any object count in none."""
        means = {}
        for name in ("aji", "pq", "sq", "dq", "dice"):
            values = [scores[name] for scores in self._scores if np.isfinite(scores[name])]
            means[name] = float(np.mean(values)) if values else float("nan")
        return means


def mask_of(outputs: Any) -> Any:
    """Return the logits of background, inside and boundary [n, 3, *spatial] of what a network returned."""
    if not isinstance(outputs, Mapping):
        return outputs
    return outputs["mask"] if "mask" in outputs else outputs["logits"]


def dice_losses(F: Any, ops: Any, logits: Any, label: Any) -> Any:
    """Return one minus the soft Dice of each class over the whole batch.

    Parameters
    ----------
    logits : tensor [n, k, *spatial]
    label : tensor [n, *spatial], integer

    Returns
    -------
    tensor [k]
        1 - (2 I + 1) / (P + T + 1), with I the sum of the products of probabilities and truth, P and T their sums.
    """
    spatial = tuple(range(2, logits.ndim))
    p = F.softmax(logits, dim=1)
    t = ops.permute(F.one_hot(label, logits.shape[1]), (0, logits.ndim - 1, *range(1, logits.ndim - 1)))
    t = t.to(p.dtype)
    overlap = ops.sum(p * t, dim=(0, *spatial))
    total = ops.sum(p + t, dim=(0, *spatial))
    return 1 - (2 * overlap + 1) / (total + 1)
