"""A class for the whole picture and a label for every pixel, learnt together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.zoo.planning import FEW_HUNDRED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks import ClassificationTask, Metrics, SegmentationTask, Task
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight

if TYPE_CHECKING:
    from workbench.transforms import Prepared
    from workbench.volume import Volume

_PICTURE = ClassificationTask()
_PIXELS = SegmentationTask(ndim=2)
#: The most labels that a mask may have; how many the network knows is one of its options.
_MOST = 255


class JointTask(Task):
    """Annotations and answers are ``{"class": ..., "mask": ...}``; outputs ``{"logits": ..., "tissue": ...}``."""

    kind: ClassVar[str] = "joint"
    whole: ClassVar[bool] = True

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return ``{"label": int64 [], "mask": int64 [*shape]}``.

        Raises
        ------
        InputError
            If the class or the mask is missing, or there is no such class.
        """
        if not isinstance(annotation, Mapping) or annotation.get("class") is None or annotation.get("mask") is None:
            raise InputError(
                f"An annotation for this task is {{'class': int, 'mask': labels}}, both needed, got {annotation!r}."
            )
        label = _PICTURE.targets(annotation["class"], num_classes, shape)["label"]
        return {"label": label, "mask": _PIXELS.targets(annotation["mask"], _MOST, shape)["label"]}

    def make_loss(self, *, classification: Weight = 1.0, cross_entropy: Weight = 1.0, dice: Weight = 1.0) -> MakeLoss:
        """Return the weighted sum of the cross entropy of the class, and of cross entropy and Dice of the tissues.

        Parameters
        ----------
        classification, cross_entropy, dice : float
            Weight of each term.
        """
        if classification < 0:
            raise InputError(f"The weight of a term of the loss is 0 or more, got {classification=}.")
        of_picture = _PICTURE.make_loss()
        of_pixels = _PIXELS.make_loss(cross_entropy=cross_entropy, dice=dice)

        def define(nn: Any, F: Any, ops: Any) -> Any:
            picture: Any = of_picture(nn, F, ops)
            pixels: Any = of_pixels(nn, F, ops)

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                tissue, mask = outputs["tissue"], targets["mask"]
                highest = int(ops.max(ops.where(mask == _MOST, ops.zeros_like(mask), mask)))
                if highest >= tissue.shape[1]:
                    raise InputError(
                        f"A mask has the label {highest}, the network was made for tissues={tissue.shape[1]} (labels 0 "
                        f"to {tissue.shape[1] - 1}). Create it with tissues={highest + 1}, or map the labels first."
                    )
                whole = picture(outputs["logits"], {"label": targets["label"]})["loss"]
                parts = pixels(tissue, {"label": mask})
                total = classification * whole + parts["loss"]
                named = {f"tissue_{name}": value for name, value in parts.items() if name != "loss"}
                return {"loss": total, "classification": whole, **named}

            return loss

        return define

    def probabilities(self, outputs: Outputs) -> Array:
        """Return the probabilities [n, num_classes] of the classes of the whole picture."""
        return _PICTURE.probabilities(outputs)

    def decode(self, outputs: Outputs) -> list[dict[str, Array]]:
        """Return ``{"class": probabilities [num_classes], "mask": labels [*spatial]}`` of each picture."""
        _, tissue = _both(outputs)
        whole = zip(self.probabilities(outputs), _PIXELS.decode(tissue), strict=True)
        return [{"class": probabilities, "mask": mask} for probabilities, mask in whole]

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> dict[str, Any]:
        """Return ``{"class": Classification, "mask": Volume of labels}``, the mask on the grid of the volume."""
        logits, tissue = _both(outputs)
        tissues = ("background", *(f"tissue {k}" for k in range(1, tissue.shape[1])))
        return {
            "class": _PICTURE.answer(logits, prepared, classes),
            "mask": _PIXELS.answer(tissue, prepared, tissues),
        }

    def explainable(self, answer: Mapping[str, Any], classes: Sequence[str]) -> list[tuple[str, Any]]:
        """Return the classes, and each tissue where it was drawn."""
        mask = answer["mask"]
        drawn = [int(label) for label in np.unique(mask.data) if label > 0]
        tissues = [
            ("output", ("tissue", k, mask.with_data((mask.data == k).astype(np.uint8), labels={}))) for k in drawn
        ]
        return [*super().explainable(answer, classes), *tissues]

    def metrics(self, classes: Sequence[str]) -> JointMetrics:
        """Return empty scores: ``accuracy`` and ``auc`` of the class, ``dice`` of the tissues."""
        return JointMetrics(classes)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        return _PICTURE.plan(facts).but(
            f"{FEW_HUNDRED} pictures",
            epochs=30,
            batch_size=8,
            preprocess={"orientation": "IPL", "intensity": {"kind": "zscore"}},
            patch_size=None,
            monitor="val/accuracy",
            mode="max",
        )


class JointMetrics(Metrics):
    """The scores of the class, and the Dice of every tissue, mean over the pictures that have or predict it."""

    def __init__(self, classes: Sequence[str]) -> None:
        self._whole = _PICTURE.metrics(classes)
        self._dice: dict[int, list[float]] = {}

    def update(self, prediction: Mapping[str, Any], truth: Mapping[str, Any]) -> None:
        """Take in an answer and the annotation of one picture; masks may lie on different grids."""
        from workbench.evaluation import dice

        self._whole.update(prediction["class"], truth["class"])
        masks: tuple[Volume, Volume] = (prediction["mask"], truth["mask"])
        present = sorted({int(label) for mask in masks for label in np.unique(mask.data)} - {0, _MOST})
        for label, score in zip(present, dice(*masks, {k: str(k) for k in present}).values(), strict=True):
            self._dice.setdefault(label, []).append(score)

    def compute(self) -> dict[str, float]:
        """Return ``accuracy``, ``auc``, ``dice`` (mean of the tissues) and ``dice/<label>``."""
        by_label = {label: float(np.mean(scores)) for label, scores in sorted(self._dice.items())}
        mean = float(np.mean(list(by_label.values()))) if by_label else float("nan")
        return {**self._whole.compute(), "dice": mean, **{f"dice/{k}": value for k, value in by_label.items()}}


def _both(outputs: Outputs) -> tuple[Array, Array]:
    if not isinstance(outputs, Mapping):
        raise InputError("A network for this task returns {'logits': ..., 'tissue': ...}, got a single array.")
    return outputs["logits"], outputs["tissue"]


TASK = JointTask()
