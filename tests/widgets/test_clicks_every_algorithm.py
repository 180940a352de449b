"""A click on anything that an algorithm draws explains it: every algorithm of the zoo, through the viewer's handler."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.widgets.explain_table import Table
from tests.widgets.test_app_every_algorithm import TINY
from workbench import explain, zoo
from workbench.errors import InputError
from workbench.shapes import Shapes
from workbench.volume import Volume

#: Of each thing that is drawn, as many are clicked: an untrained network draws hundreds.
_CLICKED = 3
#: From how sure on shapes are drawn, by task.
_SURE = {"detection": 0.0, "ellipses": 0.0, "points": 1e-9}
_SHAPES = {"boxes": explain.Box, "ellipses": explain.Ellipse, "points": explain.Point}


@pytest.fixture(params=sorted(TINY))
def desk(request: Any, monkeypatch: pytest.MonkeyPatch) -> Table:
    name = request.param
    model = zoo.create(name, num_classes=2, **TINY[name])
    # what an untrained network is not sure of is to be drawn all the same
    for told in ("threshold", "confidence"):
        if hasattr(model.task, told) and model.task.kind in _SURE:
            monkeypatch.setattr(model.task, told, _SURE[model.task.kind])
    shape = (16, 16, 16) if model.spatial_ndim == 3 else (64, 64)
    rng = np.random.default_rng(1)
    affine = np.array([[0, 0, 2.0, 1], [1, 0, 0, 2], [0, -1.5, 0, 3], [0, 0, 0, 1]]) if len(shape) == 3 else None
    table = Table(model, Volume(rng.normal(size=shape).astype(np.float32), affine))
    table.desk.model()
    table.panel.least, table.panel.method = 0.0, "saliency"
    answer = table.panel.predict()
    made = painted(answer)
    if made is not answer:
        table.panel._answer.show(made, table.desk.choice, model.classes)
    return table


def painted(answer: Any) -> Any:
    """Return an answer with a label in it, where an untrained network drew none."""
    if isinstance(answer, dict):
        return {name: painted(part) for name, part in answer.items()}
    if not isinstance(answer, Volume) or answer.kind != "labels" or answer.data.any():
        return answer
    data = np.array(answer.data)
    data[tuple(slice(4, 9) for _ in range(answer.spatial_ndim))] = 1
    return answer.with_data(data)


def drawn(answer: Any) -> list[tuple[Any, np.ndarray]]:
    """Return what is to be found where, in mm."""
    if isinstance(answer, Shapes):
        places = np.c_[answer.centers, np.zeros((len(answer), 3 - answer.ndim)), np.ones(len(answer))]
        centers = np.unique((places @ answer.affine.T)[:, :3].round(1), axis=0)
        return [(_SHAPES[answer.kind], place) for place in centers[:: max(1, len(centers) // _CLICKED)][:_CLICKED]]
    found: list[tuple[Any, np.ndarray]] = []
    for part in answer.values() if isinstance(answer, dict) else [answer]:
        if isinstance(part, Volume) and part.kind == "labels":
            for label in [int(value) for value in np.unique(part.data) if value][:_CLICKED]:
                at = np.argwhere(part.data == label)[0]
                found.append(((explain.Region, explain.Output), part.to_world(at)))
        elif isinstance(part, Volume):
            found.append(((explain.Output, explain.Class), part.to_world(np.zeros(part.spatial_ndim))))
    return found


def test_whatever_is_drawn_is_explained_at_a_click(desk: Table) -> None:
    panel, answer = desk.panel, desk.panel.prediction
    things = drawn(answer)
    desk.viewer.tool = "pick"
    for number, (kind, place) in enumerate(things, start=1):
        desk.viewer._click(tuple(place))
        panel.wait(120)
        assert panel.problem == {}
        made = panel.explanation
        assert made is not None
        assert len(panel.maps) == number
        assert isinstance(made.target, kind)
        assert np.isfinite(made.data).all()
        assert panel.target == "drawn"
        assert panel.drawn
        assert str(made.target) in made.title or getattr(made.target, "name", "") in made.title
        assert panel.maps[-1]["label"].startswith("Saliency: ")
    if things:
        compile(panel.snippet(), "snippet", "exec")
    else:
        assert desk.desk.model().task.kind == "classification", "every other algorithm draws something"


def test_every_row_of_the_answer_is_explained_at_a_click(desk: Table) -> None:
    rows = desk.panel.answer_told["rows"]
    for number, row in list(enumerate(rows))[:2]:
        assert row["explains"]
        desk.click(action="explain_row", row=number)
        assert desk.panel.problem == {}
        assert desk.panel.explanation is not None
        asked, made = desk.panel._answer.targets[number], desk.panel.explanation.target
        assert isinstance(made, type(asked))
        assert getattr(made, "which", None) == getattr(asked, "which", None)
    if rows:
        assert len(desk.panel.maps) == len(rows[:2])


def test_a_click_on_a_voxel_is_offered_where_voxels_have_scores(desk: Table) -> None:
    model, volume = desk.desk.model(), desk.desk.case.volume
    voxel = explain.Voxel(mm=tuple(volume.to_world(np.full(volume.spatial_ndim, 5))), label=0)
    refused = False
    try:
        explain.explain(model, volume, "saliency", voxel)
    except InputError as error:
        refused = "one answer for the whole volume" in str(error)
    assert ("voxel" in desk.panel.no_targets) == refused
    nothing_drawn = desk.panel.prediction is not None and desk.panel._answer.layer is None
    assert ("drawn" in desk.panel.no_targets) == nothing_drawn
