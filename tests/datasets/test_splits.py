"""Dividing cases."""

from __future__ import annotations

from collections import Counter
from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.datasets.splits import check_fractions, check_splits, make_splits
from workbench.errors import InputError

# written down once: a hash decides, so these hold on every machine and with every library version
EXPECTED = [[0, 3, 4, 7], [5, 6], [1, 2]]


def test_counts_follow_the_fractions():
    parts = make_splits([f"case{i}" for i in range(180)])
    assert {name: len(part) for name, part in parts.items()} == {"train": 126, "val": 18, "test": 36}
    assert sorted(chain(*parts.values())) == list(range(180))


def test_is_the_same_everywhere():
    assert make_splits([f"case{i}" for i in range(8)], fractions=(2, 1, 1), seed=5) == {
        "train": EXPECTED[0],
        "val": EXPECTED[1],
        "test": EXPECTED[2],
    }
    assert make_splits([f"case{i}" for i in range(8)], fractions=(2, 1, 1), seed=6)["train"] != EXPECTED[0]


def test_patients_stay_together():
    patients = [f"p{i // 3}" for i in range(30)]
    parts = make_splits([str(i) for i in range(30)], patients=patients, fractions=(0.6, 0.2, 0.2))
    seen = [{patients[i] for i in part} for part in parts.values()]
    assert not any(a & b for a, b in combinations(seen, 2))
    assert [len(part) for part in parts.values()] == [18, 6, 6]


def test_classes_are_in_proportion():
    targets = [0] * 80 + [1] * 20
    parts = make_splits([str(i) for i in range(100)], targets=targets, fractions=(0.5, 0.25, 0.25))
    counts = {name: Counter(targets[i] for i in part) for name, part in parts.items()}
    assert counts["train"] == {0: 40, 1: 10}
    assert counts["val"][1] == counts["test"][1] == 5


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(3, 60),
    seed=st.integers(0, 5),
    shares=st.tuples(st.floats(0.05, 1), st.floats(0.05, 1), st.floats(0.05, 1)),
    group=st.integers(1, 4),
    classes=st.integers(1, 4),
)
def test_nothing_is_lost_and_no_part_is_empty(n, seed, shares, group, classes):
    patients = [str(i // group) for i in range(n)]
    if len(set(patients)) < 3:
        patients = [str(i) for i in range(n)]
    targets = [i % classes for i in range(n)]
    parts = make_splits([f"c{i}" for i in range(n)], fractions=shares, seed=seed, patients=patients, targets=targets)
    assert sorted(chain(*parts.values())) == list(range(n))
    assert all(parts.values())
    homes = [{patients[i] for i in part} for part in parts.values()]
    assert not any(a & b for a, b in combinations(homes, 2))


def test_bad_input_is_named():
    with pytest.raises(InputError, match=r"2 case\(s\) cannot be divided into 3"):
        make_splits(["a", "b"])
    with pytest.raises(InputError, match="0 or more"):
        check_fractions({"train": -1})
    with pytest.raises(InputError, match="4 numbers"):
        check_fractions((1, 1, 1, 1))
    with pytest.raises(InputError, match="one patient per case"):
        make_splits(["a", "b"], patients=["x"], fractions={"train": 1})
    with pytest.raises(InputError, match="case 9"):
        check_splits({"train": [9]}, 3)
    with pytest.raises(InputError, match="'train' and again in 'val'"):
        check_splits({"train": [0, 1], "val": [1]}, 3)
