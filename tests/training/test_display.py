import time
from dataclasses import asdict

import pytest

from workbench.training import Recipe, Status, display
from workbench.training.listing import RunList, runs
from workbench.training.run import create
from workbench.training.store import STATUS, write_json


@pytest.fixture
def run(tmp_path):
    run = create(tmp_path / "20260101-3d-unet", Recipe(algorithm="3d-unet"))
    status = Status(state="failed", epoch=2, epochs=10, cause="<b>loss</b> is NaN", remedy="Lower it.", best_score=0.5)
    write_json(run.path / STATUS, asdict(status) | {"best_epoch": 1, "updated": time.time()})
    return run


@pytest.fixture
def renderer(monkeypatch):
    def register(function):
        monkeypatch.setattr(display, "_renderer", function)

    return register


def test_a_run_shows_itself_in_text_and_html_without_widgets(run, renderer, monkeypatch):
    renderer(None)
    monkeypatch.setattr(display.importlib.util, "find_spec", lambda name: None)
    bundle = run._repr_mimebundle_()
    assert "failed, epoch 2/10, best 0.5000 at epoch 1" in bundle["text/plain"]
    assert "remedy: Lower it." in bundle["text/plain"]
    assert "&lt;b&gt;loss" in bundle["text/html"]
    assert "<b>loss" not in bundle["text/html"]


def test_a_registered_renderer_is_shown_with_the_text_beside_it(run, renderer):
    renderer(lambda run: {"application/x-view": run.id})
    data, metadata = run._repr_mimebundle_()
    assert data["application/x-view"] == run.id
    assert set(data) == {"application/x-view", "text/plain", "text/html"}
    assert metadata == {}


def test_the_list_of_runs_is_a_table_newest_first(run):
    create(run.path.parent / "20270101-x", Recipe(algorithm="2d-unet"))
    table = runs(run.path.parent)
    assert [item.id for item in table] == ["20270101-x", run.id]
    assert repr(table).splitlines()[2].split() == [
        run.id, "data", "in", "memory", "failed", "2/10", "0.5000", "at", "1",
    ]  # fmt: skip
    assert "<td>failed</td>" in table._repr_html_()
    assert repr(RunList()) == "No runs."
    assert runs(run.path.parent / "nothing") == []
