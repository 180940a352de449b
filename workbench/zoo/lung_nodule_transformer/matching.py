"""Which query answers for which box: the assignment with the least cost over all (Carion et al. 2020, eq. 1)."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from workbench._arrays import Array


def match_queries(
    logits: Array, boxes: Array, true_labels: Array, true_boxes: Array, *, weights: tuple[float, float, float]
) -> tuple[Array, Array]:
    """Return the pairs of one picture.

    The cost of a pair is minus the query's probability of the class, the L1 distance of the boxes, and minus their
    generalised overlap, each times its weight.

    Parameters
    ----------
    logits : array [queries, num_classes + 1]
    boxes : array [queries, 4]
        Centre x, centre y, width, height as shares of the picture.
    true_labels, true_boxes : array [m], [m, 4]
    weights : (float, float, float)
        Of the class, the distance and the overlap.

    Returns
    -------
    queries, truths : array [min(queries, m)], int64
        Numbers that belong together.
    """
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    probability = shifted / shifted.sum(axis=1, keepdims=True)
    distance = np.abs(boxes[:, None].astype(np.float64) - true_boxes[None]).sum(axis=2)
    cost = (
        -weights[0] * probability[:, true_labels]
        + weights[1] * distance
        - weights[2] * generalised_overlap(boxes[:, None], true_boxes[None])
    )
    queries, truths = linear_sum_assignment(cost)
    return queries.astype(np.int64), truths.astype(np.int64)


def generalised_overlap(first: Array, second: Array) -> Array:
    """Return the generalised intersection over union (Rezatofighi et al. 2019, arXiv 1902.09630, algorithm 1).

    Parameters
    ----------
    first, second : array [..., 4]
        Centre and size, of shapes that broadcast.

    Returns
    -------
    array [...]
        -1 (far apart) to 1 (equal).
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    low = [box[..., :2] - box[..., 2:] / 2 for box in (first, second)]
    high = [box[..., :2] + box[..., 2:] / 2 for box in (first, second)]
    shared = np.clip(np.minimum(*high) - np.maximum(*low), 0, None).prod(axis=-1)
    union = first[..., 2:].prod(axis=-1) + second[..., 2:].prod(axis=-1) - shared
    around = (np.maximum(*high) - np.minimum(*low)).prod(axis=-1)
    return np.asarray(shared / (union + 1e-7) - (around - union) / (around + 1e-7))
