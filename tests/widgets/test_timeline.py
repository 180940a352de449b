"""What the maps that are played are called."""

from __future__ import annotations

from typing import Any

import pytest

from workbench.widgets.timeline import Timeline


def names(shares: list[float]) -> list[str]:
    """The names of the steps of a map after these shares of the work."""
    asked: Any = None
    return Timeline(None, [(share, asked) for share in shares], asked, kind="steps").names()


def test_steps_are_told_in_tenths_of_a_percent() -> None:
    assert names([0.25, 0.5, 1]) == ["25.0%", "50.0%", "100.0%"]


def test_steps_that_lie_close_get_more_digits() -> None:
    assert names([0.5001, 0.5004, 1]) == ["50.01%", "50.04%", "100.00%"]


@pytest.mark.parametrize("count", [2000, 5000, 100_000])
def test_each_of_many_steps_has_a_name_of_its_own(count: int) -> None:
    assert len(set(names([step / count for step in range(1, count + 1)]))) == count


def test_steps_at_the_same_share_are_numbered() -> None:
    assert names([0.5, 0.5]) == ["50.000000% (1)", "50.000000% (2)"]
