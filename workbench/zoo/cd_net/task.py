"""Targets, loss and decoding of CDNet: mask, direction to the centre, centre points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workbench._arrays import Array
from workbench.zoo.cd_net import loss
from workbench.zoo.cd_net.directions import direction_difference, diverging, encode_angles
from workbench.zoo.tasks.base import Outputs
from workbench.zoo.tasks.instance_masks import BOUNDARY, INSIDE, check_instances, decode_mask, encode_mask
from workbench.zoo.tasks.instances import InstanceTask

#: Centres are where the map of points is above this share of its maximum.
_POINT_SHARE = 0.2
#: How far an object reaches beyond its inside, pixels.
_REACH = 2.0


class CDNetTask(InstanceTask):
    """Objects told apart where the directions to their centres disagree."""

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:  # noqa: ARG002
        """Return the maps of one picture [i, j].

        ``mask`` int64: 0 background, 1 inside, 2 boundary. ``turns`` float32: direction to the centre, see
        `encode_angles`. ``point`` float32: map of centres. ``weight`` float32: weights of pixels.
        """
        ids = check_instances(annotation, self.ndim)
        turns, point = encode_angles(ids)
        return {"mask": encode_mask(ids), "turns": turns, "point": point, "weight": loss.separation_weights(ids)}

    # its terms are its own, so none of the options of other instance losses is among its options
    make_loss = staticmethod(loss.make_loss)  # type: ignore[assignment]

    def decode(self, outputs: Outputs) -> Array:
        """Return numbered objects [n, i, j], int32, 0 for the background.

        Where the directions of neighbours disagree, boundary gains on inside; an inside that breaks apart by this is
        several objects. Objects then grow to their outline, which the directions show: only the background has none.
        """
        maps = cast("Mapping[str, Array]", outputs)
        masks = self.probabilities(maps)
        directions, points = maps["direction"], maps.get("point")
        found = []
        for index, mask in enumerate(masks):
            classes = directions[index].argmax(axis=0)
            point = None if points is None else points[index, 0]
            seeds = enhanced(mask, classes, len(directions[index]) - 1, point).argmax(axis=0) == INSIDE
            found.append(decode_mask(mask, smallest=self.smallest, reach=_REACH, seeds=seeds, objects=classes > 0))
        return np.stack(found)


def enhanced(mask: Array, classes: NDArray[np.int64], directions: int, point: Array | None) -> Array:
    """Return mask scores with more boundary where directions disagree, but not at the centres, where they all meet.

    Parameters
    ----------
    mask : array [3, i, j]
        Probabilities of background, inside and boundary.
    classes : array [i, j], int64
        Direction of each pixel, 0 for the background.
    directions : int
        How many are told apart.
    point : array [i, j] or None
        Map of centres, if the network has one.

    Returns
    -------
    array [3, i, j]
        With e twice the difference of directions (0 to 1), the boundary's p becomes (p + e / 2)(1 + e).
    """
    difference = direction_difference(classes, directions)
    # four directions disagree on the diagonals of every object, and without points all disagree at its centre
    difference[~diverging(classes, directions)] = 0
    if point is not None:
        difference[ndimage.binary_dilation(point > _POINT_SHARE * point.max())] = 0
    e = 2 * difference
    scores = mask.astype(np.float64)
    scores[BOUNDARY] = (scores[BOUNDARY] + 0.5 * e) * (1 + e)
    return np.asarray(scores)


TASK = CDNetTask(ndim=2)
