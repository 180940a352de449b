"""One label for every voxel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.signatures import Range
from workbench.volume import UNLABELLED, Volume
from workbench.zoo.planning import CROPPED, FEW_HUNDRED, STANDARDISED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks.base import (
    ClassWeights,
    MakeLoss,
    Metrics,
    Outputs,
    Task,
    Weight,
    check_range,
    check_weights,
    class_weight_tensor,
    logits_of,
    softmax,
)

if TYPE_CHECKING:
    from workbench.transforms import Prepared


class SegmentationTask(Task):
    """Softmax over labels, trained with cross entropy and Dice; scored by Dice in millimetres.

    Parameters
    ----------
    ndim : int
        Number of spatial axes.
    """

    kind: ClassVar[str] = "segmentation"
    windowed: ClassVar[bool] = True
    by_voxel: ClassVar[bool] = True
    background: ClassVar[bool] = True

    def __init__(self, ndim: int) -> None:
        self.ndim = ndim

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:  # noqa: ARG002
        """Return ``{"label": int64 [*spatial]}``; 255 marks voxels without annotation."""
        values = np.asarray(annotation, dtype=np.int64)
        if values.ndim != self.ndim:
            raise InputError(f"A label map for this task has {self.ndim} axes, got shape {values.shape}.")
        check_range(values, num_classes, ignored=UNLABELLED)
        return {"label": values}

    def make_loss(
        self,
        *,
        cross_entropy: Weight = 1.0,
        dice: Weight = 1.0,
        background: bool = False,
        class_weights: ClassWeights = None,
        squared: bool = False,
        smoothing: Annotated[float, Range(above=0)] = 1.0,
    ) -> MakeLoss:
        """Return the weighted sum of the cross entropy and of one minus the soft Dice.

        The Dice of each label is taken over the whole batch, then averaged. Voxels that nobody annotated (255) count
        in neither term; where there are no others, the cross entropy is 0.

        Parameters
        ----------
        cross_entropy, dice : float
            Weight of each term.
        background : bool
            Whether label 0 counts in the Dice term.
        class_weights : sequence of float, optional
            Weight of each label in the cross entropy.
        squared : bool
            Whether the denominator of the Dice adds up squares, as Milletari et al. (2016) do, or plain values.
        smoothing : float
            Above 0; added to numerator and denominator. It decides where a label is neither present nor predicted:
            that is right, so Dice is 1.

        Raises
        ------
        InputError
            If no term counts, a weight is below 0, or `smoothing` is not above 0.
        """
        if cross_entropy < 0 or dice < 0 or cross_entropy + dice <= 0:
            raise InputError(f"The loss needs a term with a weight above 0, got {cross_entropy=}, {dice=}.")
        if not smoothing > 0:
            raise InputError(f"The smoothing of the Dice is above 0 (1e-6 is as good as none), got {smoothing}.")
        weights = check_weights(class_weights)
        first = 0 if background else 1
        spatial = tuple(range(2, 2 + self.ndim))

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def soft_dice(logits: Any, label: Any, known: Any) -> Any:
                p = F.softmax(logits, dim=1) * known
                t = ops.permute(F.one_hot(label, logits.shape[1]), (0, 1 + len(spatial), *range(1, 1 + len(spatial))))
                t = t * known
                overlap = ops.sum(p * t, dim=(0, *spatial))[first:]
                total = ops.sum(p * p + t if squared else p + t, dim=(0, *spatial))[first:]
                return ops.mean((2 * overlap + smoothing) / (total + smoothing))

            def mean_entropy(logits: Any, label: Any, present: Any) -> Any:
                weight = class_weight_tensor(ops, logits, weights)
                known = (label != UNLABELLED).to(logits.dtype)
                count = ops.sum(known if weight is None else known * weight[present])
                total = F.cross_entropy(logits, label, weight=weight, ignore_index=UNLABELLED, reduction="sum")
                return total / ops.where(count > 0, count, ops.ones_like(count))

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                logits, label = logits_of(outputs), targets["label"]
                present = ops.where(label == UNLABELLED, ops.zeros_like(label), label)
                terms = {}
                if cross_entropy > 0:
                    terms["cross_entropy"] = mean_entropy(logits, label, present)
                if dice > 0:
                    known = ops.unsqueeze(label != UNLABELLED, 1).to(logits.dtype)
                    terms["dice"] = 1 - soft_dice(logits, present, known)
                total = cross_entropy * terms.get("cross_entropy", 0) + dice * terms.get("dice", 0)
                return {"loss": total, **terms}

            return loss

        return define

    def probabilities(self, outputs: Outputs) -> Array:
        """Return probabilities [n, num_classes, *spatial]."""
        return softmax(self.main_of(outputs))

    def decode(self, outputs: Outputs) -> Array:
        """Return label maps [n, *spatial] of the smallest integer type that holds them."""
        logits = self.main_of(outputs)
        return np.asarray(logits.argmax(axis=1), self.label_dtype(logits.shape[1]))

    def label_dtype(self, num_classes: int) -> type[np.integer[Any]]:
        """Return the smallest type that holds the labels."""
        return np.uint8 if num_classes <= 256 else np.int32

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Volume:
        """Return labels with their names, on the grid of the volume."""
        names = dict(enumerate(classes))
        if prepared.exact:
            return prepared.restore(self.decode(outputs)[0], kind="labels", labels=names)
        # interpolate the probabilities, then decide: smoother outlines than enlarging the decision
        scores = prepared.restore(self.probabilities(outputs)[0]).channels_first()
        decided = self.decode(scores[np.newaxis])[0]
        return prepared.source.with_data(decided, kind="labels", labels=names)

    def explainable(self, answer: Volume, classes: Sequence[str]) -> list[tuple[str, Any]]:
        """Return the labels that were drawn first, then those that were not."""
        drawn = set(np.unique(answer.data).tolist())
        return sorted(super().explainable(answer, classes), key=lambda one: one[1] not in drawn)

    def metrics(self, classes: Sequence[str]) -> SegmentationMetrics:
        """Return empty scores: ``dice`` (mean of the labels but the background) and ``dice/<label name>``."""
        return SegmentationMetrics(classes)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002 - fitted to them by the algorithm
        """Return what is proposed for training."""
        return Plan.of(
            f"{FEW_HUNDRED} images",
            epochs=30,
            batch_size=4,
            optimizer={"name": "adamw", "lr": 2e-3, "weight_decay": 1e-4},
            schedule={"name": "cosine", "warmup_epochs": 1},
            augment={},
            preprocess={"orientation": "IPL" if self.ndim == 2 else "RAS", "intensity": {"kind": "zscore"}},
            loss={},
            patch_size=[256, 256] if self.ndim == 2 else [64, 64, 64],
            grad_clip=12.0,
            monitor="val/dice",
            mode="max",
        ).because(
            monitor="the overlap of labels, mean over the foreground",
            preprocess=STANDARDISED,
            patch_size=CROPPED,
        )


class SegmentationMetrics(Metrics):
    """Dice of every label, mean over the samples that have or predict it."""

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = tuple(classes)
        self._scores: list[list[float]] = []

    def update(self, prediction: Volume, truth: Volume) -> None:
        """Take in two label volumes; they may lie on different grids."""
        from workbench.evaluation import dice

        scores = dice(prediction, truth, {label: str(label) for label in range(1, len(self.classes))})
        self._scores.append(list(scores.values()))

    def compute(self) -> dict[str, float]:
        """Return ``dice`` and ``dice/<label name>``; NaN where no sample has the label."""
        table = np.array(self._scores, dtype=float).reshape(-1, len(self.classes) - 1)
        counts = np.isfinite(table).sum(axis=0)
        means = np.where(counts > 0, np.nansum(table, axis=0) / np.maximum(counts, 1), np.nan)
        mean = float(means[counts > 0].mean()) if counts.any() else float("nan")
        named = {f"dice/{name}": float(value) for name, value in zip(self.classes[1:], means, strict=True)}
        return {"dice": mean, **named}
