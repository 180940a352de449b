"""What a model answers, in the explain panel: asked for, drawn and listed."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest

from tests.widgets.explain_table import Table, fixed
from workbench import datasets, zoo
from workbench.volume import Volume
from workbench.widgets import Case, _explain_predicts
from workbench.zoo import answering


def test_predict_adds_the_answer_as_a_layer_once(desk: Table, model: Any, volume: Volume) -> None:
    desk.click(action="predict")
    desk.click(action="predict")
    assert [layer.name for layer in desk.viewer.layers] == ["image", "prediction"]
    np.testing.assert_array_equal(desk.viewer.layers[1].volume.data, model.predict(volume).data)


def test_a_classifier_answers_with_its_class() -> None:
    image = datasets.load("phantom-xray", n=3, size=(32, 32), task="classification")[0]["image"]
    classifier = zoo.create("covid-resnet", in_channels=1, classes=("healthy", "ill"), variant="medmnist-18")
    desk = Table(classifier, image)
    answer = desk.panel.predict()
    assert desk.panel.note.startswith(f"predicted: {answer.name}")
    made = desk.panel.run("grad-cam")
    assert made.volume.same_grid(image)


@pytest.fixture
def in_windows(model: Any, volume: Volume, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the network see the volume in several windows, and return how many."""
    monkeypatch.setattr(answering, "_WHOLE_IMAGE_VOXELS", 100)
    monkeypatch.setattr(model, "patch_size", (8, 8, 8))
    count: int = model.windows(volume)
    assert count > 1
    return count


def test_a_long_prediction_is_asked_about_first(desk: Table, in_windows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_explain_predicts, "VERY_SLOW", 0.0)
    desk.click(action="predict")
    question = desk.panel.question
    assert question["text"].startswith(f"It takes {in_windows} windows, about ")
    assert " of memory" in question["text"]
    assert question["yes"] == "Predict"
    assert desk.panel.prediction is None
    desk.click(action="answer", yes=True)
    assert desk.panel.prediction.kind == "labels"


def test_a_prediction_in_one_window_is_not_tried_out(desk: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_explain_predicts, "VERY_SLOW", 0.0)
    desk.click(action="predict")
    assert desk.panel.question == {}
    assert desk.panel.prediction.kind == "labels"


@pytest.mark.usefixtures("in_windows")
def test_a_short_prediction_is_made_at_once(desk: Table) -> None:
    desk.click(action="predict")
    assert desk.panel.question == {}
    assert desk.panel.prediction.kind == "labels"


def test_what_a_prediction_takes_is_looked_at_until_it_is_cancelled(
    desk: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slow(_model: Any, _volume: Volume) -> None:
        begun.set()
        go_on.wait(30)

    monkeypatch.setattr(_explain_predicts, "_expected", slow)
    desk.panel._on_message(desk.panel, {"action": "predict"}, [])
    assert begun.wait(30)
    assert desk.panel.busy
    assert desk.panel.cancellable
    desk.panel.cancel()
    desk.panel.wait(5)
    go_on.set()
    assert desk.panel.prediction is None
    assert desk.panel.note == "cancelled"


def test_progress_says_how_long_the_rest_takes(desk: Table) -> None:
    told: list[str] = []
    desk.panel.observe(lambda change: told.append(change["new"]), "busy")
    with desk.panel.working("Predicting") as work:
        work.tell(0.0, "Predicting: 0%")
        began, fraction = work._began
        work._began, work._last = (began - 10, fraction), 0.0
        work.tell(0.25, "Predicting: 25%")
        work.say("Explaining")
        work.tell(1.0, "Explaining: 100%")
    assert "Predicting: 25%, 30 seconds left" in told
    assert "Explaining: 100%" in told, "what was done before does not count"


# -- what the model answered -------------------------------------------------------------------------------------


def test_the_classes_are_bars_that_stay() -> None:
    image = datasets.load("phantom-xray", n=3, size=(32, 32), task="classification")[0]["image"]
    classifier = zoo.create("covid-resnet", in_channels=1, classes=("healthy", "ill"), variant="medmnist-18")
    desk = Table(classifier, image)
    answer = desk.panel.predict()
    rows = desk.panel.answer_told["rows"]
    assert [row["name"] for row in rows] == ["healthy", "ill"]
    assert [row["value"] for row in rows] == pytest.approx(answer.probabilities, abs=1e-4)
    desk.panel.run("grad-cam")
    assert desk.panel.answer_told["rows"] == rows, "another note does not take them away"
    desk.desk.put(Case(image.with_data(np.zeros_like(image.data))))
    assert desk.panel.answer_told == {}


def test_the_true_class_is_marked() -> None:
    data = datasets.load("phantom-xray", n=8, size=(32, 32), task="classification")
    classifier = zoo.create("covid-resnet", in_channels=1, classes=data.classes, variant="medmnist-18")
    desk = Table(classifier, None)
    index = next(k for k in range(8) if data[k]["label"] == 1)
    desk.desk.put(Case(data[index]["image"], data[index]["label"], data, "all", index))
    desk.panel.predict()
    assert [row["truth"] for row in desk.panel.answer_told["rows"]] == [False, True]


def test_outlines_are_above_maps_and_maps_above_what_fills(model: Any) -> None:
    data = datasets.load("phantom-ct", n=3, size=(16, 14, 12))
    desk = Table(model, None)
    desk.desk.put(Case(data[0]["image"], data[0]["label"], data, "all", 0, code=""))

    def names() -> list[str]:
        return [layer.name for layer in desk.viewer.layers]

    desk.panel.run("saliency", target=1)
    assert names() == ["image", "Saliency: lungs", "truth"]
    desk.panel.predict()
    assert names() == ["image", "prediction", "Saliency: lungs", "truth"]
    desk.panel.color_by = "match"
    assert names() == ["image", "Saliency: lungs", "truth", "prediction"]
    desk.panel.color_by = "class"
    desk.panel.run("occlusion", target=1, window=8, stride=8)
    assert names() == ["image", "prediction", "Saliency: lungs", "Occlusion: lungs", "truth"]


def test_boxes_are_above_maps() -> None:
    data = datasets.load("phantom-cells", n=4, size=(64, 64), task="detection")
    desk = Table(zoo.load("lung-nodules-detection-phantom-cells"), None)
    desk.desk.put(Case(data[0]["image"], data[0]["label"], data, "all", 0, code=""))
    desk.panel.predict()
    desk.panel.run("saliency", target=1)
    assert [layer.name for layer in desk.viewer.layers] == ["image", "Saliency: tumour cell", "prediction", "truth"]
    desk.panel.predict()
    assert [layer.name for layer in desk.viewer.layers] == ["image", "Saliency: tumour cell", "prediction", "truth"]


def test_a_case_without_a_truth_has_no_right_and_wrong(model: Any) -> None:
    data = datasets.load("phantom-ct", n=3, size=(16, 14, 12))
    desk = Table(model, None)
    desk.desk.put(Case(data[0]["image"], data[0]["label"], data, "all", 0, code=""))
    desk.panel.color_by = "match"
    desk.panel.predict()
    assert "color_by='match', truth=sample[\"label\"]" in desk.desk.code()
    desk.desk.put(Case(data[0]["image"], code=""))
    desk.desk.choose(fixed(model))
    desk.panel.predict()
    assert "answer_layer(prediction, volume, model.classes)" in desk.desk.code()
    assert "sample" not in desk.desk.code()
