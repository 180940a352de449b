"""Ellipses that were found against ellipses that are there, and the overlap of rotated rectangles."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError
from workbench.shapes import Ellipses

Floats = NDArray[np.float64]

#: Points along each axis of the grid that two ellipses are compared on.
_POINTS = 512
#: An edge that lies on an edge of the other would count twice or not at all, so one of two rectangles is a hair larger.
_LARGER = 1 + 1e-5


def ellipse_dice(first: ArrayLike, second: ArrayLike) -> float:
    """Return the Dice of two filled ellipses.

    Parameters
    ----------
    first, second : array [5]
        A row of `workbench.shapes.Ellipses.values` each, on one grid: centre i and j, semi-axes a and b, angle.

    Returns
    -------
    float
        From 0 to 1; counted on a grid as fine as 1/512 of the box around both, whatever the size of a voxel.

    Examples
    --------
    >>> ellipse_dice([5, 5, 2, 1, 0], [5, 5, 2, 1, 0]), ellipse_dice([5, 5, 2, 1, 0], [5, 9.1, 2, 1, 0])
    (1.0, 0.0)
    """
    pair = Ellipses(np.stack([np.asarray(first, np.float64), np.asarray(second, np.float64)]))
    reach = np.sqrt(np.diagonal(pair.matrices(), axis1=1, axis2=2))
    low, high = (pair.centers - reach).min(axis=0), (pair.centers + reach).max(axis=0)
    # the middles of cells: the border of the box is touched by the ellipses in single points only
    steps = (np.arange(_POINTS) + 0.5) / _POINTS
    i, j = np.meshgrid(low[0] + steps * (high[0] - low[0]), low[1] + steps * (high[1] - low[1]), indexing="ij")
    inside = []
    for row in pair.values:
        sine, cosine = math.sin(row[4]), math.cos(row[4])
        along = (i - row[0]) * sine + (j - row[1]) * cosine
        across = (i - row[0]) * cosine - (j - row[1]) * sine
        inside.append((along / row[2]) ** 2 + (across / row[3]) ** 2 <= 1)
    both = int(np.count_nonzero(inside[0] & inside[1]))
    return 2 * both / (int(np.count_nonzero(inside[0])) + int(np.count_nonzero(inside[1])))


def axis_angle_error(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the angle between axes in degrees, 0 to 90; angles are given in radians, half a turn changes nothing.

    Examples
    --------
    >>> axis_angle_error([0.0, 1.5], [np.pi, -1.5]).round(2).tolist()
    [0.0, 8.11]
    """
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    return np.asarray(np.degrees(np.abs((difference + np.pi / 2) % np.pi - np.pi / 2)))


def match_ellipses(predictions: Ellipses, truths: Ellipses) -> list[tuple[int, int | None]]:
    """Give each true ellipse one that was predicted for it.

    Of each class, as many of the surest predictions are taken as there are truths, and paired so that the sum of the
    squared distances of the centres is smallest; the other predictions are left out, as there is nothing to compare
    them with.

    Returns
    -------
    list of (row in `truths`, row in `predictions` or None)
    """
    from scipy.optimize import linear_sum_assignment

    matched: list[tuple[int, int | None]] = []
    for label in np.unique(truths.labels):
        wanted = np.flatnonzero(truths.labels == label)
        given = np.flatnonzero(predictions.labels == label)
        if predictions.scores is not None:
            given = given[np.argsort(-predictions.scores[given], kind="stable")]
        given = given[: len(wanted)]
        distances = ((truths.centers[wanted, None] - predictions.centers[None, given]) ** 2).sum(axis=2)
        rows, columns = linear_sum_assignment(distances)
        pairs = dict(zip(wanted[rows].tolist(), given[columns].tolist(), strict=True))
        matched += [(int(row), pairs.get(int(row))) for row in wanted]
    return matched


def axis_precision(found: float, true: float) -> float:
    """Return ``1 - |found - true| / true``, at least 0: the precision of a length or of a ratio of lengths."""
    if not true > 0:
        raise InputError(f"A true length or ratio is above 0, got {true}.")
    return max(0.0, 1.0 - abs(found - true) / true)


