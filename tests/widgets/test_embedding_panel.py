"""Cases in a plane: where they lie, which are chosen, which is shown."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import OutOfRangeError
from workbench.zoo.shipped import place_of

pytest.importorskip("openTSNE")


@pytest.fixture
def app() -> wb.App:
    app = wb.App("phantom-xray", n=12, size=(32, 32), task="classification")
    app.model.load(place_of("covid-resnet-phantom-xray"))
    return app


def click(panel: Any, **message: Any) -> None:
    panel._on_message(panel, message, [])
    panel.wait(60)


def test_cases_lie_where_embed_lays_them_in_the_colours_of_their_classes(app: wb.App) -> None:
    panel = app.embedding
    click(panel, action="embed")
    assert panel.problem == {}
    dataset = app.desk.case.dataset
    found = wb.explain.embed(app.desk.model(), dataset)
    assert [spot["index"] for spot in panel.spots] == list(range(12))
    assert [group["name"] for group in panel.groups] == ["no lesion", "lesion"]
    assert [spot["group"] for spot in panel.spots] == [int(dataset[n]["label"]) for n in range(12)]
    drawn = np.array([[spot["x"], spot["y"]] for spot in panel.spots])
    low, high = found.points.min(axis=0), found.points.max(axis=0)
    assert np.allclose(drawn, 0.5 + (found.points - (low + high) / 2) / (high - low).max(), atol=1e-3)
    assert np.allclose(drawn.min(axis=0) + drawn.max(axis=0), 1, atol=1e-3), "they lie in the middle of the plane"
    case = app.desk.case
    assert panel.current == dataset.splits[case.split][case.index]


def test_cases_are_chosen_and_the_code_chooses_them_again(app: wb.App) -> None:
    panel = app.embedding
    panel.embed()
    click(panel, action="choose", indices=[7, 2, 5])
    assert panel.chosen == [2, 5, 7]
    counts = [sum(int(app.desk.case.dataset[n]["label"]) == label for n in panel.chosen) for label in (0, 1)]
    told = [f"{n} {name}" for n, name in zip(counts, ("no lesion", "lesion"), strict=True) if n]
    assert panel.chosen_told == f"3 chosen: {', '.join(told)}"
    known: dict[str, Any] = {}
    exec(app.code(), known)
    assert np.allclose(known["embedding"].points, panel._embedding.points, atol=1e-6)
    assert [one["id"] for one in known["chosen"]] == [app.desk.case.dataset[n]["id"] for n in (2, 5, 7)]
    ((caption, picture),) = panel.pictures()
    assert caption == "Cases in a plane, by layer4"
    assert b"<svg" in picture
    with pytest.raises(OutOfRangeError, match=r"got \[99\]"):
        panel.choose([1, 99])


def test_a_click_shows_the_case_and_its_map(app: wb.App) -> None:
    panel = app.embedding
    panel.embed()
    app.explain.method, app.explain.label = "saliency", "1"
    click(panel, action="show", index=9)
    assert panel.problem == {}
    assert np.array_equal(app.desk.case.volume.data, app.desk.case.dataset[9]["image"].data)
    assert (app.data.split, app.data.index, panel.current) == ("all", 9, 9)
    assert len(panel.spots) == 12, "they stay"
    expected = wb.explain(app.desk.model(), app.desk.case.volume, "saliency", 1)
    assert np.allclose(app.explain.explanation.data, expected.data)
    click(panel, action="show", index=99)
    assert "got 99" in panel.problem["cause"]


def test_of_many_cases_some_are_taken_evenly(app: wb.App) -> None:
    panel = app.embedding
    click(panel, action="fill", name="most", text="5")
    panel.embed()
    assert [spot["index"] for spot in panel.spots] == [0, 3, 6, 9]
    assert "wb.explain.embed(model, data[::3])" in panel.snippet()
    click(panel, action="fill", name="most", text="2")
    assert "at least 4" in panel.faults["most"]


def test_without_classes_the_parts_of_the_data_set_are_told_apart() -> None:
    app = wb.App("phantom-xray", n=8, size=(32, 32), task="segmentation")
    app.model.load(place_of("2d-unet-phantom-xray"))
    app.embedding.embed()
    splits = app.desk.case.dataset.splits
    names = [group["name"] for group in app.embedding.groups]
    assert sorted(names) == sorted(name for name, indices in splits.items() if len(indices))
    assert all(spot["index"] in splits[names[spot["group"]]] for spot in app.embedding.spots)


def test_other_data_and_other_models_forget_it(app: wb.App) -> None:
    panel = app.embedding
    panel.embed()
    app.data.load("phantom-xray", n=3, size=(32, 32), task="classification")
    assert (panel.spots, panel.snippet(), panel.facts(), panel.current) == ([], "", {}, -1)


def test_what_lacks_is_said_in_words(app: wb.App, monkeypatch: pytest.MonkeyPatch) -> None:
    app.data.show(app.desk.case.volume)
    assert "single volume" in app.embedding.blocked
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    panel = wb.App("phantom-xray", n=3, size=(32, 32)).embedding
    assert "pip install 'medical-workbench[tsne]'" in panel.blocked
    click(panel, action="embed")
    assert "medical-workbench[tsne]" in panel.problem["cause"]
