"""The example of docs/how-to/add-a-viewer.md: a package of its own, found by its entry point."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from tests.pages import Page, check_found, site_of
from workbench.widgets.backends import _base, names

PAGE = Page("how-to/add-a-viewer.md")
site = site_of(PAGE, _base.VIEWERS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "axial" in names()


def test_it_is_tried_as_the_page_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sample = PAGE.run("try_it.py")["sample"]
    with Image.open(tmp_path / "axial.png") as picture:
        assert picture.size == tuple(
            round(n * mm / min(sample["image"].spacing))
            for n, mm in zip(sample["image"].shape[:2], sample["image"].spacing[:2], strict=True)
        )
