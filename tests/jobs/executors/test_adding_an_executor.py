"""The example of docs/how-to/add-an-executor.md: a package of its own, found by its entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pages import Page, check_found, site_of
from workbench.errors import StateError
from workbench.jobs import Placement, Resources
from workbench.jobs.executors import EXECUTORS

PAGE = Page("how-to/add-an-executor.md")
site = site_of(PAGE, EXECUTORS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """What the page's own tests say."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "gentle" in EXECUTORS.names()
    with pytest.raises(StateError, match="has no accelerators, got a job that needs 1"):
        EXECUTORS.get("gentle").check(Resources(gpus=1))


def test_it_is_tried_as_the_page_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    names = PAGE.run("try_it.py")
    assert names["report"].done == [0, 1, 2]
    assert names["job"].executor == "gentle"
    assert Placement("gentle").executor == "gentle"
