"""The desk: what fits together, and that nothing of other data is left standing."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import datasets, zoo
from workbench.errors import StateError
from workbench.volume import Volume
from workbench.widgets import App, Case, DataPanel, Desk, DeskPanel, fit
from workbench.widgets.choice import Choice
from workbench.widgets.desk_panel import PANELS

#: Per task: a data set for it, and a network that is tiny.
DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "classification": ("phantom-xray", {"n": 6, "size": (64, 64)}),
    "segmentation": ("phantom-xray", {"n": 6, "size": (64, 64)}),
    "localisation": ("phantom-xray", {"n": 6, "size": (64, 64)}),
    "joint": ("phantom-xray", {"n": 6, "size": (64, 64)}),
    "instances": ("phantom-cells", {"n": 6, "size": (64, 64)}),
    "detection": ("phantom-cells", {"n": 6, "size": (64, 64)}),
    "points": ("phantom-cells", {"n": 6, "size": (64, 64)}),
    "ellipses": ("phantom-cells", {"n": 6, "size": (64, 64)}),
}
TRAINED = {one.task: one for one in zoo.trained() if one.algorithm != "3d-unet"}


def load(app: App, task: str) -> None:
    name, options = DATA[task]
    app.data.load(name, task=task, **options)


@pytest.fixture(scope="module")
def empty() -> App:
    return wb.App()


def test_every_kind_of_task_is_gone_through() -> None:
    assert set(DATA) == set(datasets.TASKS) == set(TRAINED)


@pytest.mark.parametrize(("before", "after"), [*itertools.permutations(sorted(DATA), 2)])
def test_nothing_of_one_task_is_left_when_data_of_another_are_loaded(empty: App, before: str, after: str) -> None:
    app, model = empty, TRAINED[before]
    load(app, before)
    app.model.load(model.name)
    app.explain.predict()
    app.explain.run("saliency")
    assert app.explain.maps
    told = json.dumps([app.explain.labels, app.explain.answer_told])
    assert app.desk.choice.classes[-1] in told

    load(app, after)
    dataset = app.data.dataset
    assert app.desk.choice is None or app.desk.choice.card.task == after
    assert (app.explain.maps, app.explain.answer_told, app.explain.prediction) == ([], {}, None)
    assert app.explain.strip.tiles == []
    assert {layer.name for layer in app.viewer.layers} <= {"image", "truth"}
    assert (app.model.weights, app.model.trained_name) == ("new", "")
    assert app.desk.built is None
    known = set(app.desk.choice.classes)
    assert known == set(dataset.classes), "classes of the new data and no others"
    assert {row["label"].split(" ", 1)[-1] for row in app.explain.labels[1:]} == known
    assert f"{dataset.num_classes} classes out" in app.model.details
    # what was used before is still there to be chosen, disabled and with its reason
    row = next(row for row in app.model.trained if row["value"] == model.name)
    assert not row["enabled"]
    assert f"is for {before}, these data are for {after}" in row["reason"]

    # opened all the same, it is shown for what it is, and nothing can be done with it
    app.model.load(model.name)
    reason = f"{model.algorithm} is for {before}, these data are for {after}"
    assert app.model.misfit == app.explain.blocked == app.train.blocked == reason
    app.train.mode = "tune"
    assert app.train.blocked == reason
    app.train.mode = "new"
    for act in (app.explain.predict, app.explain.run, app.train.start):
        with pytest.raises(StateError, match=f"for {before}"):
            act()
    channels = app.desk.choice.in_channels
    assert (
        f"{channels} channel{'' if channels == 1 else 's'} in, {app.desk.choice.num_classes} classes"
        in app.model.details
    )


def test_the_card_tells_of_the_model_and_not_of_the_data(empty: App) -> None:
    empty.data.load("phantom-ct", n=4, size=(16, 16, 16))
    saved = zoo.create("3d-unet", in_channels=1, classes=("background", "tumour"), width=2, depth=2)
    desk = empty.desk
    desk.choose(
        Choice("3d-unet", num_classes=2, classes=saved.classes, options={"width": 2, "depth": 2}, origin="file")
    )
    assert "1 channel in, 2 classes out" in empty.model.details
    assert "other classes (background, tumour)" in empty.model.doubt
    assert empty.explain.blocked == "", "it may still be asked"
    assert [row["label"] for row in empty.explain.labels[1:]] == ["0 background", "1 tumour"]


def test_other_classes_of_the_same_task_are_put_away_with_the_data(empty: App, tmp_path: Path) -> None:
    load(empty, "classification")
    model = zoo.create("covid-resnet", in_channels=1, classes=("well", "ill"), variant="small", width=4)
    empty.model.load(model.save(tmp_path / "a.safetensors"))
    assert empty.explain.blocked == ""
    empty.data.load("phantom-xray", n=7, size=(64, 64), task="classification")
    assert empty.model.weights == "new"
    assert "put away" in empty.model.note
    assert "well" not in json.dumps(empty.explain.labels)


def test_weights_that_fit_the_new_data_stay(empty: App) -> None:
    load(empty, "classification")
    empty.model.load("covid-resnet-phantom-xray")
    empty.data.load("phantom-xray", n=9, size=(64, 64), task="classification", seed=3)
    assert empty.model.trained_name == "covid-resnet-phantom-xray"
    assert empty.explain.blocked == ""


def test_dimensions_and_channels_are_told() -> None:
    flat = Case(Volume(np.zeros((8, 8, 3), np.uint8), axes=("i", "j", "c")))
    assert "for 3D data, this is 2D" in fit.algorithm_misfit(zoo.card("3d-unet"), flat)
    grey = Choice("2d-unet", in_channels=1)
    assert fit.choice_misfit(grey, flat) == "2d-unet was made for 1 channel, the image has 3 channels"
    assert fit.choice_misfit(grey, None) == ""
    assert fit.training_misfit(grey, flat, tune=False) == "Load a data set first"


def test_another_case_of_the_same_data_keeps_the_model_and_takes_the_maps_away(empty: App) -> None:
    empty.data.load("phantom-ct", n=6, size=(16, 16, 16))
    empty.model.options = {"width": 2, "depth": 2}
    empty.explain.predict()
    empty.explain.run("saliency", target=1)
    choice = empty.desk.choice
    empty.data.select(1, "train")
    assert empty.desk.choice == choice
    assert [layer.name for layer in empty.viewer.layers] == ["image", "truth"]
    assert (empty.explain.maps, empty.explain.prediction, empty.desk.selection) == ([], None, None)


class Notes(DeskPanel):
    """A panel of somebody else."""

    called = "notes"
    order = 9
    text = ""

    def snippet(self) -> str:
        return f"notes = {self.text!r}"

    def facts(self) -> dict[str, Any]:
        return {"notes": {"text": self.text}}

    def pictures(self) -> list[tuple[str, bytes]]:
        return [("a picture of mine", b"<svg xmlns='http://www.w3.org/2000/svg'/>")]


def test_a_further_panel_is_in_app_code_and_report_without_touching_them(plug_ins: Any, tmp_path: Path) -> None:
    plug_ins(PANELS, notes=Notes)
    app = wb.App("phantom-ct", n=4, size=(16, 16, 16))
    app.notes.text = "seen"
    assert app.notes.number == "10"
    scope: dict[str, Any] = {}
    exec(app.code(), scope)
    assert scope["notes"] == "seen"
    page = app.report(tmp_path / "report.html").read_text()
    assert "a picture of mine" in page
    assert app.parameters()["notes"] == {"text": "seen"}


def test_a_panel_can_be_declared_in_a_cell(plug_ins: Any) -> None:
    plug_ins(PANELS)
    wb.widgets.register(Notes)
    assert "notes" in wb.App().panels


def test_a_broken_panel_of_somebody_else_is_told_and_hides_nothing(plug_ins: Any) -> None:
    plug_ins(PANELS, broken=ImportError("no such module"))
    with pytest.warns(UserWarning, match=r"panel plug-in 'broken'.*no such module"):
        app = wb.App()
    assert list(app.panels) == [
        "demos",
        "data",
        "model",
        "train",
        "explain",
        "trust",
        "inside",
        "embedding",
        "tools",
        "jobs",
    ]


def test_an_attribute_that_is_no_panel_is_named(empty: App) -> None:
    with pytest.raises(AttributeError, match=r"'trian'.*train"):
        _ = empty.trian


def test_a_desk_without_an_app_serves_a_single_panel() -> None:
    panel = DataPanel()
    panel.load("phantom-ct", n=3, size=(8, 8, 8))
    assert isinstance(panel.desk, Desk)
    assert [layer.name for layer in panel.desk.viewer.layers] == ["image", "truth"]
