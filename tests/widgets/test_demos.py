"""The way in: demos that load data, a trained model and a first map."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench import zoo
from workbench.errors import InputError
from workbench.widgets.demos import DEMOS


def test_there_is_a_demo_for_each_of_three_ways_of_seeing() -> None:
    known = {one.name: one for one in zoo.trained()}
    assert [known[demo.weights].task for demo in DEMOS] == ["classification", "segmentation", "detection"]
    assert [zoo.card(known[demo.weights].algorithm).dimensions for demo in DEMOS] == [2, 3, 2]


@pytest.mark.parametrize("demo", DEMOS, ids=lambda demo: demo.name)
def test_one_click_loads_data_model_answer_and_map(demo: object) -> None:
    app = wb.App()
    assert app.demos.shown
    app.demos._on_message(app.demos, {"action": "open", "name": demo.name}, [])  # type: ignore[attr-defined]
    app.demos.wait(120)
    assert app.demos.problem == {}
    assert not app.demos.shown
    assert app.model.trained_name == demo.weights  # type: ignore[attr-defined]
    assert app.explain.answer_told["rows"]
    assert len(app.explain.maps) == 1
    why = app.explain.explanation
    assert why.volume.same_grid(app.data.volume)
    assert np.isfinite(why.data).all()
    assert why.data.any()
    assert (app.explain.blocked, app.train.blocked) == ("", "")


def test_the_answers_are_good_enough_to_be_shown() -> None:
    app = wb.App()
    app.demos.load("segmentation")
    scores = {row["name"]: row["value"] for row in app.explain.answer_told["rows"]}
    assert min(scores[name] for name in ("lungs", "heart", "liver")) > 0.9
    app.demos.load("detection")
    matches = [row.get("match") for row in app.explain.answer_told["rows"]]
    assert matches.count("true positive") >= 4
    app.demos.load("classification")
    assert next(row for row in app.explain.answer_told["rows"] if row["truth"])["value"] > 0.9


def test_an_unknown_demo_is_named() -> None:
    with pytest.raises(InputError, match="Did you mean 'segmentation'"):
        wb.App().demos.load("segmentaton")
