from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.errors import InputError
from workbench.evaluation.points import match_points, precision_recall_f1

places = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=5)


def best(found, true, radius) -> tuple[int, float]:
    """Try all ways: most pairs first, then the smallest sum of distances."""
    swap = len(found) > len(true)
    few, many = (true, found) if swap else (found, true)
    options = []
    for chosen in itertools.permutations(range(len(many)), len(few)):
        lengths = [math.dist(few[a], many[b]) for a, b in enumerate(chosen)]
        near = [length for length in lengths if length <= radius]
        options.append((-len(near), sum(near)))
    pairs, total = min(options)
    return -pairs, total


@settings(max_examples=80, deadline=None)
@given(places, places, st.floats(0.5, 6))
def test_no_way_of_matching_is_better(found, true, radius) -> None:
    pairs = match_points(found, true, radius)
    lengths = [math.dist(found[a], true[b]) for a, b in pairs]
    assert len({a for a, _ in pairs}) == len({b for _, b in pairs}) == len(pairs)
    count, total = best(found, true, radius)
    assert len(pairs) == count
    assert all(length <= radius for length in lengths)
    assert sum(lengths) == pytest.approx(total, abs=1e-6)


def test_in_space() -> None:
    assert match_points([[0, 0, 0], [5, 5, 5]], [[5, 5, 4]], 1).tolist() == [[1, 0]]


def test_wrong_input() -> None:
    with pytest.raises(InputError, match="radius of matching is above 0, got 0"):
        match_points([[0, 0]], [[0, 0]], 0)
    with pytest.raises(InputError, match="same ndim"):
        match_points([[0, 0]], [[0, 0, 0]], 1)


def test_scores() -> None:
    assert precision_recall_f1(2, 4, 2) == (0.5, 1.0, pytest.approx(2 / 3))
    assert precision_recall_f1(0, 3, 1) == (0, 0, 0)
    precision, recall, f1 = precision_recall_f1(0, 0, 5)
    assert np.isnan(precision)
    assert recall == f1 == 0
    assert np.isnan(precision_recall_f1(0, 0, 0)[2])
