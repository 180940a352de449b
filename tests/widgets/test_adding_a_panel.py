"""The example of docs/how-to/add-a-panel.md: a package of its own, found by its entry point."""

from __future__ import annotations

import pytest

from tests.pages import Page, check_found, site_of
from workbench.widgets.desk_panel import PANELS, kinds

PAGE = Page("how-to/add-a-panel.md")
site = site_of(PAGE, PANELS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """What the page's own tests say."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert [kind.called for kind in kinds()][-1] == "mean"


def test_it_is_tried_as_the_page_does() -> None:
    names = PAGE.run("try_it.py")
    assert names["mean"] == pytest.approx(names["app"].data.volume.data.mean())
    assert names["app"].mean.number == "10"
