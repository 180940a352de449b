import subprocess
import sys
import time
from dataclasses import asdict

import pytest

from workbench.errors import FileError, InputError
from workbench.jobs.display import VIEWS
from workbench.jobs.files import STATUS, write_json
from workbench.training import Recipe, Status
from workbench.training.listing import RunList, runs
from workbench.training.run import create


@pytest.fixture
def run(tmp_path):
    run = create(tmp_path / "20260101-3d-unet", Recipe(algorithm="3d-unet"))
    status = Status(state="failed", epoch=2, epochs=10, cause="<b>loss</b> is NaN", remedy="Lower it.", best_score=0.5)
    write_json(run.path / STATUS, asdict(status) | {"best_epoch": 1, "updated": time.time()})
    return run


@pytest.fixture
def views(monkeypatch):
    """Let these be all the views there are."""

    def only(**places):
        monkeypatch.setattr(VIEWS, "_builtin", places)
        VIEWS.reset()

    yield only
    monkeypatch.undo()
    VIEWS.reset()


class View:
    kind = "training"

    def __init__(self, run):
        self.run = run

    def _repr_mimebundle_(self, **_):
        return {"application/x-view": self.run.id}


def test_a_run_shows_itself_in_text_and_html_without_widgets(run, views):
    views()
    bundle = run._repr_mimebundle_()
    assert "failed, epoch 2/10, best 0.5000 at epoch 1" in bundle["text/plain"]
    assert "remedy: Lower it." in bundle["text/plain"]
    assert "&lt;b&gt;loss" in bundle["text/html"]
    assert "<b>loss" not in bundle["text/html"]
    assert ">2 of 10<" in bundle["text/html"]


def test_a_registered_renderer_is_shown_with_the_text_beside_it(run, views):
    views()
    VIEWS.register(View)
    data, metadata = run._repr_mimebundle_()
    assert data["application/x-view"] == run.id
    assert set(data) == {"application/x-view", "text/plain", "text/html"}
    assert metadata == {}


def test_a_view_that_is_broken_is_told_and_hides_nothing(run, views, plug_ins):
    views()
    plug_ins(VIEWS, training=ImportError("no module of theirs"))
    with pytest.warns(UserWarning, match="The view of jobs plug-in 'training' .* no module of theirs"):
        assert "failed, epoch 2/10" in run._repr_mimebundle_()["text/plain"]


def test_with_the_package_alone_a_run_is_shown_live(run):
    code = (
        "import sys, workbench; assert 'workbench.widgets' not in sys.modules;"
        f"data, _ = workbench.runs({str(run.path.parent)!r})[0]._repr_mimebundle_(); print(*sorted(data))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.split() == ["application/vnd.jupyter.widget-view+json", "text/html", "text/plain"]


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
