"""Ellipses, learnt as a heat map of their centres with the axes and the angle at each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose
from workbench.evaluation.ellipses import rotated_iou_terms
from workbench.frameworks.base import LinearScore
from workbench.shapes import Ellipses
from workbench.zoo.blocks.center import STRIDE
from workbench.zoo.planning import UNKNOWN, Facts, Plan
from workbench.zoo.tasks.base import MakeLoss, Outputs, Weight, logits_of
from workbench.zoo.tasks.ellipses import EllipseTask, checked_ellipses
from workbench.zoo.tasks.evidence import mean_at
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

#: What the network says of each ellipse; see :class:`workbench.shapes.Ellipses`.
_PARAMETERS = ("i", "j", "a", "b", "angle")
#: The least diagonal that is decoded, in pixels of the map.
_LEAST = 1e-3
_TERMS = ("heat", "length", "offset", "ratio", "angle", "iou", "sincos")


class EllipseNetTask(EllipseTask):
    """EllipseNet's targets, losses and decoding.

    Parameters
    ----------
    threshold : float
        Least score of an ellipse that is answered.
    most : int
        Most ellipses per image.
    """

    def __init__(self, threshold: float = 0.1, most: int = 100) -> None:
        self.threshold = threshold
        self.most = most

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:
        """Return what a network is to say about each ellipse.

        Returns
        -------
        dict
            What :func:`workbench.zoo.tasks.heatmaps.encode_centers` returns; and, padded likewise, float32: ``length``
            [.., 1], the diagonal of the rectangle around the ellipse in pixels of the map; ``ratios`` [.., 2], its long
            and its short side over the diagonal; ``angle`` [.., 1], over pi; ``pixel`` [.., 2], row and column
            of the map's pixel with the centre; ``ellipse`` [.., 5], the values themselves.
        """
        ellipses = checked_ellipses(annotation, num_classes, shape)
        values = ellipses.values
        reach = np.sqrt(np.diagonal(ellipses.matrices(), axis1=1, axis2=2)).reshape(-1, 2)
        encoded = encode_centers(values[:, :2], 2 * reach, ellipses.labels, num_classes, shape, STRIDE)
        diagonal = 2 * np.hypot(values[:, 2:3], values[:, 3:4])
        width = encoded["heat"].shape[2]
        return {
            **encoded,
            "length": padded(diagonal / STRIDE),
            "ratios": padded(2 * values[:, 2:4] / diagonal),
            "angle": padded(values[:, 4:5] / math.pi),
            "pixel": np.stack([encoded["index"] // width, encoded["index"] % width], axis=1).astype(np.float32),
            "ellipse": padded(values),
        }

    def make_loss(
        self,
        *,
        heat: Weight = 1.0,
        length: Weight = 0.1,
        offset: Weight = 1.0,
        ratio: Weight = 1.0,
        angle: Weight = 5.0,
        iou: Weight = 1.0,
        sincos: Weight = 0.0,
        cornernet_radius: bool = False,
        unscaled_offset: bool = False,
    ) -> MakeLoss:
        """Return the weighted sum of EllipseNet's terms; the default weights are the original's.

        Parameters
        ----------
        heat : float
            Focal loss of the heat map.
        length, offset, ratio, sincos : float
            Absolute errors at the centres: of the diagonal, of the place in the pixel, of both ratios (added), of sine
            and cosine of the angle.
        angle : float
            Angle between the axes in radians, at most pi / 2.
        iou : float
            1 - IoU + DIoU penalty of the rectangles around the ellipses, in pixels of the input.
        cornernet_radius : bool
            Draw the Gaussians with the radii that the original's code computes, see
            :func:`workbench.zoo.tasks.heatmaps.gaussian_radius`.
        unscaled_offset : bool
            In the IoU term, do not multiply the offset of the centre by the stride of the map: the original's error.
        """
        weights = dict(zip(_TERMS, (heat, length, offset, ratio, angle, iou, sincos), strict=True))
        if min(weights.values()) < 0 or max(weights.values()) <= 0:
            raise InputError(f"Weights of terms are zero or more, one above zero, got {weights}.")
        drawn = "heat_cornernet" if cornernet_radius else "heat"
        scale = 1 if unscaled_offset else STRIDE

        def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
            def overlap(given: Mapping[str, Any], targets: Mapping[str, Any]) -> Any:
                # the map says j before i
                shift = ops.stack((given["reg"][..., 1], given["reg"][..., 0]), 2)
                center = STRIDE * targets["pixel"] + scale * shift - 0.5
                # an untrained network may say a length below zero; the term on the length mends that
                halves = ops.clamp(given["l"], min=0.05) * given["ratios"] * (STRIDE / 2)
                found = ops.cat((center, halves, math.pi * given["theta"]), 2).reshape(-1, 5)
                # padding is compared with a rectangle that has an area
                true = (targets["ellipse"] + (1 - ops.unsqueeze(targets["present"], 2))).reshape(-1, 5)
                shared, penalty = rotated_iou_terms(ops, found, true)
                each = (1 - shared + penalty).reshape(targets["present"].shape[0], -1, 1)
                return mean_of_present(ops, each, targets["present"])

            def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
                given = {
                    name: gather_at(ops, outputs[name], targets["index"])
                    for name in ("reg", "l", "ratio_al", "ratio_bl", "theta", "sincos")
                }
                given["ratios"] = F.sigmoid(ops.cat((given["ratio_al"], given["ratio_bl"]), 2))
                present = targets["present"]
                turned = math.pi * (given["theta"] - targets["angle"])
                # half a turn changes nothing
                turned = turned - math.pi * ops.detach(ops.round(turned / math.pi))
                both = ops.cat((ops.sin(math.pi * targets["angle"]), ops.cos(math.pi * targets["angle"])), 2)
                terms = {
                    "heat": focal_loss(F, ops, outputs["logits"], targets[drawn]),
                    "length": mean_of_present(ops, ops.abs(given["l"] - targets["length"]), present),
                    "offset": mean_of_present(ops, ops.abs(given["reg"] - targets["offset"]), present),
                    "ratio": 2 * mean_of_present(ops, ops.abs(given["ratios"] - targets["ratios"]), present),
                    "angle": mean_of_present(ops, ops.abs(turned), present),
                }
                if iou > 0:
                    terms["iou"] = overlap(given, targets)
                if sincos > 0:
                    terms["sincos"] = mean_of_present(ops, ops.abs(given["sincos"] - both), present)
                total = sum(weights[name] * term for name, term in terms.items())
                return {"loss": total, **terms}

            return loss

        return define

    def decode(self, outputs: Outputs) -> list[Ellipses]:
        """Return the ellipses found in each image, in voxels of the network's grid, the surest first."""
        if not isinstance(outputs, Mapping):
            raise InputError("EllipseNet's outputs are a dict with 'logits', 'reg', 'l' and others.")
        found = []
        for n, scores in enumerate(sigmoid(outputs["logits"])):
            labels, rows, columns, values = peaks(scores, self.threshold, self.most)
            one = {name: np.asarray(maps[n], np.float64) for name, maps in outputs.items()}
            centers = decode_centers(rows, columns, one["reg"], STRIDE)
            length = np.maximum(one["l"][0, rows, columns], _LEAST) * STRIDE
            axes = [sigmoid(one[name][0, rows, columns]) * length / 2 for name in ("ratio_al", "ratio_bl")]
            angles = math.pi * one["theta"][0, rows, columns]
            found.append(Ellipses(np.column_stack([centers, *axes, angles]), labels, scores=values))
        return found

    def evidence(self, outputs: Outputs, parameter: str | None = None) -> list[LinearScore]:
        """Return the logit of each peak of the heat map, or a score that changes as a parameter of its ellipse does.

        Parameters
        ----------
        parameter : {"i", "j", "a", "b", "angle"}, optional
            On the network's grid. The semi-axes are a product of two outputs, so their score has its slope here.
        """
        assert isinstance(outputs, Mapping)
        labels, rows, columns, _ = peaks(sigmoid(outputs["logits"])[0], self.threshold, self.most)
        places = list(zip(rows, columns, strict=True))
        if parameter is None:
            return [mean_at(outputs, "logits", label, *at) for label, at in zip(labels, places, strict=True)]
        match choose(parameter, _PARAMETERS, "parameter of an ellipse"):
            case "i":
                return [mean_at(outputs, "reg", 1, *at, weight=STRIDE) for at in places]
            case "j":
                return [mean_at(outputs, "reg", 0, *at, weight=STRIDE) for at in places]
            case "angle":
                return [mean_at(outputs, "theta", 0, *at, weight=math.pi) for at in places]
        return [_axis(outputs, at, longer=parameter == "a") for at in places]

    def presence(self, outputs: Outputs) -> Array:
        """Return the class of each place of the heat map that is likely a centre, -1 elsewhere."""
        return presence(np.asarray(logits_of(outputs)), 0.3)

    def plan(self, facts: Facts = UNKNOWN) -> Plan:
        """Return the plan of the task with what differs here."""
        usual = super().plan(facts)
        return usual.but(
            "for sets of about a hundred pictures (the original: Adam 5e-4, batches of 24, 500 epochs)",
            epochs=80,
            optimizer={"name": "adamw", "lr": 8e-4, "weight_decay": 1e-4},
        )


def _axis(outputs: Mapping[str, Array], at: tuple[int, int], *, longer: bool) -> LinearScore:
    """Return the slope of a semi-axis, which is half the diagonal times the sigmoid of a ratio."""
    shares = {name: float(sigmoid(outputs[name][0, 0][at])) for name in ("ratio_al", "ratio_bl")}
    # the heads do not know which axis is the long one
    name = max(shares, key=lambda one: shares[one]) if longer else min(reversed(shares), key=lambda one: shares[one])
    share, diagonal = shares[name], float(outputs["l"][0, 0][at])
    of_ratio = mean_at(outputs, name, 0, *at, weight=STRIDE / 2 * max(diagonal, _LEAST) * share * (1 - share))
    if diagonal <= _LEAST:
        return of_ratio
    return replace(of_ratio, plus=(mean_at(outputs, "l", 0, *at, weight=STRIDE / 2 * share),))


TASK = EllipseNetTask()
