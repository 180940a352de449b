"""The terms of CDNet's loss, in the shared vocabulary, and the weights of pixels between objects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workbench.errors import InputError
from workbench.zoo.tasks.base import MakeLoss, Weight
from workbench.zoo.tasks.instances import dice_losses, mask_of

#: Weight of the background in the Dice term of the directions.
_BACKGROUND_WEIGHT = 2.0
#: Beyond this many standard deviations the weight between two objects is lost in the 1 that all pixels have.
_FAR = 4.0


def separation_weights(ids: NDArray[np.int64], height: float = 10.0, sigma: float = 5.0) -> NDArray[np.float32]:
    """Return the weights of pixels that make a network keep objects apart.

    Parameters
    ----------
    ids : array [i, j], int64
        Numbers of the objects, 0 is the background.
    height : float
        What a pixel on two objects' outlines has beyond 1.
    sigma : float
        How fast that falls with the distance from both, pixels.

    Returns
    -------
    array [i, j], float32
        1 + height exp(-(d1 + d2)^2 / (2 sigma^2)), d1 and d2 being the distances to the nearest and the second nearest
        object (Ronneberger et al. 2015, arXiv 1505.04597, equation 2).
    """
    margin = int(np.ceil(_FAR * sigma))
    first = np.full(ids.shape, np.inf)
    second = first.copy()
    numbers = np.unique(np.append(ids, 0), return_inverse=True)[1].ravel()[:-1].reshape(ids.shape)
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        wide = tuple(slice(max(0, side.start - margin), side.stop + margin) for side in box)
        distance = ndimage.distance_transform_edt(numbers[wide] != number)
        second[wide] = np.minimum(second[wide], np.maximum(first[wide], distance))
        first[wide] = np.minimum(first[wide], distance)
    return np.asarray(1 + height * np.exp(-((first + second) ** 2) / (2 * sigma**2)), np.float32)


def make_loss(
    *,
    mask: Weight = 1.0,
    direction: Weight = 1.0,
    point: Weight = 1.0,
    neighbours: bool = True,
    separate: bool = True,
    first_target: bool = False,
) -> MakeLoss:
    """Return the sum of the terms of mask, direction and centre points.

    Parameters
    ----------
    mask, direction, point : float
        Weight of each head. Mask: cross entropy and Dice, summed over the classes. Direction: cross entropy and Dice,
        mean over the classes. Point: mean squared error.
    neighbours : bool
        Whether the Dice term of a direction also grows with the overlap with the two directions beside it.
    separate : bool
        Whether pixels between objects weigh more in both cross entropies.
    first_target : bool
        Compare the directions of every sample, in their Dice term, with the target of the first one. The original does
        so by mistake.
    """
    if min(mask, direction, point) < 0 or mask + direction + point <= 0:
        raise InputError(f"The loss needs a head with a weight above 0, got {mask=}, {direction=}, {point=}.")

    def define(nn: Any, F: Any, ops: Any) -> Any:  # noqa: ARG001
        def entropy(logits: Any, label: Any, weight: Any) -> Any:
            if not separate:
                return F.cross_entropy(logits, label)
            return ops.mean(F.cross_entropy(logits, label, reduction="none") * weight)

        def direction_dice(logits: Any, label: Any) -> Any:
            if first_target:
                label = label[:1] + ops.zeros_like(label)
            own = dice_losses(F, ops, logits, label)
            count = logits.shape[1] - 1
            total = _BACKGROUND_WEIGHT * own[0] + ops.sum(own[1:])
            if neighbours:
                p = F.softmax(logits, dim=1)[:, 1:]
                t = ops.permute(F.one_hot(label, count + 1), (0, 3, 1, 2))[:, 1:].to(p.dtype)
                beside = ops.roll(t, 1, 1) + ops.roll(t, -1, 1)
                overlap = 2 * ops.sum(p * beside, dim=(0, 2, 3)) / (ops.sum(p + beside, dim=(0, 2, 3)) + 1)
                total = total + ops.sum(overlap)
            return total / (count + 1)

        def loss(outputs: Any, targets: Mapping[str, Any]) -> dict[str, Any]:
            logits, weight = mask_of(outputs), targets["weight"]
            terms = {
                "mask_cross_entropy": entropy(logits, targets["mask"], weight),
                "mask_dice": ops.sum(dice_losses(F, ops, logits, targets["mask"])),
            }
            total = mask * (terms["mask_cross_entropy"] + terms["mask_dice"])
            logits = outputs["direction"]
            label = classes_of(ops, targets["turns"], logits.shape[1] - 1)
            terms["direction_cross_entropy"] = entropy(logits, label, weight)
            terms["direction_dice"] = direction_dice(logits, label)
            total = total + direction * (terms["direction_cross_entropy"] + terms["direction_dice"])
            if "point" in outputs:
                terms["point"] = F.mse_loss(outputs["point"][:, 0], targets["point"])
                total = total + point * terms["point"]
            return {"loss": total, **terms}

        return loss

    return define


def classes_of(ops: Any, turns: Any, directions: int) -> Any:
    """Return direction classes of angles as `direction_classes` does, in the shared vocabulary."""
    nearest = ops.floor(turns * directions + 0.5)
    nearest = ops.where(nearest >= directions, nearest - directions, nearest) + 1
    return ops.where(turns < 0, ops.zeros_like(nearest), nearest).to(ops.int64)
