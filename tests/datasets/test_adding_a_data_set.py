"""The example of docs/how-to/add-a-data-set.md: a package of its own, found by its entry point."""

from __future__ import annotations

import numpy as np
import pytest

from tests.pages import Page, check_found, site_of
from workbench import datasets
from workbench.datasets import catalogue
from workbench.errors import InputError

PAGE = Page("how-to/add-a-data-set.md")
site = site_of(PAGE, catalogue.DATASETS.reset)


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """The whole contract."""


def test_it_is_found_by_its_entry_point() -> None:
    check_found(PAGE)
    assert "discs" in [card.name for card in datasets.list()]
    assert datasets.options("discs") == {"n": 60, "seed": 0}


def test_it_is_tried_as_the_page_does() -> None:
    sample = PAGE.run("try_it.py")["sample"]
    inside = sample["label"].data == 1
    assert sample["image"].data[inside].mean() == pytest.approx(100, abs=5)
    assert abs(np.mean(sample["image"].data[~inside])) < 2


def test_a_sample_that_lacks_something_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = datasets.load("phantom-ct", n=2, size=8)
    monkeypatch.setattr(dataset, "_read", lambda index: {"image": None, "label": None})
    with pytest.raises(
        InputError, match=r"sample 1 must have 'id', .*, got 'image', 'label'\. Let _read return 'id', too"
    ):
        dataset[1]
