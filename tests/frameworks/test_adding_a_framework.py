"""The example of docs/how-to/add-a-framework.md: a package of its own, found by its entry point."""

from __future__ import annotations

from tests.pages import Page, check_found, site_of
from workbench.frameworks import _registry, names

PAGE = Page("how-to/add-a-framework.md")
site = site_of(PAGE, _registry.FRAMEWORKS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "torch-exact" in names()


def test_it_is_tried_as_the_page_does() -> None:
    tried = PAGE.run("try_it.py")
    assert tried["model"].framework.name == "torch-exact"
    assert tried["labels"].shape == (16, 16)
