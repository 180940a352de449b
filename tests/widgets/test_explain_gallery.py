"""The gallery of methods: a card for each, thumbnails of the quick ones, the others when they are asked for."""

from __future__ import annotations

import itertools
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.widgets.explain_table import Table
from workbench import explain
from workbench.errors import InputError
from workbench.explain.registry import get
from workbench.widgets import Layer, _explain_gallery
from workbench.widgets.map_style import style_of
from workbench.widgets.still import slice_png


def cards(desk: Table) -> dict[str, Any]:
    return {one["value"]: one for one in desk.panel.gallery}


def test_every_method_has_a_card_with_a_line_and_what_it_takes(desk: Table) -> None:
    found = cards(desk)
    assert list(found) == [one.name for one in explain.methods()]
    assert found["saliency"]["line"] == get("saliency").summary.capitalize() + "."
    assert (found["saliency"]["state"], found["saliency"]["told"]) == ("waiting", "A map takes 1 pass.")
    assert found["rise"]["state"] == "slow"
    assert found["rise"]["told"] == "A map takes 1,001 passes (the thumbnail is coarser)."
    assert {one["picture"] for one in found.values()} == {-1}


def test_quick_ones_are_made_at_once_and_show_the_map(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()
    monkeypatch.setattr(_explain_gallery, "time", SimpleNamespace(monotonic=lambda: next(seconds)))
    desk.panel.label = "1"
    desk.click(action="gallery")
    assert desk.panel.problem == {}
    found = cards(desk)
    made = {name for name, one in found.items() if one["state"] == "made"}
    assert {"saliency", "grad-cam", "input-x-gradient"} <= made
    assert "rise" not in made
    assert found["attention-rollout"]["state"] == "cannot"
    told = found["attention-rollout"]["told"]
    assert "shows no attention" in told
    assert (told[0], told[-1]) == (told[0].upper(), "."), "a reason is a sentence"
    drawn = desk.panel.thumbnails[found["saliency"]["picture"]]
    by_hand = desk.panel.run("saliency", target=1)
    image = desk.viewer.layers[0].like(visible=True)
    over = Layer(by_hand.volume, **style_of(by_hand))
    expected = slice_png([image, over], desk.viewer.crosshair, "radiological", 128)
    assert np.array_equal(*(np.asarray(Image.open(BytesIO(one)).convert("RGB")) for one in (drawn, expected)))
    desk.panel.label = "2"
    assert desk.panel.thumbnails == [], "they were of another target"


def test_whoever_leaves_the_gallery_stops_what_nobody_asked_for(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    panel = desk.panel

    def sketch(one: Any, _case: Any, _model: Any, work: Any) -> bool:
        made.append(one["value"])
        panel._on_message(panel, {"action": "leave_gallery"}, [])
        work.check()
        return True

    monkeypatch.setattr(panel, "_sketch", sketch)
    desk.click(action="gallery")
    assert (len(made), panel.busy, panel.problem) == (1, "", {})
    assert panel.note != "cancelled", "nobody asked for it, so that nobody is told"
    with panel.working("Asked for", cancellable=True) as work:
        panel.leave_gallery()
        assert not work.cancelled, "what was asked for goes on"


def test_a_slow_one_is_made_when_it_is_asked_for_coarsely(desk: Table) -> None:
    desk.panel.label = "1"
    desk.click(action="sketch", name="rise")
    assert desk.panel.problem == {}
    assert cards(desk)["rise"]["state"] == "made"
    assert desk.panel.maps == [], "a thumbnail is no map in the list"
    desk.click(action="sketch", name="no such")
    assert "no such" in desk.panel.problem["cause"]


def test_what_a_method_refuses_is_told_on_its_card(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> Any:
        raise InputError("It must be otherwise.")

    monkeypatch.setattr(type(get("saliency")), "steps", refuse)
    desk.panel.label = "1"
    desk.click(action="sketch", name="saliency")
    assert desk.panel.problem == {}
    assert (cards(desk)["saliency"]["state"], cards(desk)["saliency"]["told"]) == ("cannot", "It must be otherwise.")


@pytest.mark.parametrize("name", [one.name for one in explain.methods()])
def test_a_sketch_takes_fewer_passes_by_options_that_there_are(name: str) -> None:
    explainer = get(name)
    for shape in ((64, 64), (40, 36, 32)):
        spacing = (1.0,) * len(shape)
        usual = explainer.passes(shape, spacing, explainer.check_options({}))
        coarse = explainer.passes(shape, spacing, explainer.check_options(explainer.sketch(shape)))
        assert coarse <= usual
