"""Boxes to anchors and back: which cell of which map learns which box, and what box a cell stands for.

Inside, pictures are measured as the original does: x before y, in pixels from the outer edge of the first one.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench._arrays import Array
from workbench.shapes import Boxes
from workbench.zoo.lung_nodule_cnn.network import ANCHORS, STRIDES
from workbench.zoo.tasks.detection import sigmoid

#: An anchor learns a box if neither side differs by this factor or more; boxes are less than this times its size.
FACTOR = 4.0
_ANCHORS = np.array(ANCHORS, np.float64)


def assign(values: Array, labels: Array, valid: Array, shape: Sequence[int]) -> dict[str, Array]:
    """Return which anchors learn which boxes.

    Every anchor that fits a box learns it in up to three cells: its own and, along each axis, the nearest neighbour.

    Parameters
    ----------
    values, labels, valid : array [m, 4], [m], [m]
        Boxes in voxels of the network's grid, padded; see `workbench.zoo.tasks.detection.padded_boxes`.
    shape : sequence of int
        Size of the network's input.

    Returns
    -------
    dict of array
        For each of the 3 maps and 9 m pairs of box and anchor, many of them unused: ``index`` [3, 9 m] int64, the
        place in the flattened map (anchor, row, column); ``box`` [3, 9 m, 4] float32, x, y from the cell's corner,
        width, height, in cells; ``anchor`` [3, 9 m, 2] float32 in cells; ``label`` [3, 9 m] int64; ``used`` [3, 9 m]
        float32. And ``owner`` [places of all maps] int64: the pair that decides a place's objectness, -1 for none.
    """
    center, size = _measured(values)
    size = np.where(valid[:, None], size, 1.0)
    chosen = _fitting(size) & valid[None, None]
    per_map = [_assign_map(level, center, size, labels, chosen[level], shape) for level in range(len(STRIDES))]
    stacked = {name: np.stack([made[name] for made in per_map]) for name in per_map[0] if name != "owner"}
    return {**stacked, "owner": np.concatenate([made["owner"] for made in per_map])}


def boxes_of(maps: Sequence[Array], confidence: float, most: int) -> tuple[Boxes, NDArray[np.int64]]:
    """Return the boxes of the raw maps of one picture that are surer than `confidence`, overlapping ones included.

    Parameters
    ----------
    maps : sequence of array [3 (5 + num_classes), i / stride, j / stride]
    confidence : float
        Objectness times probability of the class.
    most : int
        Only so many, the surest.

    Returns
    -------
    boxes : Boxes
        In voxels of the network's grid, with scores.
    places : array [n, 4], int64
        The map, the anchor, the row and the column of each.
    """
    rows, labels, scores, places = [], [], [], []
    for level, raw in enumerate(maps):
        height, width = raw.shape[1:]
        cells = sigmoid(raw.reshape(3, -1, height, width)).astype(np.float64)
        # with a single class the objectness says it all: its class is never learnt
        sure = cells[:, 4:5] * cells[:, 5:] if cells.shape[1] > 6 else cells[:, 4:5]
        anchor, label, i, j = np.nonzero(sure > confidence)
        x, y, w, h = cells[anchor, :4, i, j].T
        center = (2 * np.stack([x, y], axis=1) - 0.5 + np.stack([j, i], axis=1)) * STRIDES[level]
        size = (2 * np.stack([w, h], axis=1)) ** 2 * _ANCHORS[level, anchor]
        rows.append(np.concatenate([center - size / 2, center + size / 2], axis=1)[:, [1, 0, 3, 2]] - 0.5)
        labels.append(label)
        places.append(np.stack([np.full(len(i), level), anchor, i, j], axis=1))
        scores.append(sure[anchor, label, i, j])
    all_scores = np.concatenate(scores)
    best = np.argsort(-all_scores, kind="stable")[:most]
    values = np.concatenate(rows)[best]
    # a side may underflow to nothing
    solid = (values[:, 2:] > values[:, :2]).all(axis=1)
    best, values = best[solid], values[solid]
    boxes = Boxes(values, np.concatenate(labels)[best], scores=all_scores[best])
    return boxes, np.concatenate(places)[best]


def _measured(values: Array) -> tuple[Array, Array]:
    """Return centre and size (x, y) of boxes (i, j, i, j), in pixels from the outer edge."""
    low, high = values[:, [1, 0]], values[:, [3, 2]]
    return (low + high) / 2 + 0.5, high - low


def _fitting(size: Array) -> NDArray[np.bool_]:
    """Return which anchors fit which sizes: [map, anchor, box]."""
    ratio = size[None, None] / _ANCHORS[:, :, None]
    worst = np.maximum(ratio, 1 / ratio).max(axis=3)
    fits = worst < FACTOR
    lost = ~fits.any(axis=(0, 1))
    if lost.any():
        possible = np.where((ratio < FACTOR).all(axis=3), worst, np.inf).reshape(-1, len(size))
        best = possible.argmin(axis=0)
        rescued = lost & np.isfinite(possible.min(axis=0))
        fits.reshape(-1, len(size))[best[rescued], np.flatnonzero(rescued)] = True
    return np.asarray(fits)


def _assign_map(
    level: int, center: Array, size: Array, labels: Array, chosen: Array, shape: Sequence[int]
) -> dict[str, Array]:
    stride = STRIDES[level]
    cells = np.array([shape[1] // stride, shape[0] // stride])
    at, extent = center / stride, size / stride
    own = np.clip(np.floor(at), 0, cells - 1).astype(np.int64)
    toward = np.where(at - own < 0.5, -1, 1)
    count = len(center)
    pairs = 9 * count
    index = np.zeros((3, 3, count), np.int64)
    box = np.tile(np.array([0.5, 0.5, 1.0, 1.0]), (3, 3, count, 1))
    used = np.zeros((3, 3, count), bool)
    owner = np.full(3 * int(cells.prod()), -1, np.int64)
    numbers = np.arange(pairs).reshape(3, 3, count)
    # neighbours first: where two claims meet, the cell that holds a box's centre decides
    for slot, step in enumerate(([1, 0], [0, 1], [0, 0])):
        cell = own + toward * np.array(step)
        inside = ((cell >= 0) & (cell < cells)).all(axis=1)
        for anchor in range(3):
            place = (anchor * cells[1] + cell[:, 1]) * cells[0] + cell[:, 0]
            here = chosen[anchor] & inside
            index[slot, anchor] = np.where(here, place, 0)
            box[slot, anchor][here] = np.concatenate([at - cell, extent], axis=1)[here]
            used[slot, anchor] = here
            owner[place[here]] = numbers[slot, anchor][here]
    anchors = np.broadcast_to(_ANCHORS[level][None, :, None] / stride, (3, 3, count, 2))
    return {
        "index": index.reshape(-1),
        "box": box.reshape(-1, 4).astype(np.float32),
        "anchor": anchors.reshape(-1, 2).astype(np.float32),
        "label": np.tile(labels, 9) * used.reshape(-1),
        "used": used.reshape(-1).astype(np.float32),
        "owner": owner,
    }
