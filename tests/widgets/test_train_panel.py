"""The train panel and the view of a run, without a browser, with real runs of a few seconds."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench import datasets, training, zoo
from workbench.errors import InputError, StateError
from workbench.jobs.lock import holder
from workbench.training import Run
from workbench.widgets import DataPanel, Desk, ModelPanel, RunView, TrainPanel

SMALL = {"width": 2, "depth": 2}
PATIENCE = 120.0
DATA = {"n": 6, "size": (16, 16, 16)}


def make(folder: Path) -> TrainPanel:
    """A train panel at a desk with data and a small network."""
    desk = Desk(folder)
    DataPanel(desk).load("phantom-ct", **DATA)
    ModelPanel(desk).options = SMALL
    panel = TrainPanel(desk)
    panel.batch_size = 2
    return panel


def of_desk(kind: Any, panel: TrainPanel) -> Any:
    return next(one for one in panel.desk.panels if isinstance(one, kind))


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def click(panel: Any, **message: Any) -> None:
    panel._on_message(panel, message, [])
    panel.wait(PATIENCE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trained(folder: Path) -> TrainPanel:
    """A panel whose run of two epochs has finished."""
    panel = make(folder)
    panel.new_weights = []  # type: ignore[attr-defined]
    panel.on_checkpoint(panel.new_weights.append)  # type: ignore[attr-defined]
    for name, text in {"epochs": "2", "learning_rate": "0.01", "called_run": "first try"}.items():
        click(panel, action="fill", name=name, text=text)
    click(panel, action="start")
    assert panel.problem == {}
    until(lambda: panel.run_state.get("state") in ("finished", "failed"))
    return panel


def test_what_is_missing_is_said_before_anything_is_started(tmp_path: Path) -> None:
    panel = TrainPanel(Desk(tmp_path))
    assert panel.blocked == "Load a data set first"
    with pytest.raises(StateError, match="Load a data set first"):
        panel.start()
    assert panel.run is None
    ready = make(tmp_path)
    assert ready.blocked == ""
    ready.mode = "tune"
    assert "weights" in ready.blocked


def test_the_algorithms_own_recipe_is_offered(tmp_path: Path) -> None:
    panel = make(tmp_path)
    recipe = zoo.algorithm("3d-unet").plan()
    assert panel.epochs == recipe["epochs"]
    assert panel.learning_rate == recipe["optimizer"]["lr"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("learning_rate", "-1", "Learning rate must be a number, above 0, got -1. The default is 0.002."),
        ("epochs", "abc", "Epochs must be a whole number, at least 1, got 'abc'. The default is 30."),
        ("learning_rate", "0", "above 0, got 0"),
        ("learning_rate", "nan", "a number, above 0, got 'nan'"),
        ("learning_rate", "much", "got 'much'"),
        ("epochs", "2.5", "Epochs must be a whole number, at least 1, got 2.5"),
        ("epochs", "0", "at least 1, got 0"),
        ("epochs", "", "got nothing"),
        ("batch_size", "-3", "Batch must be a whole number, at least 1, got -3"),
        ("seed", "-1", "Seed must be a whole number, at least 0 and at most 9.22337e+18, got -1"),
        ("seed", str(10**30), "at most 9.22337e+18"),
        ("called_run", "x" * 81, "one line of at most 80 characters"),
    ],
)
def test_a_wrong_field_is_told_beside_it_and_nothing_starts(tmp_path: Path, name: str, text: str, told: str) -> None:
    panel = make(tmp_path)
    before = getattr(panel, name)
    click(panel, action="fill", name=name, text=text)
    assert told in panel.faults[name]
    assert told in panel.blocked
    assert getattr(panel, name) == before
    click(panel, action="start")
    assert told in panel.problem["cause"]
    assert training.runs(tmp_path) == []
    click(panel, action="fill", name=name, text=str(before))
    assert (panel.faults, panel.blocked) == ({}, "")


def test_what_is_to_be_frozen_has_to_be_there(tmp_path: Path) -> None:
    panel = make(tmp_path)
    panel.desk.model()
    panel.mode = "tune"
    click(panel, action="fill", name="freeze", text="encoder.*, nothing.*")
    assert "'nothing.*'" in panel.faults["freeze"] or "'encoder.*'" in panel.faults["freeze"]
    click(panel, action="fill", name="freeze", text="encoders.*")
    assert panel.faults == {}
    assert panel.freeze == "encoders.*"


def test_a_wrong_value_in_code_is_the_same_error(tmp_path: Path) -> None:
    panel = make(tmp_path)
    with pytest.raises(InputError, match="Learning rate must be a number, above 0, got -1"):
        panel.learning_rate = -1
    with pytest.raises(InputError, match="Epochs must be a whole number"):
        panel.start(epochs=0)


@pytest.mark.slow
def test_a_very_large_run_is_asked_about_with_time_and_memory(tmp_path: Path) -> None:
    panel = make(tmp_path)
    click(panel, action="fill", name="epochs", text=str(10**11))
    click(panel, action="start")
    assert training.runs(tmp_path) == [], "nothing starts before the answer"
    assert panel.question["title"] == "This run would be very large."
    assert re.search(r"about [\d.,]+ (days|years)", panel.question["text"]), "how many depends on the machine"
    assert "MB of memory" in panel.question["text"]
    assert "measured on this machine" in panel.question["text"]
    click(panel, action="answer", yes=False)
    assert panel.question == {}
    assert training.runs(tmp_path) == []
    click(panel, action="start")
    click(panel, action="answer", yes=True)
    until(lambda: training.runs(tmp_path))
    run = training.runs(tmp_path)[0]
    assert run.recipe.epochs == 10**11
    until(lambda: run.status["step"] or run.status["epoch"] > 1)
    run.stop().wait(PATIENCE)


def test_a_run_is_watched_to_its_end(trained: TrainPanel) -> None:
    state = trained.run_state
    assert state["state"] == "finished"
    assert state["progress"] == 1.0
    assert [epoch for epoch, _ in state["curves"]["loss"]] == [1, 2]
    assert state["curves"]["steps"][-1][0] == 2.0, "steps are told as shares of an epoch"
    assert {"dice", "lungs"} <= set(state["curves"]["metrics"])
    assert trained.note == "finished"
    until(lambda: "finished" in trained.runs[0]["label"])
    assert trained.runs[0]["alive"] is False


def test_runs_are_told_apart_by_name_data_and_second(trained: TrainPanel) -> None:
    run = trained.run
    assert run is not None
    assert run.name == "first try"
    started = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(run.status["started"]))
    assert trained.runs[0]["label"] == f"first try, {started}, finished"
    click(trained, action="rename", name="")
    assert trained.runs[0]["label"] == f"3d-unet on phantom-ct, {started}, finished"
    click(trained, action="rename", name="x" * 100)
    assert "at most 80 characters" in trained.problem["cause"]
    click(trained, action="rename", name="first try")
    assert run.name == "first try"


def test_the_model_is_told_of_new_weights(trained: TrainPanel) -> None:
    assert trained.new_weights[-1] == trained.run  # type: ignore[attr-defined]
    assert trained.desk.choice.run == trained.run


def test_what_the_panel_says_is_what_the_recipe_says(trained: TrainPanel) -> None:
    assert trained.run is not None
    recipe = trained.run.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.optimizer.lr) == (2, 2, 0.01)
    assert (recipe.options["width"], recipe.options["depth"]) == (2, 2)
    assert recipe.data == datasets.load("phantom-ct", **DATA).spec()


def test_code_of_a_run_finds_it_and_does_not_train_again(trained: TrainPanel, folder: Path) -> None:
    before = len(training.runs(folder))
    code = trained.code()
    assert "# run = wb.train(" in code, "how it was started is told, but not done again"
    scope: dict[str, Any] = {}
    exec(code, scope)
    assert scope["run"] == trained.run
    assert len(training.runs(folder)) == before


def test_code_before_there_is_a_run_starts_the_one_that_start_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make(tmp_path)
    panel.epochs = 1
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "by-code"))
    scope: dict[str, Any] = {}
    exec(panel.code(), scope)
    started: Run = scope["run"]
    started.stop()
    assert (started.recipe.epochs, started.recipe.batch_size, started.recipe.options["width"]) == (1, 2, 2)
    assert started.recipe.data == panel.desk.case.dataset.spec()
    started.wait(PATIENCE)


def test_after_a_restart_of_the_kernel_the_run_is_found_again(trained: TrainPanel, folder: Path) -> None:
    assert trained.run is not None
    later = make(folder)
    assert later.run is None
    later.set_state({"run_id": trained.run.id})
    assert later.run == trained.run
    assert later.run_state["curves"] == trained.run_state["curves"]
    with pytest.raises(InputError, match="no run 'nonsense'"):
        later.run_id = "nonsense"


def test_show_it_restores_data_model_and_form(trained: TrainPanel, folder: Path) -> None:
    assert trained.run is not None
    desk = Desk(folder)
    data, model, panel = DataPanel(desk), ModelPanel(desk), TrainPanel(desk)
    data.load("phantom-xray", n=4, size=(16, 16), task="classification")
    click(panel, action="show", run=trained.run.id)
    assert panel.problem == {}
    assert (data.name, data.options["n"]) == ("phantom-ct", 6)
    assert data.dataset is not None
    assert data.dataset.fingerprint() == datasets.load("phantom-ct", **DATA).fingerprint()
    assert (model.algorithm, model.weights, model.run) == ("3d-unet", "run", trained.run)
    assert (panel.epochs, panel.batch_size, panel.learning_rate, panel.run) == (2, 2, 0.01, trained.run)
    assert panel.blocked == ""


def test_runs_are_found_wherever_they_were_started(
    trained: TrainPanel, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WORKBENCH_RUNS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert trained.run in training.runs(), "started in another folder"
    assert trained.run.id in [row["value"] for row in TrainPanel(Desk()).runs]  # type: ignore[union-attr]
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path))
    assert training.runs() == [], "the one folder that the variable names"


@pytest.mark.slow
def test_stop_and_resume(tmp_path: Path) -> None:
    panel = make(tmp_path)
    run = panel.start(epochs=500)
    with pytest.raises(StateError, match="Stop it first"):
        panel.start()
    until(lambda: panel.run_state["curves"]["steps"])
    panel._on_message(panel, {"action": "stop"}, [])
    until(lambda: panel.run_state["state"] == "stopped")
    done = run.status["epoch"]
    assert done < 500
    panel.resume(epochs=done + 1)
    until(lambda: panel.run_state["state"] == "finished")
    assert run.status["epochs"] == done + 1


@pytest.mark.slow
def test_a_killed_run_is_called_interrupted_and_can_be_resumed(tmp_path: Path) -> None:
    panel = make(tmp_path)
    run = panel.start(epochs=500)
    until(lambda: panel.run_state["curves"]["steps"])
    owner = holder(run.path)
    assert owner is not None
    os.kill(owner.pid, signal.SIGKILL)
    until(lambda: panel.run_state["state"] == "lost")
    assert panel.run_state["said"] == panel.note == "interrupted"
    assert panel.run_state["message"] == "The run was interrupted."
    until(lambda: panel.runs[0]["interrupted"])
    assert panel.runs[0]["label"].endswith("interrupted")
    assert "interrupted" in repr(run)
    assert "interrupted" in repr(training.runs(tmp_path))
    done = run.status["epoch"]
    panel.resume(epochs=done + 1)
    until(lambda: panel.run_state["state"] == "finished")


def test_a_run_that_fails_tells_cause_and_remedy(tmp_path: Path) -> None:
    panel = make(tmp_path)
    panel.start(epochs=3, lr=1e30)
    until(lambda: panel.run_state["state"] == "failed")
    assert "loss" in panel.run_state["cause"].lower()
    assert "rate" in panel.run_state["remedy"].lower()


def test_a_run_of_a_cell_shows_itself_live(trained: TrainPanel) -> None:
    assert trained.run is not None
    bundle, _ = trained.run._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    assert trained.run.id in bundle["text/plain"]
    view = RunView(trained.run)
    assert view.run_state["curves"] == trained.run_state["curves"]
    scope: dict[str, Any] = {}
    exec(view.code(), scope)
    assert scope["run"] == trained.run


def test_fine_tuning_goes_on_from_the_weights_of_the_model_panel(trained: TrainPanel, folder: Path) -> None:
    assert trained.run is not None
    panel = make(folder / "tuned")
    of_desk(ModelPanel, panel).use_run(trained.run)
    panel.mode = "tune"
    panel.freeze = "encoders.*, head"
    assert panel.blocked == ""
    run = panel.start(epochs=1)
    assert run.recipe.freeze == ("encoders.*", "head")
    run.wait(PATIENCE)
    assert run.state == "finished", run.status["cause"]
    before, after = trained.run.model(), run.model()
    old, new = (one.framework.state(one.module) for one in (before, after))
    assert (old["head.weight"] == new["head.weight"]).all(), "what is frozen stays"
    assert any((old[name] != new[name]).any() for name in old if name.startswith("decoders"))


def asked(panel: TrainPanel, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return what the page is answered when it asks for the plan."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(panel, "send", told.append)
    panel._on_message(panel, {"action": "plan", "ask": 7}, [])
    (answer,) = told
    assert answer.pop("answer") == 7
    return answer


def test_a_field_says_why_it_holds_what_is_proposed_and_no_other_value(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    panel = TrainPanel(desk)
    assert panel.why == {}
    data = DataPanel(desk)
    data.load("phantom-ct", **{**DATA, "n": 4})
    ModelPanel(desk).options = SMALL
    cases = len(desk.case.dataset.splits["train"])
    assert (panel.batch_size, panel.why["batch_size"]) == (cases, f"{cases} cases to learn from")
    usual = f"for sets of a few hundred images; there are {cases} cases to learn from"
    assert panel.why["epochs"] == panel.why["learning_rate"] == usual
    panel.fill("epochs", "3")
    assert {*panel.why} == {"batch_size", "learning_rate"}
    panel.fill("epochs", str(panel._plan["epochs"]))
    assert {*panel.why} == {"epochs", "batch_size", "learning_rate"}
    data.load("phantom-ct", **DATA)
    assert "batch_size" not in panel.why, "of other data something else would be proposed"


def test_the_whole_plan_is_told_with_reasons_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel = make(tmp_path)
    panel.epochs = 3
    answer = asked(panel, monkeypatch)
    assert answer["head"] == ["key", "value", "because"]
    told = {key: (value, because) for key, value, because in answer["rows"]}
    assert (told["epochs"], told["batch_size"]) == (("3", ""), ("2", "")), "what was typed needs no reason"
    assert told["preprocess"][1] == "each image is standardised by itself, whatever its unit"
    assert told["patch_size"][1] == "longer axes would be cut to it; these images have none", "images are looked at"
    assert told["optimizer"][1].startswith("for sets of a few hundred images; there ")
    assert asked(TrainPanel(), monkeypatch) == {"error": "Load a data set first."}
