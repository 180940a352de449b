"""Where something is, learnt from what the whole image shows."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.volume import Volume
from workbench.zoo.planning import FEW_HUNDRED, STANDARDISED, UNKNOWN, WHOLE, Facts, Plan
from workbench.zoo.tasks.base import Metrics, Outputs, Task, check_range

if TYPE_CHECKING:
    from workbench.transforms import Prepared


class LocalisationTask(Task):
    """A score for every pixel, learnt from the class of the whole image alone.

    Annotations are ``{"class": int, "mask": Volume or None}``; the mask is never learnt from. Algorithms add
    `make_loss`, `score_map` and what is special in their recipe.

    Parameters
    ----------
    threshold : float
        Scores from here on count as found when the Dice is computed.
    """

    kind: ClassVar[str] = "localisation"

    def __init__(self, threshold: float = 0.5) -> None:
        self.threshold = threshold

    @abstractmethod
    def score_map(self, outputs: Outputs) -> Array:
        """Return scores [n, *spatial'] over the field of view of the network's input; larger is more likely."""

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:  # noqa: ARG002
        """Return ``{"label": int64 []}``, the class of the image."""
        if not isinstance(annotation, Mapping) or "class" not in annotation:
            raise InputError(
                "An annotation for localisation is {'class': int} or {'class': int, 'mask': Volume of labels}, got "
                f"{annotation!r}."
            )
        value = np.asarray(annotation["class"], dtype=np.int64).reshape(())
        check_range(value, num_classes)
        return {"label": value}

    def decode(self, outputs: Outputs) -> Array:
        """Return the score maps [n, *spatial'], float32."""
        return np.asarray(self.score_map(outputs), np.float32)

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Volume:  # noqa: ARG002
        """Return the scores on the grid of the volume."""
        return prepared.restore(self.decode(outputs)[0], kind="scores")

    def metrics(self, classes: Sequence[str]) -> LocalisationMetrics:  # noqa: ARG002
        """Return empty scores: ``pr_auc``, ``roc_auc`` and ``dice`` of the pixels, over the samples with a mask."""
        return LocalisationMetrics(self.threshold)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002 - fitted to them by the algorithm
        """Return what is proposed for training."""
        return Plan.of(
            f"{FEW_HUNDRED} pictures",
            epochs=30,
            batch_size=8,
            optimizer={"name": "adamw", "lr": 1e-3, "weight_decay": 1e-2},
            schedule={"name": "cosine", "warmup_epochs": 1},
            augment={"flip": {"axes": [1]}},
            preprocess={"orientation": "IPL", "intensity": {"kind": "zscore"}},
            loss={},
            patch_size=None,
            grad_clip=None,
            monitor="val/pr_auc",
            mode="max",
        ).because(
            monitor="it needs no threshold, and most pixels are background",
            preprocess=STANDARDISED,
            patch_size=WHOLE,
        )


class LocalisationMetrics(Metrics):
    """Areas under the precision-recall and the ROC curve of all pixels, and the Dice at a threshold.

    Samples without a mask are left out; those of a class where there is nothing to find have an empty mask.
    """

    def __init__(self, threshold: float | None = None) -> None:
        self.threshold = threshold
        self._maps: list[Array] = []
        self._masks: list[Array] = []

    def update(self, prediction: Volume, truth: Mapping[str, Any]) -> None:
        """Take in the scores of one sample and its annotation; they may lie on different grids."""
        mask = truth.get("mask")
        if mask is None:
            return
        scores = prediction if prediction.same_grid(mask) else prediction.resample_like(mask, order=1)
        self._maps.append(np.asarray(scores.data, np.float32))
        self._masks.append(np.asarray(mask.data) > 0)

    def compute(self) -> dict[str, float]:
        """Return ``pr_auc``, ``roc_auc`` and, with a threshold, ``dice``; all NaN where no sample has a mask."""
        from workbench.evaluation import localisation_scores

        if not self._maps:
            names = ("pr_auc", "roc_auc") if self.threshold is None else ("pr_auc", "roc_auc", "dice")
            return dict.fromkeys(names, float("nan"))
        return localisation_scores(self._maps, self._masks, self.threshold)
