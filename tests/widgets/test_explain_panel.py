"""The explain panel without a browser, on a real network with fresh weights."""

from __future__ import annotations

import ast
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.widgets.explain_table import Table, fixed
from workbench import explain, zoo
from workbench.errors import InputError, StateError
from workbench.explain import Cancelled
from workbench.volume import Volume
from workbench.widgets import Case
from workbench.widgets.timeline import Timeline


def test_every_method_is_offered(desk: Table) -> None:
    assert [one["value"] for one in desk.panel.methods] == [one.name for one in explain.methods()]


def test_what_the_network_cannot_serve_is_grey_once_it_is_built(desk: Table) -> None:
    desk.panel.method = "attention-rollout"
    assert all(one["enabled"] for one in desk.panel.methods)
    desk.desk.model()
    reasons = {one["value"]: one["reason"] for one in desk.panel.methods if not one["enabled"]}
    assert "shows no attention" in reasons["attention-rollout"]
    assert "does not end in global average pooling" in reasons["cam"]
    assert "saliency" not in reasons
    assert desk.panel.method == "grad-cam"


def test_a_map_lies_over_the_image_on_its_grid(desk: Table, volume: Volume) -> None:
    made = desk.panel.run("saliency", target=2)
    layer = desk.viewer.layers[-1]
    assert layer.volume is made.volume
    assert layer.volume.same_grid(volume)
    assert layer.window == made.display_range
    assert desk.panel.maps == [{"number": 1, "label": "Saliency: heart", "visible": True, "opacity": 0.6}]
    assert desk.panel.explanation is made


