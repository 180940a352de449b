"""Means over cases with intervals, in which patients stay together."""

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.evaluation.intervals import bootstrap_means


def test_the_interval_is_that_of_the_normal_law_for_many_cases():
    values = np.random.default_rng(1).normal(2.0, 0.5, 400)
    found = wb.evaluation.mean_interval(values)
    half = 1.96 * values.std() / np.sqrt(400)
    assert (found.mean, found.count, found.groups) == (pytest.approx(values.mean()), 400, 400)
    assert (found.low, found.high) == (
        pytest.approx(found.mean - half, abs=0.1 * half),
        pytest.approx(found.mean + half, abs=0.1 * half),
    )


def test_cases_of_one_patient_are_no_news():
    # each patient has ten cases that are all the same, so there are eight values and not eighty
    of_patient = np.random.default_rng(2).random(8)
    alone = wb.evaluation.mean_interval(of_patient)
    together = wb.evaluation.mean_interval(np.repeat(of_patient, 10), np.repeat(np.arange(8), 10).tolist())
    assert (together.low, together.high) == pytest.approx((alone.low, alone.high))
    assert (together.count, together.groups) == (80, 8)
    apart = wb.evaluation.mean_interval(np.repeat(of_patient, 10))
    assert apart.high - apart.low < 0.5 * (together.high - together.low)


def test_what_is_not_known_is_left_out_and_counted():
    found = wb.evaluation.mean_interval([1.0, float("nan"), 0.0, 1.0], [None, "a", None, "b"])
    assert (found.mean, found.count, found.groups) == (pytest.approx(2 / 3), 3, 3)
    one = wb.evaluation.mean_interval([0.5, 0.7], ["a", "a"])
    assert (one.mean, one.groups) == (pytest.approx(0.6), 1)
    assert np.isnan([one.low, one.high]).all()
    assert str(one) == "0.60 (no interval of one case)"
    assert str(wb.evaluation.mean_interval([])) == "-"
    with pytest.raises(InputError, match=r"groups must be one for each value, got 1 of 2"):
        wb.evaluation.mean_interval([0.5, 0.7], ["a"])


def test_columns_are_of_the_same_draws():
    values = np.random.default_rng(3).random((12, 1))
    both = bootstrap_means(np.hstack([values, values + 0.25]))
    np.testing.assert_allclose(both[:, 1] - both[:, 0], 0.25)
