"""The explain panel without a browser, on a real network with fresh weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench import datasets, explain, zoo
from workbench.errors import InputError, StateError
from workbench.explain import Cancelled
from workbench.shapes import Boxes
from workbench.volume import Volume
from workbench.widgets import ExplainPanel, Viewer
from workbench.widgets import explain_panel as module


class Desk:
    """A panel with its viewer, model and volume."""

    def __init__(self, model: Any, volume: Volume | None) -> None:
        self.model, self.volume, self.viewer = model, volume, Viewer()
        if volume is not None:
            self.viewer.add(volume)
        self.panel = ExplainPanel(lambda: self.model, lambda: self.volume, self.viewer)

    def click(self, **message: Any) -> None:
        self.panel._on_message(self.panel, message, [])
        self.panel.wait(60)


@pytest.fixture(scope="module")
def model() -> Any:
    return zoo.create("3d-unet", in_channels=1, classes=("background", "lungs", "heart"), width=4, depth=2)


@pytest.fixture(scope="module")
def volume() -> Volume:
    return datasets.load("phantom-ct", n=3, size=(16, 14, 12))[0]["image"]


@pytest.fixture
def desk(model: Any, volume: Volume) -> Desk:
    return Desk(model, volume)


def test_every_method_is_offered(desk: Desk) -> None:
    assert [one["value"] for one in desk.panel.methods] == [one.name for one in explain.methods()]


def test_a_map_lies_over_the_image_on_its_grid(desk: Desk, volume: Volume) -> None:
    made = desk.panel.run("saliency", target=2)
    layer = desk.viewer.layers[-1]
    assert layer.volume is made.volume
    assert layer.volume.same_grid(volume)
    assert layer.window == made.display_range
    assert desk.panel.maps == [{"number": 1, "label": "Saliency: heart", "visible": True, "opacity": 0.6}]
    assert desk.panel.explanation is made


def test_layers_and_classes_are_offered_and_used(desk: Desk, model: Any) -> None:
    desk.panel.look_at(model)
    assert desk.panel.layers[0] == {"value": "", "label": f"{model.default_layer()} (default)"}
    assert [one["label"] for one in desk.panel.labels] == ["what is predicted", "0 background", "1 lungs", "2 heart"]
    desk.panel.layer, desk.panel.label, desk.panel.method = "encoders.0", "1", "grad-cam"
    desk.click(action="run")
    assert desk.panel.problem == {}
    made = desk.panel.explanation
    assert made is not None
    assert (made.layer, str(made.target)) == ("encoders.0", "class 1 (lungs)")


def test_options_typed_into_the_form_are_used(desk: Desk) -> None:
    desk.panel.method = "occlusion"
    desk.panel.options = {"window": "6", "stride": "6, 6, 6"}
    desk.panel.label = "1"
    made = desk.panel.run()
    assert (made.options["window"], made.options["stride"]) == (6, [6, 6, 6])


def test_a_click_explains_what_is_predicted_at_that_voxel(desk: Desk, model: Any, volume: Volume) -> None:
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


def test_a_click_does_nothing_when_a_class_is_explained(desk: Desk, volume: Volume) -> None:
    desk.viewer._click(tuple(volume.to_world((9, 5, 7))))
    desk.panel.wait(5)
    assert desk.panel.explanation is None


def test_cancel_leaves_no_half_made_map(desk: Desk) -> None:
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


def test_an_error_names_its_cause(desk: Desk) -> None:
    desk.panel.options = {"window": "wide"}
    desk.panel.method = "occlusion"
    desk.click(action="run")
    assert "window" in desk.panel.problem["cause"]
    with pytest.raises(InputError, match="Did you mean 'saliency'"):
        desk.panel.run("saliencey")


def test_without_a_volume_it_says_what_to_do(model: Any) -> None:
    desk = Desk(model, None)
    desk.click(action="run")
    assert "Load a data set" in desk.panel.problem["cause"]


def test_the_newest_map_is_shown_and_all_are_compared(desk: Desk) -> None:
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
    desk.click(action="map", number=2, remove=True)
    assert [one["number"] for one in desk.panel.maps] == [1]
    assert len(desk.viewer.layers) == 2
    desk.click(action="map", number=9, remove=True)
    assert "no map number 9" in desk.panel.problem["cause"]


def test_predict_adds_the_answer_as_a_layer_once(desk: Desk, model: Any, volume: Volume) -> None:
    desk.click(action="predict")
    desk.click(action="predict")
    assert [layer.name for layer in desk.viewer.layers] == ["image", "prediction"]
    np.testing.assert_array_equal(desk.viewer.layers[1].volume.data, model.predict(volume).data)


def test_a_classifier_answers_with_its_class() -> None:
    image = datasets.load("phantom-xray", n=3, size=(32, 32), task="classification")[0]["image"]
    classifier = zoo.create("covid-resnet", in_channels=1, classes=("healthy", "ill"), variant="medmnist-18")
    desk = Desk(classifier, image)
    answer = desk.panel.predict()
    assert desk.panel.note.startswith(f"predicted: {answer.name}")
    made = desk.panel.run("grad-cam")
    assert made.volume.same_grid(image)


def test_clear_forgets_what_belonged_to_another_case(desk: Desk) -> None:
    desk.panel.run("saliency", target=1)
    desk.panel.predict()
    desk.panel.clear()
    assert [layer.name for layer in desk.viewer.layers] == ["image"]
    assert (desk.panel.maps, desk.panel.explanation, desk.panel.strip.tiles) == ([], None, [])


def test_code_makes_the_same_map(desk: Desk, model: Any, volume: Volume) -> None:
    made = desk.panel.run("occlusion", target=2, window=6, stride=4)
    desk.panel.volume_code = desk.panel.model_code = lambda: ""
    scope: dict[str, Any] = {"model": model, "volume": volume}
    exec(desk.panel.code(), scope)
    np.testing.assert_array_equal(scope["why"].data, made.data)
    assert [layer.name for layer in scope["wb"].view(volume, scope["why"]).layers] == ["image", "scores"]


def test_over_training_needs_a_run(desk: Desk) -> None:
    desk.click(action="over_training")
    assert "There is no run" in desk.panel.problem["cause"]
    desk.click(action="epoch", index=0)
    assert "no maps over training" in desk.panel.problem["cause"]


def test_doubtful_shapes_are_counted_and_not_drawn() -> None:
    values = [[0.5, 0.5, 4.5, 4.5], [10.5, 10.5, 14.5, 14.5], [20.5, 20.5, 24.5, 24.5]]
    found = Boxes(values, labels=[0, 0, 0], scores=[0.9, 0.3, 0.05])
    kept, told = module._likely(found)
    np.testing.assert_array_equal(kept.scores, [0.9, 0.3])
    assert told == "found 2 boxes with a score of 0.3 or more, 1 below it are not shown"
    kept, told = module._likely(found.select([2]))
    assert len(kept) == 0
    assert told == "no boxes with a score of 0.3 or more; the best of 1 has 0.05"
    assert module._likely(Boxes(values, labels=[0, 0, 0]))[1] == "found 3 boxes"
    assert module._likely("what is no shape") == ("what is no shape", "")
