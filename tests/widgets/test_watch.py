"""What is told of a run while it is under way."""

from __future__ import annotations

import math

from workbench.widgets import _watch

STATUS = {
    "state": "running", "epoch": 3, "epochs": 10, "step": 12, "steps_per_epoch": 40,
    "progress": 0.25, "started": 1000.0, "best_score": 0.71234, "best_epoch": 2,
}  # fmt: skip


def test_a_run_under_way_says_how_far_and_how_long() -> None:
    assert _watch.line(STATUS, now=1100.0) == "epoch 3/10, step 12/40, 5 minutes left, best 0.712 at epoch 2"


def test_a_run_that_ended_has_no_time_left() -> None:
    assert _watch.line({**STATUS, "state": "finished", "epoch": 10}, now=1100.0) == "epoch 10/10, best 0.712 at epoch 2"


def test_a_long_curve_is_thinned_without_losing_its_end() -> None:
    points = [(x / 10, float(x % 2)) for x in range(10_000)]
    thin = _watch.thin(points)
    assert len(thin) == 240
    assert thin[-1] == [999.9, 1.0]
    assert all(abs(y - 0.5) < 0.1 for _, y in thin[:-1]), "each point is the mean of its stretch"
    assert [x for x, _ in thin] == sorted(x for x, _ in thin)


def test_what_is_not_a_number_is_never_sent() -> None:
    assert _watch.thin([(1, math.nan), (2, math.inf), (3, 0.5)]) == [[3, 0.5]]
