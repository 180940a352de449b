"""One class for a whole image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.zoo.classification import Classification
from workbench.zoo.planning import STANDARDISED, UNKNOWN, WHOLE, Facts, Plan
from workbench.zoo.tasks.base import (
    ClassWeights,
    LabelSmoothing,
    MakeLoss,
    Metrics,
    Outputs,
    Task,
    check_range,
    check_weights,
    class_weight_tensor,
    logits_of,
    softmax,
)

if TYPE_CHECKING:
    from workbench.transforms import Prepared


class ClassificationTask(Task):
    """Softmax over classes, trained with cross entropy; scored by AUC and accuracy."""

    kind: ClassVar[str] = "classification"
    whole: ClassVar[bool] = True

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:  # noqa: ARG002
        """Return ``{"label": int64 []}``."""
        value = np.asarray(annotation, dtype=np.int64).reshape(())
        check_range(value, num_classes)
        return {"label": value}

    def make_loss(self, *, label_smoothing: LabelSmoothing = 0.0, class_weights: ClassWeights = None) -> MakeLoss:
        """Return the cross entropy.

        Parameters
        ----------
        label_smoothing : float
            Share of the target that is spread evenly over all classes.
        class_weights : sequence of float, optional
            Weight of each class.
        """
        weights = check_weights(class_weights)

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                logits = logits_of(outputs)
                weight = class_weight_tensor(ops, logits, weights)
                value = F.cross_entropy(logits, targets["label"], weight=weight, label_smoothing=label_smoothing)
                return {"loss": value}

            return loss

        return define

    def probabilities(self, outputs: Outputs) -> Array:
        """Return probabilities [n, num_classes]."""
        return softmax(self.main_of(outputs))

    def decode(self, outputs: Outputs) -> Array:
        """Return probabilities [n, num_classes]; the class is their argmax."""
        return self.probabilities(outputs)

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Classification:  # noqa: ARG002
        """Return the probabilities by class."""
        return Classification(tuple(classes), tuple(map(float, self.probabilities(outputs)[0])))

    def metrics(self, classes: Sequence[str]) -> ClassificationMetrics:  # noqa: ARG002
        """Return empty scores: ``auc``, ``accuracy`` and ``f1``."""
        return ClassificationMetrics()

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002 - fitted to them by the algorithm
        """Return what is proposed for training."""
        return Plan.of(
            "for small sets of pictures",
            epochs=30,
            batch_size=32,
            optimizer={"name": "adamw", "lr": 1e-3, "weight_decay": 1e-2},
            schedule={"name": "cosine", "warmup_epochs": 1},
            augment={"flip": {"axes": [1]}, "affine": {"rotate_deg": 0, "scale": 0, "translate": 0.07}},
            preprocess={"orientation": "IPL", "intensity": {"kind": "zscore"}},
            loss={},
            patch_size=None,
            grad_clip=None,
            monitor="val/auc",
            mode="max",
        ).because(
            monitor="the area under the ROC curve needs no threshold",
            preprocess=STANDARDISED,
            patch_size=WHOLE,
        )


class ClassificationMetrics(Metrics):
    """Area under the ROC curve (one against the rest, mean over the classes), accuracy and F1."""

    def __init__(self) -> None:
        self._probabilities: list[Array] = []
        self._labels: list[int] = []

    def update(self, prediction: Any, truth: Any) -> None:
        """Take in a Classification, or the probabilities [num_classes], of one sample and its class."""
        values = prediction.probabilities if isinstance(prediction, Classification) else prediction
        self._probabilities.append(np.asarray(values, dtype=np.float32))
        self._labels.append(int(truth))

    def compute(self) -> dict[str, float]:
        """Return ``auc``, ``accuracy`` and ``f1``; all NaN without a sample."""
        from workbench.evaluation import classification_scores

        if not self._labels:
            return dict.fromkeys(("auc", "accuracy", "f1"), float("nan"))
        return dict(classification_scores(np.stack(self._probabilities), np.array(self._labels)))
