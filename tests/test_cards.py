"""The cards of algorithms, data sets and tools: one way to be shown, each with what is its own."""

from __future__ import annotations

from typing import Any

import pytest

import workbench as wb
from workbench._cards import BaseCard
from workbench.parameters import Parameter

CARDS: dict[str, Any] = {
    "algorithm": lambda: wb.zoo.card("2d-unet"),
    "data set": lambda: wb.datasets.card("hippocampus"),
    "tool": lambda: wb.tools.card("remove-small"),
}


class Spoon(BaseCard):
    name, title, reference, licence = "spoon", "Spoon & fork", "Nobody 2001", ""
    summary = "eats <soup>"

    def takes(self) -> dict[str, Parameter]:
        return {"size": Parameter("size", "number", 2.0, "How <large>.", unit="mm")}


def test_it_is_shown_as_text() -> None:
    heading, summary, empty, fact, _, head, option = repr(Spoon()).splitlines()
    assert (heading, summary, empty, fact) == ("Spoon & fork (spoon)", "eats <soup>", "", "reference  Nobody 2001")
    assert head.split() == ["option", "takes", "default", "meaning"]
    assert option == "size    a number of mm  2.0      How <large>."
    assert str(Spoon()) == repr(Spoon())


def test_it_is_shown_as_html_and_escaped() -> None:
    page = Spoon()._repr_html_()
    assert page.count("<table>") == 2
    assert "Spoon &amp; fork (spoon): eats &lt;soup&gt;" in page
    assert ">How &lt;large&gt;.</td>" in page
    assert "licence" not in page


def test_what_takes_no_options_has_no_table_of_them() -> None:
    class Fork(Spoon):
        def takes(self) -> dict[str, Parameter]:
            return {}

    assert repr(Fork()) == "Spoon & fork (spoon)\neats <soup>\n\nreference  Nobody 2001"
    assert Fork()._repr_html_().count("<table>") == 1


@pytest.mark.parametrize("kind", CARDS)
def test_all_kinds_are_of_one_kind(kind: str) -> None:
    card = CARDS[kind]()
    assert isinstance(card, BaseCard)
    assert card.name in repr(card)
    assert card.title in repr(card)
    assert card.reference
    page = card._repr_html_()
    assert page.count("<table>") == 2
    for label, value in card.facts():
        assert f">{label}</th>" in page
        assert value in repr(card)
    for name, option in card.takes().items():
        assert f">{name}</td>" in page
        assert option.rule in repr(card)


def test_each_has_what_is_its_own() -> None:
    algorithm, data, tool = (make() for make in CARDS.values())
    assert ("size", "28,953,539 parameters (in_channels=1, num_classes=3)") in algorithm.facts()
    assert algorithm.reference.endswith("(2020), https://doi.org/10.1186/s41747-020-00173-2")
    assert dict(data.facts())["cases"] == "180"
    assert dict(data.facts())["licence"] == data.licence == "CC BY-SA 4.0"
    assert dict(tool.facts())["group"] == "post-processing"
    assert set(data.takes()) == set(wb.datasets.parameters("hippocampus"))
    assert data.to_dict()["parameters"]["seed"]["default"] == 0
    assert [one.name for one in wb.describe(data)] == list(data.takes())
    assert [one.name for one in wb.describe(tool)] == [one.name for one in tool.options()]
