"""The example of docs/how-to/add-a-check.md: a package of its own, found by its entry point."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pages import Page, check_found, site_of
from workbench.explain import checks, explain, score
from workbench.explain.scoring import CHECKS
from workbench.testing import toys

PAGE = Page("how-to/add-a-check.md")
site = site_of(PAGE, CHECKS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "border" in [one.name for one in checks()]


def test_it_is_tried_as_the_page_does() -> None:
    assert PAGE.run("try_it.py")["row"]["check"] == "border"


def test_the_share_at_the_edge_is_that_of_the_weights() -> None:
    model, weights = toys.linear_model((4, 5), classes=2)
    why = explain(model, toys.noise_volume((4, 5)), "saliency", 1)
    magnitude = np.abs(weights[1, 0])
    inner = magnitude[1:-1, 1:-1].sum() / magnitude.sum()
    assert score(why, checks=["border"]).rows[0]["value"] == pytest.approx(1 - inner, rel=1e-5)
