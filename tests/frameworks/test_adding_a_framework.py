"""The example of docs/how-to/add-a-framework.md: a package of its own, found by its entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.pages import Page, check_found, installed
from workbench.frameworks import _registry, get, names

PAGE = Page("how-to/add-a-framework.md")


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the page's package is installed in."""
    with installed(PAGE, tmp_path_factory.mktemp("site"), _registry.FRAMEWORKS.reset, get.cache_clear) as folder:
        yield folder


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "torch-exact" in names()


def test_it_is_tried_as_the_page_does() -> None:
    tried = PAGE.run("try_it.py")
    assert tried["model"].framework.name == "torch-exact"
    assert tried["labels"].shape == (16, 16)