def test_what_a_map_of_a_large_volume_will_take_is_told_before(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("workbench.widgets.explain_panel._LARGE", 10)
    told: list[str] = []
    desk.panel.observe(lambda change: told.append(change["new"]), "busy")
    desk.panel.run("saliency", target=2)
    assert any(line.startswith("Saliency: 1 window, about") for line in told), told


def test_layers_and_classes_are_offered_and_used(desk: Table, model: Any) -> None:
    desk.desk.model()
    assert desk.panel.layers[0] == {"value": "", "label": f"{model.default_layer()} (default)"}
    assert [one["label"] for one in desk.panel.labels] == ["what is predicted", "0 background", "1 lungs", "2 heart"]
    desk.panel.layer, desk.panel.label, desk.panel.method = "encoders.0", "1", "grad-cam"
    desk.click(action="run")
    assert desk.panel.problem == {}
    made = desk.panel.explanation
    assert made is not None
    assert (made.layer, str(made.target)) == ("encoders.0", "class 1 (lungs)")


def test_options_typed_into_the_form_are_used(desk: Table) -> None:
    desk.panel.method = "occlusion"
    desk.panel.options = {"window": "6", "stride": "6, 6, 6"}
    desk.panel.label = "1"
    made = desk.panel.run()
    assert (made.options["window"], made.options["stride"]) == (6, [6, 6, 6])


def test_a_click_explains_what_is_predicted_at_that_voxel(desk: Table, model: Any, volume: Volume) -> None:
    desk.panel.method, desk.panel.target = "saliency", "voxel"
    with pytest.raises(StateError, match="No voxel is chosen"):
        desk.panel.run()
    ijk = (9, 5, 7)
    xyz = tuple(volume.to_world(ijk))
    desk.viewer._click(xyz)
    desk.panel.wait(60)
    assert desk.panel.problem == {}
    made = desk.panel.explanation
    assert made is not None
    assert made.target.label == int(model.predict(volume).data[ijk])
    expected = explain.explain(model, volume, "saliency", explain.Voxel(ijk))
    np.testing.assert_allclose(made.data, expected.data)
    assert desk.panel.voxel.startswith("voxel 9, 5, 7")
    assert desk.panel.voxel.endswith(f"What is predicted there is explained: {model.classes[made.target.label]}.")


def test_a_click_where_nothing_is_predicted_says_what_is_explained(
    desk: Table, model: Any, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = np.full((1, *volume.shape), -1)
    monkeypatch.setattr(type(model.algorithm.task), "presence", lambda _task, _outputs: nothing)
    desk.panel.method, desk.panel.target = "saliency", "voxel"
    desk.viewer._click(tuple(volume.to_world((9, 5, 7))))
    desk.panel.wait(60)
    assert desk.panel.problem == {}
    told = f"Nothing is predicted at this voxel; what is explained is the score of {model.classes[0]!r}."
    assert desk.panel.voxel.endswith(told)
    assert told in desk.panel.explanation.notes


def test_a_target_that_means_nothing_to_another_model_is_put_back(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.desk.model()
    assert desk.panel.no_targets == {}
    desk.panel.target = "voxel"
    monkeypatch.setattr(type(desk.desk.built.task), "whole", True)
    desk.panel._built_changed({"new": desk.desk.built})
    assert desk.panel.no_targets == {
        "voxel": "This model scores the whole image, and no voxel by itself: click what is drawn, or choose a class."
    }
    assert (desk.panel.target, desk.viewer.tool) == ("class", "navigate")


def test_the_viewer_picks_while_a_voxel_is_to_be_explained(desk: Table) -> None:
    desk.panel.target = "voxel"
    assert desk.viewer.tool == "pick"
    desk.panel.target = "class"
    assert desk.viewer.tool == "navigate"
    desk.panel.target = "voxel"
    desk.viewer.tool = "measure"
    desk.viewer._click((0.0, 0.0, 0.0))
    assert desk.panel.desk.selection is None, "a click with another tool is no pick"
    desk.panel.target = "class"
    assert desk.viewer.tool == "measure", "who chose another tool keeps it"


def test_a_click_does_nothing_when_a_class_is_explained(desk: Table, volume: Volume) -> None:
    desk.viewer._click(tuple(volume.to_world((9, 5, 7))))
    desk.panel.wait(5)
    assert desk.panel.explanation is None


def test_cancel_leaves_no_half_made_map(desk: Table) -> None:
    layers = desk.viewer.layers

    def stop(change: Any) -> None:
        if change["new"] > 0:
            desk.panel.cancel()

    desk.panel.observe(stop, "progress")
    with pytest.raises(Cancelled):
        desk.panel.run("occlusion", target=1, window=2, stride=1, batch_size=1)
    assert desk.viewer.layers == layers
    assert desk.panel.maps == []
    assert desk.panel.note == "cancelled"


def test_an_error_names_its_cause(desk: Table) -> None:
    desk.panel.options = {"window": "wide"}
    desk.panel.method = "occlusion"
    desk.click(action="run")
    told = (
        "Window must be one number of voxels of the network's grid, at least 1, or one for each axis, got 'wide'. "
        "Leave it out, and it is decided for you."
    )
    assert desk.panel.problem["cause"] == told
    assert desk.panel.faults == {"window": told}, "it is told beside the field too"
    with pytest.raises(InputError, match="Did you mean 'saliency'"):
        desk.panel.run("saliencey")


def test_without_a_volume_it_says_what_to_do(model: Any) -> None:
    desk = Table(model, None)
    desk.click(action="run")
    assert "Load a data set" in desk.panel.problem["cause"]


def test_the_newest_map_is_shown_and_all_are_compared(desk: Table) -> None:
    first = desk.panel.run("saliency", target=1)
    desk.panel.run("grad-cam", target=1)
    assert [one["visible"] for one in desk.panel.maps] == [False, True]
    assert [tile["label"] for tile in desk.panel.strip.tiles] == ["Saliency: lungs", "Grad-CAM: lungs"]
    before = desk.panel.strip.pictures[0]
    assert before.startswith(b"\x89PNG")
    x, y, z = desk.viewer.crosshair
    desk.viewer.crosshair = (x, y, z + 3 * first.volume.spacing[2])
    desk.panel.strip.draw()
    assert desk.panel.strip.pictures[0] != before, "the strip follows the crosshair"
    desk.click(action="map", number=1, visible=True, opacity=0.3)
    assert desk.panel.maps[0] == {"number": 1, "label": "Saliency: lungs", "visible": True, "opacity": 0.3}
    assert desk.viewer._removable == [layer.id for layer in desk.viewer.layers[1:]]
    desk.viewer._handle_custom_msg({"type": "remove", "layer": desk.viewer.layers[-1].id}, [])
    assert [one["number"] for one in desk.panel.maps] == [1]
    assert len(desk.viewer.layers) == 2
    desk.click(action="map", number=9, remove=True)
    assert "no map number 9" in desk.panel.problem["cause"]


def test_clear_forgets_what_belonged_to_another_case(desk: Table) -> None:
    desk.panel.run("saliency", target=1)
    desk.panel.predict()
    desk.panel.clear()
    assert [layer.name for layer in desk.viewer.layers] == ["image"]
    assert (desk.panel.maps, desk.panel.explanation, desk.panel.strip.tiles) == ([], None, [])


def test_code_makes_the_same_map(desk: Table, model: Any, volume: Volume) -> None:
    made = desk.panel.run("occlusion", target=2, window=6, stride=4)
    scope: dict[str, Any] = {"model": model, "volume": volume}
    exec(desk.panel.code(), scope)
    # batches may be cut otherwise the second time, which moves the last bits
    np.testing.assert_allclose(scope["why"].data, made.data, atol=1e-6)


def test_over_training_needs_a_run(desk: Table) -> None:
    desk.click(action="over_training")
    assert "There is no run" in desk.panel.problem["cause"]
    desk.click(action="epoch", index=0)
    assert "no maps over training" in desk.panel.problem["cause"]


# -- what is under way and what comes next -----------------------------------------------------------------------


class Patient:
    """A method that waits until it is told to go on, and cannot be stopped: as a single pass of a large network."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun, self.go_on = threading.Event(), threading.Event()
        self.calls: list[Any] = []
        really = explain.Request.run

        def wait(request: explain.Request, **_watching: Any) -> Any:
            self.calls.append(request.target)
            self.begun.set()
            assert self.go_on.wait(60)
            return really(request)

        monkeypatch.setattr(explain.Request, "run", wait)


def test_cancel_lets_go_of_a_pass_that_cannot_be_stopped(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Patient(monkeypatch)
    desk.panel._on_message(desk.panel, {"action": "run"}, [])
    assert slow.begun.wait(30)
    assert desk.panel.busy
    assert desk.panel.cancellable
    desk.click(action="cancel")
    desk.panel.wait(1.0)
    assert (desk.panel.busy, desk.panel.note, desk.panel.problem) == ("", "cancelled", {})
    # the next one waits until the network is free, and what was let go of leaves nothing behind
    desk.panel._on_message(desk.panel, {"action": "run"}, [])
    slow.go_on.set()
    desk.panel.wait(60)
    assert len(desk.panel.explanations) == 1
    assert len(desk.viewer.layers) == 2


def test_a_click_while_a_map_is_made_is_done_next(desk: Table, volume: Volume, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Patient(monkeypatch)
    desk.panel.method, desk.panel.target = "saliency", "voxel"
    first, second = (tuple(volume.to_world(ijk)) for ijk in ((9, 5, 7), (3, 4, 5)))
    desk.viewer._click(first)
    assert slow.begun.wait(30)
    desk.viewer._click(tuple(volume.to_world((1, 1, 1))))
    desk.viewer._click(second)
    assert "made next" in desk.panel.voxel
    slow.go_on.set()
    desk.panel.wait(60)
    asked = [np.round(target.mm, 3).tolist() for target in slow.calls]
    assert asked == [np.round(first, 3).tolist(), np.round(second, 3).tolist()], "the last click of those that waited"
    assert len(desk.panel.explanations) == 2


def test_another_press_while_busy_is_refused_in_sight(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = Patient(monkeypatch)
    desk.panel._on_message(desk.panel, {"action": "run"}, [])
    assert slow.begun.wait(30)
    desk.panel._on_message(desk.panel, {"action": "predict"}, [])
    assert "is under way" in desk.panel.problem["title"]
    assert "not carried out" in desk.panel.problem["cause"]
    slow.go_on.set()
    desk.panel.wait(60)
    assert desk.panel.prediction is None
    assert len(desk.panel.explanations) == 1


def test_a_map_that_was_under_way_for_another_case_is_thrown_away(
    desk: Table, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Patient(monkeypatch)
    desk.panel._on_message(desk.panel, {"action": "run"}, [])
    assert slow.begun.wait(30)
    desk.desk.put(Case(volume.with_data(volume.data + 1)))
    slow.go_on.set()
    desk.panel.wait(60)
    assert desk.panel.explanations == []
    assert [layer.name for layer in desk.viewer.layers] == ["image"]


def test_a_click_with_a_slow_method_asks_for_explain(desk: Table, volume: Volume) -> None:
    desk.panel.method, desk.panel.target = "occlusion", "voxel"
    desk.panel.options = {"window": "2", "stride": "2"}
    desk.viewer._click(tuple(volume.to_world((9, 5, 7))))
    desk.panel.wait(5)
    assert desk.panel.explanations == []
    assert "Press Explain to make the map: 337 passes" in desk.panel.voxel
    desk.click(action="run")
    assert len(desk.panel.explanations) == 1
    assert tuple(desk.panel.explanation.target.mm) == tuple(np.round(volume.to_world((9, 5, 7)), 3))  # type: ignore[union-attr]


def test_very_many_passes_are_asked_about_first(desk: Table) -> None:
    desk.panel._pace.note(desk.desk.choice, desk.desk.case.volume, 1, 2.688)
    assert desk.panel._pace.estimate(desk.desk.choice, desk.desk.case.volume, 9) is None, "one pass begins slowly"
    desk.panel._pace.note(desk.desk.choice, desk.desk.case.volume, 100, 268.8)
    desk.panel.method = "occlusion"
    desk.panel.options = {"window": "1", "stride": "1"}
    desk.click(action="run")
    assert "2,689 passes of the network: about 2 hours" in desk.panel.question["text"]
    assert desk.panel.explanations == []
    desk.click(action="answer", yes=False)
    assert desk.panel.question == {}


def test_maps_of_an_earlier_model_are_made_by_that_model_in_code(desk: Table, volume: Volume) -> None:
    first = desk.panel.run("saliency", target=1)
    other = zoo.create("3d-unet", in_channels=1, classes=("background", "lungs", "heart"), width=2, depth=2, seed=3)
    desk.desk.choose(fixed(other))
    second = desk.panel.run("saliency", target=1)
    assert "model_2, volume" in desk.panel.snippet()
    scope: dict[str, Any] = {"model": other, "model_2": desk.panel._list.maps[0].choice.build(), "volume": volume}
    exec(desk.panel.snippet().replace("wb.", "workbench."), {**scope, "workbench": __import__("workbench")}, scope)
    np.testing.assert_array_equal(scope["why_1"].data, first.data)
    np.testing.assert_array_equal(scope["why"].data, second.data)


def test_the_code_of_maps_over_training_asks_for_what_was_asked(desk: Table, model: Any, volume: Volume) -> None:
    made = desk.panel.run("occlusion", target=2, window=6)
    asked = explain.Request(model, volume, "occlusion", explain.Voxel((1, 2, 3)), options={"window": 6})
    run: Any = SimpleNamespace(path=Path("runs/first"))
    desk.panel._list.show_over_training(Timeline(run, [(1, made)], asked))
    code = desk.panel.snippet()
    (call,) = [node for node in ast.walk(ast.parse(code)) if getattr(node, "attr", "") == "over_checkpoints"]
    assert ast.unparse(call) == "wb.explain.over_checkpoints"
    assert "target=wb.explain.Voxel((1, 2, 3), label=None)" in code
    assert "window=6" in code
    assert "baseline" not in code, "what has its default value is left out"
