"""Intervals of means over cases: by bootstrap, in which the cases of one patient stay together."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.signatures import Range, checked

#: That are held at once while groups are drawn.
_MOST_NUMBERS = 2_000_000


@dataclass(frozen=True)
class Interval:
    """A mean with an interval around it.

    Parameters
    ----------
    mean : float
        Over all values that are finite; NaN without any.
    low, high : float
        Ends of the interval; NaN where there are fewer than two groups, of which nobody can draw others.
    count : int
        How many values are finite.
    groups : int
        Of how many patients (or cases) they are.
    """

    mean: float
    low: float
    high: float
    count: int
    groups: int

    def __str__(self) -> str:
        if not self.count:
            return "-"
        ends = "no interval of one case" if np.isnan(self.low) else f"{self.low:.2f} to {self.high:.2f}"
        return f"{self.mean:.2f} ({ends})"


@checked("wb.evaluation.mean_interval()", "values", "groups")
def mean_interval(
    values: Sequence[float] | Array,
    groups: Sequence[Hashable] | None = None,
    *,
    level: Annotated[float, Range(above=0, high=0.999)] = 0.95,
    draws: Annotated[int, Range(low=100, high=1_000_000)] = 2000,
    seed: Annotated[int, Range(low=0)] = 0,
) -> Interval:
    """Return the mean of values over cases, with its percentile bootstrap interval.

    Parameters
    ----------
    values : sequence of float
        One for each case; those that are not finite are left out.
    groups : sequence, optional
        Whose each is: cases of one patient resemble one another, and are drawn together. By default each case is one
        of its own; so is one whose group is None.
    level : float
        Share of the means of other draws that lie in the interval.
    draws, seed : int
        How many times as many groups are drawn with replacement, and of what seed.

    Raises
    ------
    InputError
        If there are not as many groups as values.

    References
    ----------
    Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 13 (percentile intervals); Field and Welsh
    2007, Bootstrapping Clustered Data (whole groups are drawn).

    Examples
    --------
    >>> wb.evaluation.mean_interval([0.2, 0.4, 0.6, 0.8])
    Interval(mean=0.5, low=0.3, high=0.7, count=4, groups=4)
    """
    drawn = bootstrap_means(np.asarray(values, np.float64)[:, None], groups, draws=draws, seed=seed)[:, 0]
    known = np.asarray(values, np.float64)
    finite = np.isfinite(known)
    mean = float(known[finite].mean()) if finite.any() else float("nan")
    whose = len({*np.array(_numbered(groups, len(known)))[finite].tolist()})
    low = high = float("nan")
    if whose > 1:
        low, high = (float(one) for one in np.nanpercentile(drawn, [50 * (1 - level), 50 * (1 + level)]))
    # what is last of float64 is noise of the sum
    return Interval(round(mean, 12), round(low, 12), round(high, 12), int(finite.sum()), whose)


def bootstrap_means(
    values: Array, groups: Sequence[Hashable] | None = None, *, draws: int = 2000, seed: int = 0
) -> Array:
    """Return means of several columns over the same draws of groups, so that differences between columns are paired.

    Parameters
    ----------
    values : ndarray
        ``[cases, columns]`` float64, NaN where there is none.
    groups, draws, seed
        As for `mean_interval`.

    Returns
    -------
    ndarray
        ``[draws, columns]`` float64; NaN where a draw has no value of a column.
    """
    numbers = _numbered(groups, len(values))
    count = max(numbers, default=-1) + 1
    sums, known = np.zeros((count, values.shape[1])), np.zeros((count, values.shape[1]))
    finite = np.isfinite(values)
    np.add.at(sums, numbers, np.where(finite, values, 0.0))
    np.add.at(known, numbers, finite)
    rng = np.random.default_rng(seed)
    means = np.full((draws, values.shape[1]), np.nan)
    step = max(1, _MOST_NUMBERS // max(1, count))
    for start in range(0, draws if count else 0, step):
        # how often each group is drawn, for several draws at once
        times = rng.multinomial(count, np.full(count, 1 / count), min(step, draws - start)).astype(np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            means[start : start + step] = (times @ sums) / (times @ known)
    return means


def _numbered(groups: Sequence[Hashable] | None, count: int) -> list[int]:
    """Return a number for each group, in the order of their first case."""
    if groups is None:
        return [*range(count)]
    if len(groups) != count:
        raise InputError(
            f"wb.evaluation.mean_interval(): groups must be one for each value, got {len(groups)} of {count}. "
            "Give the patient of each case, dataset.patients."
        )
    places: dict[Hashable, int] = {}
    return [
        places.setdefault(place if one is None else ("group", one), len(places)) for place, one in enumerate(groups)
    ]
