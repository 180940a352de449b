"""The example of docs/how-to/add-a-kind-of-job.md: a package of its own, found by its entry point."""

from __future__ import annotations

import workbench as wb
from tests.pages import Page, check_found, site_of
from workbench.jobs.kind import KINDS

PAGE = Page("how-to/add-a-kind-of-job.md")
site = site_of(PAGE, KINDS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert KINDS.get("words").title == "Words of files"
    assert KINDS.brought() == {"words": "my_words:Words"}


def test_it_is_listed_by_its_kind(tmp_path, monkeypatch) -> None:
    from my_words import count_words

    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "jobs"))
    (tmp_path / "a.txt").write_text("two words")
    job = count_words([tmp_path / "a.txt"])
    assert job.wait(120).result() == {str(tmp_path / "a.txt"): 2}
    assert (wb.jobs(kind="words"), job.needs.cores) == ([job], 1)
