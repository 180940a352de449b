"""Exact percentiles of values that are looked at piece by piece, without ever having all of them at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Pieces = Callable[[], Iterable[NDArray[np.float32]]]

_BINS = 1 << 16


def percentiles(pieces: Pieces, wanted: Sequence[float]) -> list[float]:
    """Return percentiles as `numpy.percentile` does, interpolated linearly between neighbours.

    The values are counted by bins of their range; of the few bins that matter, the different values are then collected
    with how often each occurs.

    Parameters
    ----------
    pieces : callable
        Gives the values from the beginning each time it is called; three times.
    wanted : sequence of float
        0 to 100.
    """
    total, low, high = 0, np.inf, -np.inf
    for piece in pieces():
        total, low, high = total + piece.size, min(low, float(piece.min())), max(high, float(piece.max()))
    if low == high:
        return [low] * len(wanted)

    def numbers(piece: NDArray[np.float32]) -> NDArray[np.int64]:
        share = (piece.ravel().astype(np.float64) - low) * (_BINS / (high - low))
        return np.minimum(share.astype(np.int64), _BINS - 1)

    counts = np.zeros(_BINS, np.int64)
    for piece in pieces():
        counts += np.bincount(numbers(piece), minlength=_BINS)
    ends = np.cumsum(counts)
    places = [q / 100 * (total - 1) for q in wanted]
    ranks = sorted({rank for place in places for rank in (int(np.floor(place)), int(np.ceil(place)))})
    bins = [int(np.searchsorted(ends, rank, side="right")) for rank in ranks]
    needed = np.zeros(_BINS, bool)
    needed[bins] = True
    values, often = _collected(pieces(), lambda piece: needed[numbers(piece)])
    # of what was collected: how many are not larger, those of bins that were passed over left out
    upto = np.cumsum(often)
    passed = ends - np.cumsum(np.where(needed, counts, 0))
    found = {
        rank: float(values[np.searchsorted(upto, rank - passed[number], side="right")])
        for rank, number in zip(ranks, bins, strict=True)
    }
    return [_between(found[int(np.floor(place))], found[int(np.ceil(place))], place % 1) for place in places]


def _collected(
    pieces: Iterable[NDArray[np.float32]], chosen: Callable[[NDArray[np.float32]], NDArray[np.bool_]]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the different values among those chosen, in order, and how often each occurs."""
    parts = [np.unique(piece.ravel()[chosen(piece)], return_counts=True) for piece in pieces]
    values: Any = np.concatenate([part[0] for part in parts])
    often = np.concatenate([part[1] for part in parts])
    order = np.argsort(values, kind="stable")
    return values[order], often[order]


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share
