from __future__ import annotations

import pytest

from workbench.explain.large.estimating import lasting


def clock_of(*times):
    ticks = iter(times)
    return lambda: next(ticks)


def test_what_is_done_once_before_the_first_stage_says_nothing_of_the_pace():
    # 3 s of preparation, then 0.1 s for each hundredth
    assert lasting([0.01, 0.02, 0.03], clock_of(10.0, 13.1, 13.2, 13.3)) == pytest.approx(3.0 + 100 * 0.1)


def test_a_work_of_one_stage_is_timed_as_it_is():
    assert lasting([1.0], clock_of(5.0, 7.5)) == pytest.approx(2.5)
    assert lasting([0.5, 1.0], clock_of(5.0, 6.0, 8.0)) == pytest.approx(3.0)


def test_the_trial_ends_after_two_stages_where_they_take_long():
    stages = iter([0.1, 0.2, 0.3])
    assert lasting(stages, clock_of(0.0, 4.0, 7.0)) == pytest.approx(7.0 + 8 * 3.0)
    assert list(stages) == [0.3]
