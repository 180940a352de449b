"""Boxes as a set: each is learnt by the query that fits it best, all other queries learn that there is nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks import tensors
from workbench.frameworks.base import LinearScore
from workbench.shapes import Boxes
from workbench.zoo.lung_nodule_transformer.matching import match_queries
from workbench.zoo.planning import FEW_HUNDRED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks import DetectionTask
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight, class_weight_tensor, softmax
from workbench.zoo.tasks.detection import padded_boxes
from workbench.zoo.tasks.evidence import mean_at, no_parameter

#: Most boxes in a training image.
MOST_BOXES = 300


class DETRTask(DetectionTask):
    """Boxes from queries.

    Parameters
    ----------
    confidence : float
        Boxes less sure than this are not answered.
    """

    whole: ClassVar[bool] = True

    def __init__(self, confidence: float = 0.05) -> None:
        self.confidence = confidence

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return the padded boxes of a picture.

        Returns
        -------
        dict
            ``box`` [300, 4] float32, centre x, y, width, height as shares of the picture; ``label`` [300] int64;
            ``used`` [300] float32, 1 for a box and 0 for padding.
        """
        values, labels, valid = padded_boxes(annotation, num_classes, shape, MOST_BOXES)
        extent = np.array([shape[1], shape[0]])
        low, high = values[:, [1, 0]], values[:, [3, 2]]
        box = np.concatenate([((low + high) / 2 + 0.5) / extent, (high - low) / extent], axis=1)
        box = np.where(valid[:, None], box, 0.5)
        return {"box": box.astype(np.float32), "label": labels, "used": valid.astype(np.float32)}

    def make_loss(
        self, *, classes: Weight = 1.0, distance: Weight = 5.0, overlap: Weight = 2.0, nothing: Weight = 0.1
    ) -> MakeLoss:
        """Return the sum over the decoder's layers of cross entropy, L1 distance and 1 - generalised overlap.

        Boxes and queries are matched anew for every layer; the same weights decide the matching. The terms that are
        named beside the loss are those of the last layer.

        Parameters
        ----------
        classes, distance, overlap : float
            Weight of each term; the terms of the boxes are divided by the number of boxes in the batch.
        nothing : float
            Weight of the class "no object" in the cross entropy.
        """
        weights = (classes, distance, overlap)
        if min(*weights, nothing) < 0 or sum(weights) <= 0:
            raise InputError(f"The weights of a loss are 0 or more, one above 0, got {weights} and {nothing=}.")

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def overlap_of(first: Any, second: Any) -> Any:
                low = ops.maximum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
                high = ops.minimum(first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2)
                outer_low = ops.minimum(first[..., :2] - first[..., 2:] / 2, second[..., :2] - second[..., 2:] / 2)
                outer_high = ops.maximum(first[..., :2] + first[..., 2:] / 2, second[..., :2] + second[..., 2:] / 2)
                sides, around = ops.clamp(high - low, min=0), outer_high - outer_low
                shared, around = sides[..., 0] * sides[..., 1], around[..., 0] * around[..., 1]
                union = first[..., 2] * first[..., 3] + second[..., 2] * second[..., 3] - shared
                return shared / (union + 1e-7) - (around - union) / (around + 1e-7)

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                logits, boxes = outputs["classes"], outputs["boxes"]
                values = [tensors.to_numpy(ops, tensor) for tensor in (logits, boxes)]
                truth = {name: tensors.to_numpy(ops, targets[name]) for name in ("box", "label", "used")}
                layers = range(logits.shape[1])
                matched = [match(values[0][:, layer], values[1][:, layer], truth, weights) for layer in layers]
                found = (np.stack(of_layers, axis=1) for of_layers in zip(*matched, strict=True))
                wanted, query, used = (ops.tensor(array, device=tensors.place_of(logits)) for array in found)
                total = ops.clamp(ops.sum(targets["used"]), min=1)
                by_class = ops.transpose(ops.transpose(logits, 2, 3), 1, 2)
                rarity = class_weight_tensor(ops, by_class, [1.0] * (logits.shape[3] - 1) + [nothing])
                entropy = F.cross_entropy(by_class, wanted, weight=rarity, reduction="none")
                counts = F.embedding(wanted, ops.unsqueeze(rarity, 1))[..., 0]
                own = ops.gather(boxes, 2, ops.stack([query] * 4, dim=3))
                true = ops.unsqueeze(targets["box"], 1)
                apart = ops.sum(ops.abs(own - true), dim=3) * used
                missed = (1 - overlap_of(own, true)) * used
                terms = {
                    "class": ops.sum(entropy, dim=(0, 2)) / ops.sum(counts, dim=(0, 2)),
                    "distance": ops.sum(apart, dim=(0, 2)) / total,
                    "overlap": ops.sum(missed, dim=(0, 2)) / total,
                }
                summed = classes * terms["class"] + distance * terms["distance"] + overlap * terms["overlap"]
                return {"loss": ops.sum(summed), **{name: of_layers[-1] for name, of_layers in terms.items()}}

            return loss

        return define

    def decode(self, outputs: Outputs) -> list[Boxes]:
        """Return the boxes of each image: every query's likeliest class, where that is sure enough."""
        assert isinstance(outputs, Mapping)
        answers = zip(np.asarray(outputs["classes"])[:, -1], np.asarray(outputs["corners"]), strict=True)
        return [self._found(logits, corners)[0] for logits, corners in answers]

    def evidence(self, outputs: Outputs, parameter: str | None = None) -> list[LinearScore]:
        """Return the logit of the class of each box in the query that found it."""
        no_parameter(parameter, "The boxes of lung-nodule-transformer")
        assert isinstance(outputs, Mapping)
        boxes, queries = self._found(np.asarray(outputs["classes"])[0, -1], np.asarray(outputs["corners"])[0])
        pairs = zip(queries, boxes.labels, strict=True)
        return [mean_at(outputs, "classes", -1, query, label) for query, label in pairs]

    def _found(self, logits: Array, corners: Array) -> tuple[Boxes, Array]:
        """Return the boxes of one image, the surest first, and the query of each."""
        likely = softmax(logits)[:, :-1]
        labels, scores = likely.argmax(axis=1), likely.max(axis=1)
        solid = (corners[:, 2:] > corners[:, :2]).all(axis=1)
        order = np.argsort(-scores, kind="stable")
        kept = order[((scores > self.confidence) & solid)[order]]
        return Boxes(corners[kept], labels[kept], scores=scores[kept]), kept

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            f"{FEW_HUNDRED} pictures (the original: 300 epochs of COCO, ImageNet weights)",
            epochs=200,
            optimizer={"name": "adamw", "lr": 5e-4, "weight_decay": 1e-4},
            schedule={"name": "step", "warmup_epochs": 1, "milestones": [0.8], "factor": 0.1},
            augment={"flip": {"axes": [1]}, "affine": {"rotate_deg": 0, "scale": 0.2, "translate": 0.1}},
            grad_clip=0.1,
        )


def match(
    logits: Array, boxes: Array, truth: Mapping[str, Array], weights: tuple[float, float, float]
) -> tuple[Array, Array, Array]:
    """Match a batch.

    Returns
    -------
    wanted [n, queries] int64, query [n, m] int64, used [n, m] float32
        The class that each query is to answer, the last for nothing; the query of each true box; whether it has one.
    """
    n, queries, nothing = *logits.shape[:2], logits.shape[2] - 1
    wanted = np.full((n, queries), nothing, np.int64)
    query = np.zeros(truth["label"].shape, np.int64)
    used = np.zeros(truth["label"].shape, np.float32)
    for sample in range(n):
        there = truth["used"][sample] > 0
        labels, corners = truth["label"][sample, there], truth["box"][sample, there]
        chosen, found = match_queries(logits[sample], boxes[sample], labels, corners, weights=weights)
        wanted[sample, chosen] = labels[found]
        query[sample, found], used[sample, found] = chosen, 1
    return wanted, query, used


TASK = DETRTask()
