"""How alike two maps are."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array

#: Ranks of more voxels tell the same, and take longer.
_MOST = 200_000


def rank_correlation(one: Array, other: Array) -> float:
    """Return Spearman's rank correlation of two maps, ties by their mean rank; NaN if either is constant.

    Of more than 200,000 voxels every second, third, ... is looked at, the same in each map.
    """
    from scipy.stats import rankdata

    step = -(-one.size // _MOST)
    ranks = [rankdata(values.ravel()[::step]) for values in (one, other)]
    if any(np.ptp(values) == 0 for values in ranks):
        return float("nan")
    return float(np.corrcoef(*ranks)[0, 1])


def top_overlap(one: Array, other: Array, share: float = 0.05) -> float:
    """Return the intersection over union of the highest `share` of two maps."""
    first, second = top(one, share), top(other, share)
    return float((first & second).sum() / (first | second).sum())


def top(values: Array, share: float) -> Array:
    """Return where the highest `share` of a map lies, one voxel at least; of equal values the first."""
    count = max(1, round(share * values.size))
    marked = np.zeros(values.size, bool)
    marked[np.argsort(-values.ravel(), kind="stable")[:count]] = True
    return marked.reshape(values.shape)
