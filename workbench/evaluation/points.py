"""Points that were found against points that are there."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError


def match_points(found: ArrayLike, true: ArrayLike, radius: float) -> NDArray[np.int64]:
    """Pair points one to one, none farther apart than `radius` (Hungarian method).

    As many pairs as there can be are made; among those ways, the one with the smallest sum of distances.

    Parameters
    ----------
    found, true : array [n, ndim], [m, ndim]
        Coordinates, in the same unit as `radius`.
    radius : float
        Above 0.

    Returns
    -------
    array [pairs, 2], int64
        Row in `found`, row in `true`.

    Raises
    ------
    InputError
        If the radius is not above 0 or the points have different numbers of axes.

    Examples
    --------
    >>> match_points([[0, 0], [9, 9]], [[0, 1], [0, 0]], radius=2).tolist()
    [[0, 1]]
    """
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    if not radius > 0:
        raise InputError(f"The radius of matching is above 0, got {radius}.")
    one, other = np.asarray(found, dtype=np.float64), np.asarray(true, dtype=np.float64)
    if not one.size or not other.size:
        return np.zeros((0, 2), np.int64)
    if one.ndim != 2 or other.ndim != 2 or one.shape[1] != other.shape[1]:
        raise InputError(f"Points are [n, ndim] with the same ndim, got shapes {one.shape} and {other.shape}.")
    distances = cdist(one, other)
    near = distances <= radius
    # one pair too far apart costs more than all pairs that are near enough can
    cost = np.where(near, distances, radius * (min(distances.shape) + 1))
    rows, columns = linear_sum_assignment(cost)
    kept = near[rows, columns]
    return np.asarray(np.stack([rows[kept], columns[kept]], axis=1), np.int64)


def precision_recall_f1(hits: int, found: int, true: int) -> tuple[float, float, float]:
    """Return (precision, recall, F1) of `hits` right ones among `found` of the `true` ones.

    Returns
    -------
    tuple of float
        Precision is nan if nothing was found, recall if nothing was there, F1 if neither: there is then nothing to say.

    Examples
    --------
    >>> precision_recall_f1(hits=3, found=4, true=6)
    (0.75, 0.5, 0.6)
    """
    precision = hits / found if found else float("nan")
    recall = hits / true if true else float("nan")
    return precision, recall, 2 * hits / (found + true) if found + true else float("nan")
