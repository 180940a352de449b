"""Options as data, and what was typed as values."""

from __future__ import annotations

import pytest

from workbench import datasets, explain, zoo
from workbench.errors import InputError
from workbench.widgets import _options

SCHEMA = [
    _options.field("count", "int", 40),
    _options.field("size", "numbers", (64, 64, 64)),
    _options.field("depth", "choice", 18, choices=(18, 34)),
    _options.field("baseline", "text", "mean"),
    _options.field("flip", "bool", True),
]


def test_typed_text_becomes_values_of_the_right_kind() -> None:
    typed = {"count": 8, "size": "32, 32, 16", "depth": "34", "baseline": "0.5", "flip": False}
    values = _options.parse(SCHEMA, typed)
    assert values == {"count": 8, "size": [32, 32, 16], "depth": 34, "baseline": 0.5, "flip": False}
    assert type(values["depth"]) is int


def test_what_is_at_its_default_or_empty_or_of_another_schema_is_left_out() -> None:
    typed = {"count": 40, "size": "64, 64, 64", "depth": "18", "baseline": "", "flip": True, "width": 3}
    assert _options.parse(SCHEMA, typed) == {}


def test_one_number_stands_for_all_axes() -> None:
    assert _options.parse(SCHEMA, {"size": "32"}) == {"size": 32}
    assert _options.parse(SCHEMA, {"size": "0.5x1x1"}) == {"size": [0.5, 1, 1]}


def test_an_option_without_a_default_takes_words_and_numbers() -> None:
    schema = _options.from_defaults({"path": None, "fractions": None})
    values = _options.parse(schema, {"path": "scans", "fractions": "0.8, 0.1, 0.1"})
    assert values == {"path": "scans", "fractions": [0.8, 0.1, 0.1]}


def test_nonsense_is_refused_with_what_was_typed() -> None:
    with pytest.raises(InputError, match=r"Size must be one number.*'wide'.*default is 64, 64, 64"):
        _options.parse(SCHEMA, {"size": "wide"})


@pytest.mark.parametrize("explainer", explain.methods(), ids=lambda one: one.name)
def test_the_defaults_of_every_method_pass_its_own_check(explainer: explain.Explainer) -> None:
    schema = _options.from_explainer(explainer.options)
    assert {one["name"] for one in schema} == set(explainer.options)
    typed = {one["name"]: one["default"] for one in schema}
    assert explainer.check_options(_options.parse(schema, typed)) == explainer.check_options({})


@pytest.mark.parametrize("card", zoo.list(), ids=lambda card: card.name)
def test_every_algorithm_takes_what_its_form_offers(card: zoo.Card) -> None:
    schema = _options.from_algorithm(card.options)
    offered = {one["name"]: one["choices"][-1] if one["choices"] else one["default"] for one in schema}
    typed = {name: value if isinstance(value, bool) else str(value) for name, value in offered.items()}
    config = zoo.algorithm(card.name).config(**_options.parse(schema, typed))
    assert {name: config[name] for name in offered} == offered


def test_every_data_set_has_a_form() -> None:
    for card in datasets.list():
        schema = _options.from_defaults(datasets.options(card.name))
        assert [one["name"] for one in schema] == list(datasets.options(card.name))
