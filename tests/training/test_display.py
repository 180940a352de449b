import time
from dataclasses import asdict

import pytest

from workbench.errors import FileError, InputError
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
    assert ">failed</td>" in table._repr_html_()
    assert repr(RunList()) == "No runs."
    with pytest.raises(FileError, match=r"There is no folder .*nothing\..*wb\.runs\(\)\[\"nothing\"\]"):
        runs(run.path.parent / "nothing")
    with pytest.raises(InputError, match=r"wb\.runs\(\) got an unknown option 'foldr'\. Did you mean 'folder'"):
        runs(foldr=run.path.parent)


def test_a_run_is_found_by_its_name_or_id(run):
    folder = run.path.parent
    older, newer = (create(folder / f"20270101-{end}", Recipe(algorithm="2d-unet")) for end in "xy")
    for one in (older, newer):
        one.rename("with more epochs")
    found = runs(folder)
    assert found["with more epochs"] == newer
    assert found[older.id] == older
    assert found[0] == newer
    assert found[1:] == [older, run]
    assert "20270101-y" not in repr(found[1:])
    with pytest.raises(InputError, match=r"Unknown run 'with more epoch'\. Did you mean 'with more epochs'"):
        found["with more epoch"]
    (newer.path / "name.json").write_text("{")
    assert runs(folder)["with more epochs"] == older, "a damaged name hides nothing else"


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda run: run.resume(epoch=2), r"run\.resume\(\) got an unknown option 'epoch'\. Did you mean 'epochs'"),
        (lambda run: run.wait(time=2), r"run\.wait\(\) got an unknown option 'time'\. Did you mean 'timeout'"),
        (lambda run: run.model(epochs=2), r"run\.model\(\) got an unknown option 'epochs'\. Did you mean 'epoch'"),
        (lambda run: run.evaluate(spilt="val"), r"'spilt'\. Did you mean 'split'"),
    ],
)
def test_an_unknown_keyword_names_the_nearest(run, call, words):
    with pytest.raises(InputError, match=words):
        call(run)
