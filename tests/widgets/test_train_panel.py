"""The train panel and the view of a run, without a browser, with real runs of a few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench import datasets
from workbench.errors import InputError, StateError
from workbench.training import Run
from workbench.widgets import ModelPanel, RunView, TrainPanel
from workbench.widgets.train_panel import run_label

SMALL = {"width": 2, "depth": 2}
PATIENCE = 120.0


def data() -> datasets.Dataset:
    return datasets.load("phantom-ct", n=6, size=(16, 16, 16))


def make(folder: Path) -> TrainPanel:
    model = ModelPanel()
    loaded = data()
    model.fit(loaded)
    model.options = SMALL
    panel = TrainPanel(model, lambda: loaded, folder)
    panel.data_code = lambda: "data = wb.datasets.load('phantom-ct', n=6, size=(16, 16, 16))"
    panel.batch_size = 2
    return panel


def until(condition: Callable[[], Any], seconds: float = PATIENCE) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def trained(folder: Path) -> TrainPanel:
    """A panel whose run of two epochs has finished."""
    panel = make(folder)
    panel.new_weights = []  # type: ignore[attr-defined]
    panel.on_checkpoint(panel.new_weights.append)  # type: ignore[attr-defined]
    panel._on_message(panel, {"action": "dismiss"}, [])
    panel.set_state({"epochs": 2, "learning_rate": 0.01})
    panel._on_message(panel, {"action": "start"}, [])
    panel.wait(PATIENCE)
    assert panel.problem == {}
    until(lambda: panel.run_state.get("state") in ("finished", "failed"))
    return panel


def test_what_is_missing_is_said_before_anything_is_started(tmp_path: Path) -> None:
    model = ModelPanel()
    panel = TrainPanel(model, lambda: None, tmp_path)
    assert panel.blocked == "Load a data set first"
    with pytest.raises(StateError, match="Load a data set first"):
        panel.start()
    assert panel.run is None
    ready = make(tmp_path)
    assert ready.blocked == ""
    ready.mode = "tune"
    assert "weights" in ready.blocked


def test_the_algorithms_own_recipe_is_offered(tmp_path: Path) -> None:
    panel = TrainPanel(ModelPanel(algorithm="3d-unet"), data, tmp_path)
    from workbench import zoo

    recipe = zoo.algorithm("3d-unet").task.default_recipe()
    assert (panel.epochs, panel.batch_size) == (recipe["epochs"], recipe["batch_size"])
    assert panel.learning_rate == recipe["optimizer"]["lr"]


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


def test_the_model_is_told_of_new_weights(trained: TrainPanel) -> None:
    assert trained.new_weights[-1] == trained.run  # type: ignore[attr-defined]


def test_what_the_panel_says_is_what_the_recipe_says(trained: TrainPanel) -> None:
    assert trained.run is not None
    recipe = trained.run.recipe
    assert (recipe.epochs, recipe.batch_size, recipe.optimizer.lr) == (2, 2, 0.01)
    assert (recipe.options["width"], recipe.options["depth"]) == (2, 2)
    assert recipe.data == data().spec()


def test_code_starts_the_same_run_again(trained: TrainPanel, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBENCH_RUNS", str(folder / "again"))
    scope: dict[str, Any] = {}
    exec(trained.code(), scope)
    again: Run = scope["run"]
    again.stop()
    assert trained.run is not None
    assert again.recipe.model_dump() == trained.run.recipe.model_dump()
    again.wait(PATIENCE)


def test_after_a_restart_of_the_kernel_the_run_is_found_again(trained: TrainPanel, folder: Path) -> None:
    assert trained.run is not None
    later = make(folder)
    assert later.run is None
    later.set_state({"run_id": trained.run.id})
    assert later.run == trained.run
    assert later.run_state["curves"] == trained.run_state["curves"]
    code = later.code()
    assert "recipe" in code
    assert str(trained.run.path) in code
    with pytest.raises(InputError, match="no run 'nonsense'"):
        later.run_id = "nonsense"


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
    panel._model.use_run(trained.run)
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


def test_the_short_name_of_a_run() -> None:
    assert run_label("20261121-140312-3d-unet-8358") == "3d-unet 21.11. 14:03"
    assert run_label("my favourite") == "my favourite"
