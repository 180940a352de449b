"""How far maps of one input agree with one another, pair by pair."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.evaluation.table import Table
from workbench.explain.checkers._ranks import rank_correlation, top_overlap
from workbench.explain.explanation import Explanation
from workbench.signatures import Range, checked
from workbench.work import IDLE, Work


class Agreement(Table):
    """How far maps agree: a row for each pair.

    Attributes
    ----------
    names : list of str
        The maps, in their order.
    ranks, overlaps : ndarray
        ``[maps, maps]`` float64: Spearman's rank correlation of each pair (NaN where a map is the same everywhere), and
        the intersection over union of what is highest in each. 1 on the diagonal.
    """

    def __init__(self, names: Sequence[str], ranks: Array, overlaps: Array, share: float) -> None:
        self.names, self.ranks, self.overlaps = list(names), ranks, overlaps
        pairs = itertools.combinations(range(len(names)), 2)
        super().__init__(
            {
                "map": names[one],
                "other": names[other],
                "rank correlation": float(ranks[one, other]),
                f"overlap of the highest {share:.3g}": float(overlaps[one, other]),
            }
            for one, other in pairs
        )


@checked("wb.explain.agreement()", "work")
def agreement(
    maps: Sequence[Explanation] | Mapping[str, Explanation],
    *,
    share: Annotated[float, Range(above=0, below=1)] = 0.05,
    work: Work = IDLE,
) -> Agreement:
    """Tell how far maps of one input agree with one another.

    Parameters
    ----------
    maps : sequence of Explanation, or mapping of name to Explanation
        Two at least, on one grid.
    share : float
        How much of each map counts as its highest.
    work : Work, optional
        Told how far it is; stops it.

    Returns
    -------
    Agreement

    Raises
    ------
    InputError
        If there are fewer than two maps, or they do not lie on one grid.
    Cancelled
        If that was asked for.

    References
    ----------
    Krishna et al. 2024, The Disagreement Problem in Explainable Machine Learning, section 4.
    """
    named = dict(maps) if isinstance(maps, Mapping) else {}
    given: list[Any] = list(named.values()) if named else list(maps)
    if len(given) < 2 or not all(isinstance(one, Explanation) for one in given):
        raise InputError(
            f"wb.explain.agreement(): maps must be two Explanations or more, got {len(given)} of "
            f"{sorted({type(one).__name__ for one in given})}. Make them with wb.explain()."
        )
    one_input = len({one.input_fingerprint for one in given}) == 1
    if not one_input or not all(one.volume.same_grid(given[0].volume) for one in given):
        raise InputError(
            "wb.explain.agreement(): maps must be of one input, on one grid, got several. Compare those of one case."
        )
    names = list(named) or [one.title for one in given]
    ranks, overlaps = np.eye(len(given)), np.eye(len(given))
    pairs = list(itertools.combinations(range(len(given)), 2))
    for place, (one, other) in enumerate(pairs):
        work.tell(place / len(pairs))
        values = [np.asarray(given[n].data, np.float64) for n in (one, other)]
        ranks[one, other] = ranks[other, one] = rank_correlation(values[0], values[1])
        overlaps[one, other] = overlaps[other, one] = top_overlap(values[0], values[1], share)
    return Agreement(names, ranks, overlaps, share)
