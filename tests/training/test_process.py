"""The worker as a process of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from workbench import datasets
from workbench.errors import FileError, InputError, StateError
from workbench.jobs import faults
from workbench.jobs.files import write_json
from workbench.jobs.kind import write_note
from workbench.jobs.lock import holder
from workbench.jobs.resources import Resources
from workbench.training import Optimizer, Recipe, Run, fit, runs, train
from workbench.training.checkpoint import Checkpoints, Position
from workbench.training.run import create

from .conftest import outcome, volumes

LONG = {"epochs": 2000, "checkpoint_every": 1000, "num_threads": 1, "width": 2, "depth": 2, "batch_size": 2}


def until(condition, timeout=60.0):
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


@pytest.fixture
def started():
    """Runs to be stopped when the test is over, however it ends."""
    found = []
    yield found
    for run in found:
        owner = holder(run.path)
        if owner is not None:
            os.kill(owner.pid, signal.SIGKILL)


def test_from_training_to_a_model(boxes, tmp_path):
    began, work = time.monotonic(), time.process_time()
    run = train("3d-unet", boxes, epochs=2, num_threads=1, width=2, depth=2, folder=tmp_path)
    # Work under a second; the clock is given more, as the machine may be busy with other tests.
    assert time.process_time() - work < 1
    assert time.monotonic() - began < 5
    assert run.state in ("created", "running")
    assert run.wait(60).state == "finished", run.log()
    assert [line["epoch"] for line in run.metrics() if line["kind"] == "epoch"] == [1, 2]
    steps = [line for line in run.metrics() if line["kind"] == "step"]
    assert all({"loss", "lr", "seconds", "time"} <= set(line) for line in steps)
    assert run.status["progress"] == 1
    assert run.manifest["splits"] == boxes.splits
    assert run.manifest["data"]["fingerprint"] == boxes.fingerprint()
    image = boxes[7]["image"]
    found = run.model().predict(image)
    assert found.same_grid(image)
    scores = run.evaluate("test", epoch="best")
    assert 0 <= scores["dice"] <= 1
    assert json.loads((run.path / "evaluation-test.json").read_text()) == scores
    assert run.model(1).weights_fingerprint() != run.model(2).weights_fingerprint()
    assert runs(tmp_path) == [run]
    assert Run(run.path) == run
    assert "finished, epoch 2/2" in repr(run)


def test_the_worker_outlives_its_kernel_and_works_where_the_run_is(boxes, tmp_path, started):
    code = (
        "import sys, json, time; from workbench import datasets, train\n"
        "spec, options, folder = map(json.loads, sys.argv[1:])\n"
        "run = train('3d-unet', datasets.from_spec(spec), folder=folder, **options)\n"
        "print(run.path, flush=True); time.sleep(60)"
    )
    arguments = [json.dumps(item) for item in (boxes.spec(), LONG, str(tmp_path))]
    kernel = subprocess.Popen([sys.executable, "-c", code, *arguments], stdout=subprocess.PIPE, text=True)
    run = Run(kernel.stdout.readline().strip())
    started.append(run)
    os.kill(kernel.pid, signal.SIGKILL)
    kernel.wait()
    until(lambda: len(run.metrics()) > 5)
    assert run.state == "running"
    pid = run.status["pid"]
    assert os.getsid(pid) == pid
    if Path("/proc").is_dir():
        assert Path(f"/proc/{pid}/cwd").resolve() == run.path
    with pytest.raises(StateError, match=f"process {pid} "):
        run.resume()
    run.stop()
    assert run.state in ("stopping", "stopped")
    run.wait(30)
    assert run.state == "stopped"
    assert not (run.path / "control.json").exists()
    steps = [line["step"] for line in run.metrics() if line["kind"] == "step"]
    assert steps == list(range(1, len(steps) + 1))
    assert run.checkpoint("last").position.global_step == steps[-1]


@pytest.mark.slow
def test_killed_in_the_middle_resumed_extended_and_the_same_as_never_killed(recipe_of, boxes, tmp_path, started):
    recipe = recipe_of(boxes, epochs=40, checkpoint_steps=4, schedule="constant")
    run = train(recipe, folder=tmp_path / "runs")
    started.append(run)
    until(lambda: len(run.metrics()) > 30)
    os.kill(run.status["pid"], signal.SIGKILL)
    until(lambda: run.state == "lost")
    assert "killed" in run.status["cause"]
    assert run.resume().wait(60).state == "finished", run.log()
    assert outcome(run) == outcome(fit(recipe, tmp_path / "whole"))
    with pytest.raises(StateError, match="finished: 40 epochs"):
        run.resume()
    assert run.resume(epochs=42).wait(60).state == "finished"
    assert run.recipe.epochs == 42
    assert outcome(run) == outcome(fit(recipe.model_copy(update={"epochs": 42}), tmp_path / "longer"))


@pytest.mark.parametrize(("step", "least"), [(0, 6), (4, 7)])
def test_a_run_is_not_shortened_to_less_than_was_done(tmp_path, monkeypatch, step, least):
    run = create(tmp_path / "a", Recipe(algorithm="3d-unet", epochs=10))
    write_json(run.path / "status.json", {"state": "stopped", "epoch": 6, "epochs": 10})
    position = Position(epoch=6, step=step, global_step=60 + step)
    Checkpoints(run.path).save(position, {"weight": np.zeros(1)}, {}, {"moment": np.zeros(1)})
    started = []
    monkeypatch.setattr(Run, "_start", lambda self, order: started.append(order))
    for epochs in (3, least - 1):
        with pytest.raises(InputError, match=rf"epochs must be at least {least}, as many .* run a .* got {epochs}\. "):
            run.resume(epochs=epochs)
    assert started == []
    run.resume(epochs=least)
    run.resume()
    assert started == [{"epochs": least}, {}]


@pytest.mark.slow
def test_two_kernels_resume_one_run(recipe_of, boxes, tmp_path, started):
    recipe = recipe_of(boxes, epochs=4)
    run = train(recipe, folder=tmp_path / "runs")
    started.append(run)
    run.stop().wait(60)
    from workbench.jobs.launch import launch

    both = [launch(run.path), launch(run.path)]
    assert sorted(process.wait(60) for process in both) == [0, 3]
    assert run.state == "finished"
    assert "Only one worker may work in a run folder" in run.log()
    assert outcome(run) == outcome(fit(recipe, tmp_path / "whole"))


def test_a_data_set_in_memory_travels_with_the_run(tmp_path):
    data = datasets.from_list(volumes(), task="segmentation", classes=("background", "box"))
    run = train("3d-unet", data, epochs=1, num_threads=1, width=2, depth=2, folder=tmp_path)
    assert run.wait(60).state == "finished", run
    assert run.manifest["data"]["samples"] == 9


def test_a_worker_that_cannot_even_begin(boxes, tmp_path, monkeypatch):
    broken = tmp_path / "broken" / "torch"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('libfoo.so: cannot open shared object file')")
    monkeypatch.setenv("PYTHONPATH", str(broken.parent))
    run = train("3d-unet", boxes, epochs=1, width=2, depth=2, folder=tmp_path / "runs").wait(60)
    assert run.state == "failed"
    assert "libfoo.so" in run.status["cause"]
    assert "workbench doctor" in run.status["remedy"]


def test_a_worker_takes_a_relative_folder_and_says_that_it_is_no_run(tmp_path):
    (tmp_path / "runs" / "x").mkdir(parents=True)
    write_note(tmp_path / "runs" / "x", "training", Resources())
    command = [sys.executable, "-m", "workbench.jobs.worker", "runs/x"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    found = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.returncode == 1
    status = json.loads((tmp_path / "runs" / "x" / "status.json").read_text())
    assert status["state"] == "failed"
    assert "recipe.json (No such file" in status["cause"]
    assert "Unexpected" not in status["cause"]


def test_an_interpreter_that_breaks_before_the_first_line(boxes, tmp_path, monkeypatch):
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "argparse.py").write_text("raise RuntimeError('broken on purpose')")
    monkeypatch.setenv("PYTHONPATH", str(broken))
    run = train("3d-unet", boxes, epochs=1, width=2, depth=2, folder=tmp_path / "runs").wait(60)
    assert run.state == "failed"
    assert "broken on purpose" in run.status["cause"]


def test_a_folder_that_cannot_be_written_is_refused_at_once(boxes, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="WORKBENCH_RUNS"):
        train("3d-unet", boxes, width=2, depth=2, folder=tmp_path / "file")
    with pytest.raises(FileError, match=r"recipe\.json"):
        Run(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"epoch": 2}, "'epoch'. Did you mean 'epochs'"),
        ({"widht": 2}, "'widht'. Did you mean 'width'"),
        ({"width": 1}, "width"),
        ({"algorithm": "covid-resnet"}, "is for segmentation"),
        ({"algorithm": "2d-unet"}, "takes 2D images"),
        ({"framework": "tensorflow"}, "framework"),
        ({"init": "nowhere.safetensors"}, "no file nowhere"),
        ({"variant": "smal"}, "Did you mean 'small'"),
        (
            {"background": True},
            r"'background'\. Training is always done in the background.*placement=wb\.jobs\.Placement",
        ),
        ({"backgroud": True}, r"'backgroud'\. Training is always done in the background"),
        ({"priority": 5}, r"placement=wb\.jobs\.Placement\(priority=\.\.\.\)"),
        ({"placment": None}, "'placment'. Did you mean 'placement'"),
    ],
)
def test_bad_requests_are_refused_at_once(boxes, tmp_path, arguments, match):
    with pytest.raises(InputError, match=match):
        train(**{"recipe": "3d-unet", "data": boxes, "folder": tmp_path, **arguments})
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_option_names_those_like_it_and_where_all_are_documented(boxes, tmp_path):
    with pytest.raises(InputError) as error:
        train("3d-unet", boxes, folder=tmp_path, checkpoint_ever=1)
    message = str(error.value)
    assert "Did you mean 'checkpoint_every'?" in message
    assert "Names like it: checkpoint_every, checkpoint_steps, checkpoint_seconds" in message
    assert "documented in help(wb.train)" in message
    assert len(message) < 300
    for name in [*Recipe.model_fields, *Optimizer.model_fields, "variant"]:
        assert re.search(rf"\b{name}\b", train.__doc__), f"help(wb.train) does not name {name!r}"


def test_a_run_stopped_while_validating_goes_on_there(recipe_of, boxes, tmp_path, monkeypatch):
    recipe = recipe_of(boxes, splits={"train": [0, 1, 2, 3], "val": [4, 5, 6, 7]})
    whole = fit(recipe, tmp_path / "whole")
    run = create(tmp_path / "stopped", recipe)
    visits = []

    def ask(message):
        visits.append(message)
        if len(visits) == 2:
            write_json(run.path / "control.json", {"command": "stop"})

    monkeypatch.setattr(faults, "point", lambda name: ask(name) if name == "step" else None)
    fit(recipe, run.path)
    assert run.state == "stopped"
    assert run.checkpoint("last").position.step == 2
    assert [line["kind"] for line in run.metrics()] == ["step", "step"]
    monkeypatch.undo()
    fit(recipe, run.path)
    assert outcome(run) == outcome(whole)
