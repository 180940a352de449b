"""The panel that looks inside: what it shows is what the functions return, and its code makes it again."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.widgets._inside_rows import flow_rows, flow_sentence
from workbench.zoo.shipped import place_of


@pytest.fixture
def app() -> wb.App:
    app = wb.App("phantom-xray", n=3, size=(32, 32), task="classification")
    app.model.load(place_of("covid-resnet-phantom-xray"))
    return app


def click(panel: Any, **message: Any) -> None:
    panel._on_message(panel, message, [])
    panel.wait(60)


def test_nothing_can_be_asked_while_nothing_is_loaded() -> None:
    panel = wb.App().inside
    assert panel.blocked == "Load a data set or open a file first"
    click(panel, action="features")
    assert "Load a data set" in panel.problem["cause"]


def test_channels_are_shown_page_by_page_and_one_is_put_over_the_image(app: wb.App) -> None:
    panel = app.inside
    app.desk.model()
    panel.layer = "conv1"
    click(panel, action="features")
    assert panel.problem == {}
    assert panel.shown_of == "conv1: channels 0 to 7 of 8"
    assert [tile["channel"] for tile in panel.tiles] == list(range(8))
    assert not panel.more
    panel.layer = "layer4.0.conv1"
    panel.look_at_features(60)
    assert [tile["channel"] for tile in panel.tiles] == [60, 61, 62, 63]
    click(panel, action="next")
    assert panel.shown_of == "layer4.0.conv1: channels 0 to 11 of 64"
    click(panel, action="channel", channel=5)
    model, volume = app.desk.model(), app.desk.case.volume
    layer = next(one for one in app.viewer.layers if one.name == "layer4.0.conv1 5")
    expected = wb.explain.features(model, volume, "layer4.0.conv1", channels=[5])
    assert np.allclose(layer.volume.data, expected.channels_first()[0])
    click(panel, action="channel", channel=6)
    assert [one.name for one in app.viewer.layers if "conv1" in one.name] == ["layer4.0.conv1 6"], "one at a time"
    with pytest.raises(InputError, match="channels 0 to 63, got 64"):
        panel.look_at_features(64)


def test_gradient_and_preprocessing_are_measured_for_the_class_that_is_chosen(app: wb.App) -> None:
    panel = app.inside
    panel.label = "0"
    click(panel, action="flow")
    click(panel, action="sensitivity")
    assert panel.problem == {}
    model, volume = app.desk.model(), app.desk.case.volume
    flow = wb.explain.gradient_flow(model, volume, 0)
    assert [row["layer"] for row in panel.flow] == flow.column("layer")
    assert panel.flow == flow_rows(flow)
    assert max(row["bar"] for row in panel.flow) == 1
    effects = wb.explain.sensitivity(model, volume, 0)
    assert [row["parameter"] for row in panel.effects] == effects.column("parameter")
    assert panel.effects[0]["effect"] == f"{effects.rows[0]['effect']:.3g}"
    assert "target=wb.explain.Class(0)" in panel.snippet()
    panel.label = "1"
    assert (panel.flow, panel.effects, panel.snippet()) == ([], [], ""), "they were of another class"


def test_dead_and_exploding_layers_are_named() -> None:
    def row(layer: str, gradient: float, activation: float, verdict: str) -> dict[str, Any]:
        measured = {"gradient": gradient, "activation": activation, "silent": 0.0}
        return {"layer": layer, "type": "Conv2d", "shape": "1", **measured, "verdict": verdict}

    rows = [row("a", 1.0, 1.0, "good"), row("b", 0.0, 0.0, "dead"), row("c", np.inf, 1.0, "exploding")]
    rows.append({"layer": "d", "type": "Dropout", "verdict": "not run"})
    flow = wb.explain.GradientFlow(rows)
    assert flow_sentence(flow) == "Exploding: c. Dead: b."
    assert [row["bar"] for row in flow_rows(flow)] == [1.0, 0.0, 1.0, 0.0]
    assert flow_sentence(wb.explain.GradientFlow(rows[:1])) == "No layer is dead, and none explodes."


def test_occluders_are_told_and_marked(app: wb.App) -> None:
    panel = app.inside
    assert panel.no_occluders
    with pytest.raises(StateError, match="no occlusion map over the image"):
        panel.measure_occluders()
    why = app.explain.run("occlusion", target=1, window=8, stride=8)
    assert panel.no_occluders == ""
    click(panel, action="occluders")
    assert panel.problem == {}
    found = wb.explain.occluders(why)
    assert panel.occluder_head == ["occluder", "score", "drop", "P(no lesion)", "P(lesion)"]
    assert panel.occluders[0]["cells"][:2] == [f"{found.rows[0][name]:.3g}" for name in ("score", "drop")]
    assert panel.occluders[0]["drop"] == pytest.approx(found.rows[0]["drop"] / max(map(abs, found.column("drop"))))
    click(panel, action="occluder", number=2)
    layer = app.viewer.layers[-1]
    assert (layer.name, layer.outline) == ("occluder 2", True)
    assert np.array_equal(layer.volume.data, found.mask(1).data)
    assert app.viewer.crosshair == tuple(found.rows[1][name] for name in ("x mm", "y mm", "z mm"))


def test_the_code_makes_all_of_it_again_and_another_case_forgets_it(app: wb.App) -> None:
    panel = app.inside
    app.explain.run("occlusion", target=1, window=8, stride=8)
    panel.look_at_features()
    panel.show_channel(3)
    panel.measure_flow()
    panel.measure_sensitivity()
    panel.measure_occluders()
    panel.show_occluder(1)
    assert list(panel.facts()) == ["gradient by layer", "effect of the preprocessing", "scores by occluder"]
    assert [caption for caption, _ in panel.pictures()][:2] == ["layer4 0", "layer4 1"]
    known: dict[str, Any] = {}
    exec(app.code(), known)
    assert known["flow"].column("layer") == [row["layer"] for row in panel.flow]
    assert known["occluders"].rows[0]["drop"] == pytest.approx(panel._found.rows[0]["drop"], abs=1e-5)
    assert known["features"].num_channels == 12
    app.data.select(0, "train")
    assert (panel.snippet(), panel.facts(), panel.pictures()) == ("", {}, [])
    assert panel.no_occluders
