"""The trust panel: which checks can be asked, what they find, the code."""

from __future__ import annotations

import json
from typing import Any

import pytest

import workbench as wb
from workbench.errors import StateError
from workbench.widgets.trust_panel import TrustPanel
from workbench.zoo.shipped import place_of


@pytest.fixture
def app() -> wb.App:
    app = wb.App("phantom-xray", n=3, size=(32, 32), task="segmentation")
    app.model.load(place_of("2d-unet-phantom-xray"))
    return app


def click(panel: Any, **message: Any) -> None:
    panel._on_message(panel, message, [])
    panel.wait(60)


def by_name(panel: TrustPanel) -> dict[str, Any]:
    return {one["value"]: one for one in panel.checks}


def test_what_cannot_be_asked_says_why(app: wb.App) -> None:
    panel = app.trust
    assert panel.blocked == "There is no map over the image: make one first"
    assert [one["value"] for one in panel.checks] == [one.name for one in wb.explain.checks()]
    assert [one["value"] for one in panel.masks] == ["truth"]
    assert panel.mask == "truth"
    app.explain.run("saliency", target=1)
    assert panel.blocked == ""
    assert by_name(panel)["agreement"]["reason"] == "it compares maps, and there is one"
    assert by_name(panel)["energy"]["chosen"]
    panel.mask = ""
    assert by_name(panel)["energy"]["reason"] == "it compares the map with labels, and there are none"
    assert not by_name(panel)["energy"]["chosen"]
    assert json.loads(json.dumps(panel.checks)) == panel.checks


def test_every_map_is_asked_and_the_code_asks_again(app: wb.App) -> None:
    app.explain.run("saliency", target=1)
    app.explain.run("input-x-gradient", target=1)
    app.trust.wanted = {"deletion": False, "randomisation": False, "iou-best": True}
    click(app.trust, action="run")
    assert app.trust.problem == {}
    names = ["pointing-game", "energy", "iou-best", "agreement"]
    questions = [next(one.title for one in wb.explain.checks() if one.name == name) for name in names]
    layers = [layer.name for layer in app.viewer.layers if ": " in layer.name]
    assert [(one["map"], one["question"]) for one in app.trust.said] == [
        (layer, question) for layer in layers for question in questions
    ]
    by_hand = wb.explain.score(
        [one for one, _ in app.desk.made(wb.explain.Explanation).values()], app.desk.case.annotation, names
    )
    assert [one["sentence"] for one in app.trust.said] == [row["what it means"] for row in by_hand.rows]
    assert app.trust.facts() == {"checks of the maps": app.trust.said}
    known: dict[str, Any] = {}
    exec(app.code(), known)
    again = [(row["map"], row["verdict"], row["what it means"]) for row in known["scores"].rows]
    assert again == [(row["map"], row["verdict"], row["what it means"]) for row in by_hand.rows]


def test_curves_go_into_the_report_and_all_is_gone_with_the_case(app: wb.App) -> None:
    app.explain.run("saliency", target=1)
    app.trust.wanted = {name: name == "deletion" for name in by_name(app.trust)}
    scores = app.trust.run()
    assert [one.check.name for one in scores.found] == ["deletion"]
    ((caption, drawn),) = app.trust.pictures()
    assert caption == "Checks of the maps"
    assert b"<svg" in drawn
    app.data.select(0, "train")
    assert (app.trust.said, app.trust.snippet(), app.trust.pictures()) == ([], "", [])
    assert app.trust.blocked == "There is no map over the image: make one first"
    with pytest.raises(StateError, match="make one first"):
        app.trust.run()


def test_over_the_data_set_is_a_job_whose_leaderboard_is_shown(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path))
    app = wb.App("phantom-xray", n=3, size=(32, 32), task="classification", seed=1)
    app.model.load(place_of("covid-resnet-phantom-xray"))
    assert app.trust.over_blocked == "There is no map over the image: make one first"
    with pytest.raises(StateError, match="There is no map over the image"):
        app.trust.begin_over()
    app.explain.run("saliency", target=1)
    app.explain.run("occlusion", target=1, window=16, stride=16)
    app.trust.wanted = {"deletion": False, "randomisation": False, "agreement": True}
    click(app.trust, action="over")
    assert app.trust.problem == {}
    assert app.trust.begun == "Asking 1 question of 2 methods, case by case, in the background."
    (job,) = wb.jobs(kind="explanation-scores")
    assert job.wait(120).state == "finished", f"{job!r}\n{job.log()}"
    found = job.result()
    assert found.note["methods"] == {"saliency": {}, "occlusion": {"window": 16, "stride": 16}}
    assert "agreement" in found.checks
    assert (found.note["target"], found.note["split"]) == (1, app.desk.case.split)
    app.jobs.refresh()
    app.jobs.open_result(job.id)
    assert app.jobs.result["title"] == found.headline
    assert [row[2] for row in app.jobs.result["rows"]] == [row["method"] for row in found.leaderboard.rows]


def test_an_image_that_was_opened_alone_has_no_data_set() -> None:
    app = wb.App(wb.datasets.load("phantom-xray", n=1, size=(32, 32))[0]["image"])
    app.model.load(place_of("2d-unet-phantom-xray"))
    app.explain.run("saliency", target=1)
    assert app.trust.over_blocked == "There is no data set: the image was opened alone"
