"""The example of docs/how-to/add-a-format.md: a package of its own, found by its entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import Page, check_found, site_of
from workbench import Volume, read
from workbench.io import _registry, formats

PAGE = Page("how-to/add-a-format.md")
site = site_of(PAGE, _registry.FORMATS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "plain" in [known.name for known in formats()]


def test_it_is_tried_as_the_page_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    tried = PAGE.run("try_it.py")
    assert isinstance(tried["again"], Volume)
    assert (tried["again"].data == tried["ct"].data).all()
    assert read(tmp_path / "ct.plain").orientation == "RAS"
