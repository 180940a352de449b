"""What is typed into forms, as values."""

from __future__ import annotations

import json

import pytest

from workbench import datasets, explain, zoo
from workbench.errors import InputError
from workbench.parameters import Parameter, by_name
from workbench.widgets import _options

KNOWN = by_name(
    Parameter("count", "integer", 40),
    Parameter("size", "number", (64, 64, 64), per_axis=True),
    Parameter("depth", "choice", 18, choices=(18, 34)),
    Parameter("baseline", "number", 0, choices=("mean", "blur")),
    Parameter("flip", "flag", True),
    Parameter("path", "path", None),
    Parameter("fractions", "number", None, many=True),
)


def test_typed_text_becomes_values_of_the_right_kind() -> None:
    typed = {"count": 8, "size": "32, 32, 16", "depth": "34", "baseline": "0.5", "flip": False}
    values = _options.parse(KNOWN, typed)
    assert values == {"count": 8, "size": [32, 32, 16], "depth": 34, "baseline": 0.5, "flip": False}
    assert type(values["depth"]) is int
    values = _options.parse(KNOWN, {"path": "scans", "fractions": "0.8, 0.1, 0.1", "baseline": "mean"})
    assert values == {"path": "scans", "fractions": [0.8, 0.1, 0.1], "baseline": "mean"}


def test_what_is_at_its_default_or_empty_or_of_another_form_is_left_out() -> None:
    typed = {"count": 40, "size": "64, 64, 64", "depth": "18", "baseline": "", "flip": True, "width": 3}
    assert _options.parse(KNOWN, typed) == {}


def test_one_number_stands_for_all_axes() -> None:
    assert _options.parse(KNOWN, {"size": "32"}) == {"size": 32}
    assert _options.parse(KNOWN, {"size": "0.5x1x1"}) == {"size": [0.5, 1, 1]}


def test_nonsense_is_refused_with_what_was_typed() -> None:
    with pytest.raises(InputError, match=r"Size must be one number.*'wide'.*default is 64, 64, 64"):
        _options.parse(KNOWN, {"size": "wide"})
    found = _options.faults(KNOWN, {"size": "wide", "count": "3", "flip": True})
    assert list(found) == ["size"]


@pytest.mark.parametrize("explainer", explain.methods(), ids=lambda one: one.name)
def test_the_defaults_of_every_method_pass_its_own_check(explainer: explain.Explainer) -> None:
    typed = {one["name"]: one["default"] for one in _options.schemas(explainer.parameters())}
    # no field can be drawn for what only code can give
    own = {name for name, one in explainer.options.items() if one.kind != "any"}
    assert set(typed) == own | {"activation", "field"} | ({"precision"} if explainer.forward_only else set())
    assert explainer.check_options(_options.parse(explainer.parameters(), typed)) == explainer.check_options({})


@pytest.mark.parametrize("card", zoo.list(), ids=lambda card: card.name)
def test_every_algorithm_takes_what_its_form_offers(card: zoo.Card) -> None:
    schema = _options.schemas(card.options)
    offered = {one["name"]: one["choices"][-1] if one["choices"] else one["default"] for one in schema}
    typed = {name: value if isinstance(value, bool) else str(value) for name, value in offered.items()}
    config = zoo.algorithm(card.name).config(**_options.parse(card.options, typed))
    assert {name: config[name] for name in offered} == offered


def test_every_data_set_has_a_form() -> None:
    for card in datasets.list():
        known = datasets.parameters(card.name)
        assert list(known) == list(datasets.options(card.name))
        schema = _options.schemas(known)
        assert json.loads(json.dumps(schema)) == schema
        assert {one["name"] for one in schema} >= set(known) - {"label_values"}
        for one in schema:
            assert one["private"] == (one["kind"] == "path")
            assert one["tooltip"]
