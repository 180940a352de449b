"""From points to maps and back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workbench._arrays import Array
from workbench.shapes import Points

#: What stands for the distance to a point of a class that has none, in pixels.
FAR = 1e4


def distance_maps(points: Points, num_classes: int, shape: Sequence[int]) -> NDArray[np.float32]:
    """Return the distance in pixels of every pixel's centre to the nearest point of each class.

    Parameters
    ----------
    points : Points
        In pixels of the grid.
    num_classes : int
    shape : (int, int)

    Returns
    -------
    array [num_classes, *shape], float32
        `FAR` where there is no point of the class.
    """
    from scipy.spatial import cKDTree

    maps = np.full((num_classes, *shape), FAR, np.float32)
    pixels = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), axis=-1)
    for label in np.unique(points.labels):
        maps[label] = cKDTree(points.values[points.labels == label]).query(pixels)[0]
    return maps


def impulse_maps(points: Points, num_classes: int, shape: Sequence[int]) -> NDArray[np.float32]:
    """Return the number of points of each class at every pixel; one between pixels is shared out among them.

    Returns
    -------
    array [num_classes, *shape], float32
        The sum of a map is the number of points.
    """
    maps = np.zeros((num_classes, *shape), np.float32)
    last = np.asarray(shape) - 1
    inside = np.clip(points.values, 0, last)
    base = np.minimum(np.floor(inside), np.maximum(last - 1, 0)).astype(int)
    share = inside - base
    for corner in np.ndindex(2, 2):
        weight = np.prod(np.where(corner, share, 1 - share), axis=1)
        place = np.minimum(base + corner, last)
        np.add.at(maps, (points.labels, place[:, 0], place[:, 1]), weight)
    return maps


def peaks(maps: Array, *, threshold: float, reach: int = 3) -> Points:
    """Return the local maxima of maps as points with scores (the value there, 1 at most), the highest first.

    A maximum is at least as high as all pixels up to `reach` away along each axis; equal neighbours are one. Its place
    is refined by a parabola through the logarithms of its neighbours along each axis, which is exact for Gaussians.

    Parameters
    ----------
    maps : array [num_classes, i, j]
    threshold : float
        Lowest value of a maximum, above 0.
    reach : int
        In pixels.
    """
    from scipy import ndimage

    found, labels, scores = [np.zeros((0, 2))], [np.zeros(0, int)], [np.zeros(0)]
    for label, values in enumerate(np.asarray(maps, dtype=np.float64)):
        top = ndimage.maximum_filter(values, size=2 * reach + 1, mode="constant", cval=-np.inf)
        plateaus, count = ndimage.label((values >= top) & (values >= threshold), np.ones((3, 3)))
        if not count:
            continue
        places = np.argwhere(plateaus)
        numbers = plateaus[tuple(places.T)] - 1
        sizes = np.bincount(numbers, minlength=count)
        refined = _refined(values, places, threshold * 1e-6)
        centers = np.stack([np.bincount(numbers, refined[:, axis], count) / sizes for axis in range(2)], axis=1)
        found.append(centers)
        labels.append(np.full(count, label))
        scores.append(np.clip(ndimage.maximum(values, plateaus, np.arange(1, count + 1)), 0, 1))
    points = Points(np.concatenate(found), np.concatenate(labels), scores=np.concatenate(scores))
    return points.select(np.argsort(-np.concatenate(scores), kind="stable"))


def _refined(values: Array, places: Array, floor: float) -> Array:
    logs = np.pad(np.log(np.maximum(values, floor)), 1, mode="edge")
    refined = places.astype(np.float64)
    for axis in range(2):
        step = np.eye(2, dtype=int)[axis]
        before, here, after = (logs[tuple((places + 1 + shift * step).T)] for shift in (-1, 0, 1))
        bend = 2 * here - before - after
        shift = np.divide(after - before, 2 * bend, out=np.zeros(len(places)), where=bend > 1e-12)
        at_edge = (places[:, axis] == 0) | (places[:, axis] == values.shape[axis] - 1)
        refined[:, axis] += np.where(at_edge, 0, np.clip(shift, -0.5, 0.5))
    return refined