def corners_of(rectangles: ArrayLike) -> Floats:
    """Return the corners [n, 4, 2] (i, j) of the rectangles around ellipses [n, 5], in one sense of rotation."""
    values = np.asarray(rectangles, dtype=np.float64).reshape(-1, 5)
    along = np.stack([np.sin(values[:, 4]), np.cos(values[:, 4])], axis=1) * values[:, 2:3]
    across = np.stack([np.cos(values[:, 4]), -np.sin(values[:, 4])], axis=1) * values[:, 3:4]
    signs = ((1, 1), (-1, 1), (-1, -1), (1, -1))
    return np.stack([values[:, :2] + a * along + b * across for a, b in signs], axis=1)


def rotated_iou(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the intersection over union of rotated rectangles, pair by pair.

    Parameters
    ----------
    first, second : array [n, 5]
        Centre i, centre j, half of one side, half of the other, angle of the first side: an ellipse's values.

    Returns
    -------
    array [n], float64

    Examples
    --------
    >>> rotated_iou([[0, 0, 0.5, 0.5, 0]], [[0, 0, 0.5, 0.5, np.pi / 4]]).round(4).tolist()
    [0.7071]
    """
    one, other = corners_of(first), corners_of(second)
    if one.shape != other.shape:
        raise InputError(f"Rectangles are compared pair by pair, got {len(one)} and {len(other)}.")
    shared = np.array([_area(_clipped(a, b)) for a, b in zip(one, other, strict=True)])
    areas = [np.array([_area(corners) for corners in boxes]) for boxes in (one, other)]
    return np.asarray(shared / (areas[0] + areas[1] - shared))


def _clipped(polygon: Floats, clip: Floats) -> Floats:
    """Return the part of a convex polygon inside another (Sutherland and Hodgman 1974)."""
    sense = np.sign(_signed_area(clip))
    points = list(polygon)
    for start, end in itertools.pairwise([*clip, clip[0]]):
        edge = end - start
        sides = [sense * (edge[0] * (p[1] - start[1]) - edge[1] * (p[0] - start[0])) for p in points]
        kept = []
        for k, (point, side) in enumerate(zip(points, sides, strict=True)):
            before, before_side = points[k - 1], sides[k - 1]
            if side * before_side < 0:
                kept.append(before + (point - before) * before_side / (before_side - side))
            if side >= 0:
                kept.append(point)
        points = kept
        if not points:
            break
    return np.array(points).reshape(-1, 2)


def _signed_area(polygon: Floats) -> float:
    after = np.roll(polygon, -1, axis=0)
    return float((polygon[:, 0] * after[:, 1] - polygon[:, 1] * after[:, 0]).sum() / 2)


def _area(polygon: Floats) -> float:
    return abs(_signed_area(polygon)) if len(polygon) > 2 else 0.0


def rotated_iou_terms(ops: Any, first: Any, second: Any) -> tuple[Any, Any]:
    """Return (intersection over union, DIoU penalty) of rotated rectangles as tensors that can be differentiated.

    The area that two convex polygons share is found without sorting its corners: by Green's theorem it is the sum over
    the edges of both of ``p x d (t1 - t0) / 2``, for an edge ``p + t d`` that lies in the other from t0 to t1. The
    penalty is that of DIoU (Zheng et al. 2020, arXiv 1911.08287): the squared distance of the centres over the squared
    diagonal of the smallest rectangle around both.

    Parameters
    ----------
    ops : namespace
        torch's, or what stands for it.
    first, second : tensor [m, 5]
        As for :func:`rotated_iou`; half sides above 0.

    Returns
    -------
    tuple of tensor [m]
    """
    middle = ops.detach(first[:, :2] + second[:, :2]) / 2
    one, other = _corners(ops, first, middle, 1.0), _corners(ops, second, middle, _LARGER)
    shared = _shared_edges(ops, one, other) + _shared_edges(ops, other, one)
    areas = 4 * (first[:, 2] * first[:, 3] + _LARGER**2 * second[:, 2] * second[:, 3])
    iou = shared / (areas - shared)
    distance = ops.sum((first[:, :2] - second[:, :2]) ** 2, dim=1)
    return iou, distance / _squared_diagonal(ops, one, other)


def _corners(ops: Any, rectangles: Any, middle: Any, factor: float) -> Any:
    """Return corners [m, 4, 2] relative to `middle`, in a positive sense of rotation from i to j."""
    sine, cosine = ops.sin(rectangles[:, 4]), ops.cos(rectangles[:, 4])
    a, b = factor * rectangles[:, 2], factor * rectangles[:, 3]
    along, across = ops.stack((a * sine, a * cosine), 1), ops.stack((b * cosine, -b * sine), 1)
    center = rectangles[:, :2] - middle
    return ops.stack(
        (center + along + across, center + along - across, center - along - across, center - along + across), 1
    )


def _shared_edges(ops: Any, polygon: Any, other: Any) -> Any:
    """Return the sum [m] over the edges of `polygon` of ``p x d (t1 - t0) / 2``, clipped to `other`."""
    start, edge = polygon, _next(ops, polygon) - polygon
    corner, side = other, _next(ops, other) - other
    # how far inside each side of the other an edge starts and ends: [m, edge, side]
    u, v = ops.unsqueeze(corner, 1), ops.unsqueeze(side, 1)
    p = ops.unsqueeze(start, 2) - u
    d = ops.unsqueeze(edge, 2)
    begins = v[..., 0] * p[..., 1] - v[..., 1] * p[..., 0]
    ends = begins + v[..., 0] * d[..., 1] - v[..., 1] * d[..., 0]
    zero, one = ops.zeros_like(begins), ops.ones_like(begins)
    crosses = (begins < 0) != (ends < 0)
    crossing = begins / ops.where(crosses, begins - ends, one)
    outside = ops.where(ends < 0, one, zero)
    first = ops.amax(ops.where(begins < 0, ops.where(crosses, crossing, one), zero), 2)
    last = ops.amin(ops.where(outside > 0, ops.where(crosses, crossing, zero), one), 2)
    length = ops.clamp(last - first, min=0.0)
    return ops.sum(length * (start[..., 0] * edge[..., 1] - start[..., 1] * edge[..., 0]), dim=1) / 2


def _squared_diagonal(ops: Any, one: Any, other: Any) -> Any:
    """Return the squared diagonal [m] of the smallest rectangle around both.

    One of its sides lies on a side of the convex hull: a side of either rectangle, or a line from a corner of one to a
    corner of the other.
    """
    m = one.shape[0]
    sides = ops.cat((one[:, 1:2] - one[:, :1], other[:, 1:2] - other[:, :1]), 1)
    across = (ops.unsqueeze(one, 1) - ops.unsqueeze(other, 2)).reshape(m, 16, 2)
    lines = ops.cat((sides, across), 1)
    squared = ops.sum(lines**2, dim=2)
    known = squared > 1e-6 * ops.amax(squared, 1, keepdim=True)
    along = lines / ops.unsqueeze(ops.sqrt(ops.where(known, squared, ops.ones_like(squared))), 2)
    points = ops.unsqueeze(ops.cat((one, other), 1), 1)
    t = along[:, :, None, 0] * points[..., 0] + along[:, :, None, 1] * points[..., 1]
    s = along[:, :, None, 0] * points[..., 1] - along[:, :, None, 1] * points[..., 0]
    length, breadth = ops.amax(t, 2) - ops.amin(t, 2), ops.amax(s, 2) - ops.amin(s, 2)
    area = ops.where(known, length * breadth, ops.zeros_like(length) + 1e30)
    smallest = ops.unsqueeze(ops.argmax(ops.detach(-area), dim=1), 1)
    return ops.gather(length**2 + breadth**2, 1, smallest)[:, 0]


def _next(ops: Any, corners: Any) -> Any:
    return ops.cat((corners[:, 1:], corners[:, :1]), 1)
