"""Boxes by anchors: CIoU, objectness and class learnt as YOLOv5 does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.frameworks.base import LinearScore
from workbench.shapes import Boxes
from workbench.zoo.lung_nodule_cnn.encoding import assign, boxes_of
from workbench.zoo.lung_nodule_cnn.network import MAPS
from workbench.zoo.planning import FEW_HUNDRED, UNKNOWN, Facts, Plan
from workbench.zoo.tasks import DetectionTask
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight
from workbench.zoo.tasks.detection import padded_boxes, surviving
from workbench.zoo.tasks.evidence import mean_at, no_parameter

#: Most boxes in a training image.
MOST_BOXES = 300
#: Weight of the objectness of each map.
BALANCE = (4.0, 1.0, 0.4)


class YOLOTask(DetectionTask):
    """Boxes from the anchors of three maps.

    Parameters
    ----------
    confidence : float
        Boxes less sure than this are not answered.
    iou : float
        Boxes of one class that overlap by more than this are one.
    limit : int
        Most boxes in an answer.
    """

    whole: ClassVar[bool] = True

    def __init__(self, confidence: float = 0.05, iou: float = 0.45, limit: int = 300) -> None:
        self.confidence, self.iou, self.limit = confidence, iou, limit

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return which anchors learn which boxes; see `encoding.assign`."""
        return assign(*padded_boxes(annotation, num_classes, shape, MOST_BOXES), shape)

    def make_loss(self, *, box: Weight = 0.05, objectness: Weight = 1.0, classes: Weight = 0.5) -> MakeLoss:
        """Return the weighted sum of 1 - CIoU and of the cross entropies of objectness and class, times the batch size.

        The objectness that is aimed at is the CIoU of the box that is there at present, at least 0. CIoU: Zheng et al.
        2020, arXiv 1911.08287, eq. 9 to 12. A model of one class learns no class.

        Parameters
        ----------
        box, objectness, classes : float
            Weight of each term.
        """
        if min(box, objectness, classes) < 0 or box + objectness <= 0:
            raise InputError(f"The weights of a loss are 0 or more, got {box=}, {objectness=}, {classes=}.")

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def ciou(xy: Any, wh: Any, true_xy: Any, true_wh: Any) -> Any:
                low = ops.maximum(xy - wh / 2, true_xy - true_wh / 2)
                high = ops.minimum(xy + wh / 2, true_xy + true_wh / 2)
                sides = ops.clamp(high - low, min=0)
                shared = sides[..., 0] * sides[..., 1]
                iou = shared / (wh[..., 0] * wh[..., 1] + true_wh[..., 0] * true_wh[..., 1] - shared + 1e-7)
                around = ops.maximum(xy + wh / 2, true_xy + true_wh / 2) - ops.minimum(
                    xy - wh / 2, true_xy - true_wh / 2
                )
                apart = ops.sum((xy - true_xy) ** 2, dim=-1) / (ops.sum(around**2, dim=-1) + 1e-7)
                slant = ops.atan(wh[..., 0] / (wh[..., 1] + 1e-7)) - ops.atan(true_wh[..., 0] / true_wh[..., 1])
                v = 4 / math.pi**2 * slant**2
                weight = ops.detach(v / (v - iou + 1 + 1e-7))
                return iou - apart - weight * v

            def flat(raw: Any) -> Any:
                n, channels, places = raw.shape[0], raw.shape[1] // 3, raw.shape[2] * raw.shape[3]
                values = ops.permute(ops.reshape(raw, (n, 3, channels, places)), (0, 1, 3, 2))
                return ops.reshape(values, (n, 3 * places, channels))

            def of_map(raw: Any, part: Mapping[str, Any], owner: Any) -> tuple[Any, Any, Any]:
                values = flat(raw)
                channels = values.shape[2]
                picked = ops.gather(values, 1, ops.stack([part["index"]] * channels, dim=2))
                xy = 2 * F.sigmoid(picked[..., 0:2]) - 0.5
                wh = (2 * F.sigmoid(picked[..., 2:4])) ** 2 * part["anchor"]
                quality = ciou(xy, wh, part["box"][..., 0:2], part["box"][..., 2:4])
                used = part["used"]
                count = ops.clamp(ops.sum(used), min=1)
                box_loss = ops.sum((1 - quality) * used) / count
                claimed = owner >= 0
                reached = ops.gather(
                    ops.clamp(ops.detach(quality), min=0), 1, ops.where(claimed, owner, ops.zeros_like(owner))
                )
                sure = F.binary_cross_entropy_with_logits(values[..., 4], reached * claimed.to(values.dtype))
                if channels == 6:
                    return box_loss, sure, ops.zeros_like(sure)
                kind = F.one_hot(part["label"], channels - 5).to(values.dtype)
                entropy = F.binary_cross_entropy_with_logits(picked[..., 5:], kind, reduction="none")
                return box_loss, sure, ops.sum(ops.mean(entropy, dim=-1) * used) / count

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                terms: dict[str, Any] = {}
                start = 0
                for level, name in enumerate(MAPS):
                    raw = outputs[name]
                    stop = start + 3 * raw.shape[2] * raw.shape[3]
                    part = {key: targets[key][:, level] for key in ("index", "box", "anchor", "label", "used")}
                    box_loss, sure, kind = of_map(raw, part, targets["owner"][:, start:stop])
                    terms["box"] = terms.get("box", 0) + box_loss
                    terms["objectness"] = terms.get("objectness", 0) + BALANCE[level] * sure
                    terms["class"] = terms.get("class", 0) + kind
                    start = stop
                total = box * terms["box"] + objectness * terms["objectness"] + classes * terms["class"]
                return {"loss": total * outputs["p3"].shape[0], **terms}

            return loss

        return define

    def decode(self, outputs: Outputs) -> list[Boxes]:
        """Return the boxes of each image without those that overlap with a surer one."""
        assert isinstance(outputs, Mapping)
        maps = [np.asarray(outputs[name]) for name in MAPS]
        return [self._found([raw[n] for raw in maps])[0] for n in range(len(maps[0]))]

    def evidence(self, outputs: Outputs, parameter: str | None = None) -> list[LinearScore]:
        """Return the logit of the objectness of each box, where there are several classes plus that of its class."""
        no_parameter(parameter, "The boxes of lung-nodule-cnn")
        assert isinstance(outputs, Mapping)
        boxes, places = self._found([np.asarray(outputs[name])[0] for name in MAPS])
        scores = []
        for label, (level, anchor, i, j) in zip(boxes.labels, places, strict=True):
            channels = np.shape(outputs[MAPS[level]])[1] // 3
            told = [4] if channels == 6 else [4, 5 + label]
            picked = anchor * channels + np.array(told)
            scores.append(mean_at(outputs, MAPS[level], picked, i, j, weight=len(told)))
        return scores

    def _found(self, maps: Sequence[Array]) -> tuple[Boxes, Array]:
        """Return the boxes of one image, the surest first, and where in the maps each comes from."""
        boxes, places = boxes_of(maps, self.confidence, most=10_000)
        kept = surviving(boxes, self.iou, self.limit)
        return boxes.select(kept), places[kept]

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            f"{FEW_HUNDRED} pictures (not the original's, which is for COCO and a GPU)",
            epochs=40,
            optimizer={"name": "adamw", "lr": 2e-3, "weight_decay": 5e-4},
            schedule={"name": "cosine", "warmup_epochs": 3, "minimum": 0.01},
            augment={"flip": {"axes": [1]}, "affine": {"rotate_deg": 0, "scale": 0.2, "translate": 0.1}},
            grad_clip=10.0,
        )


TASK = YOLOTask()
