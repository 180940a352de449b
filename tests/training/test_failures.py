"""Whatever ends a run, its status says why and what to do."""

import os
import shutil
import signal
import subprocess
from collections import Counter

import numpy as np
import pytest

from workbench import datasets, io
from workbench.errors import InputError, StateError
from workbench.jobs.faults import VARIABLE
from workbench.training import Run, fit
from workbench.training.run import create
from workbench.volume import Volume

from .conftest import AFFINE, in_child, outcome, volumes


@pytest.fixture(autouse=True)
def fresh_counts(monkeypatch):
    monkeypatch.setattr("workbench.jobs.faults._passed", Counter())


def failed(run, cause, remedy):
    status = run.status
    assert status["state"] == "failed"
    assert cause in status["cause"]
    assert remedy in status["remedy"]
    assert "Traceback" not in status["cause"]


def test_a_loss_that_is_not_a_number(recipe_of, boxes, tmp_path):
    run = fit(
        recipe_of(boxes, optimizer={"name": "sgd", "lr": 1e30}, schedule="constant", grad_clip=None), tmp_path / "r"
    )
    failed(run, "The loss must be a finite number, but in epoch 1, step 2", "Lower the learning rate (it was 1e+30)")
    for ask in (run.model, run.evaluate, lambda: run.checkpoint("last"), lambda: run.model("best")):
        with pytest.raises(StateError, match=r"failed before its first epoch: The loss.*Lower the.*model\(epoch=0\)"):
            ask()
    started = run.model(epoch=0)
    assert run.checkpoint(0).position.global_step == 0
    assert np.isfinite(next(iter(started.state().values()))).all()


def test_a_run_without_any_weights_says_why(recipe_of, boxes, tmp_path):
    recipe = recipe_of(boxes)
    begun = create(tmp_path / "begun", recipe)
    with pytest.raises(StateError, match=r"learned nothing yet: it is starting\. Wait for its first epoch\.$"):
        begun.model()
    run = fit(recipe.model_copy(update={"splits": {"train": [99]}}), tmp_path / "r")
    with pytest.raises(StateError, match=r"failed before its first epoch: Splits hold indices.*train again\.$"):
        run.model()


@pytest.mark.parametrize("place", ["checkpoint.model", "step", "checkpoint.begin"])
def test_a_full_disk(recipe_of, boxes, tmp_path, monkeypatch, place):
    recipe = recipe_of(boxes)
    monkeypatch.setenv(VARIABLE, f"{place}:2:full")
    run = fit(recipe, tmp_path / "r")
    failed(run, "The disk of the run folder is full", "Free some space")
    monkeypatch.delenv(VARIABLE)
    fit(recipe, run.path)
    whole = fit(recipe, tmp_path / "whole")
    assert outcome(run) == outcome(whole)


def test_a_disk_that_is_really_full(recipe_of, boxes, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    try:
        run = fit(recipe_of(boxes, options={"width": 8, "depth": 2}), disk / "r")
        failed(run, "The disk of the run folder is full", "Free some space")
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("place", ["batch", "checkpoint.begin"])
def test_no_memory_left(recipe_of, boxes, tmp_path, monkeypatch, place):
    monkeypatch.setenv(VARIABLE, f"{place}:2:memory")
    failed(fit(recipe_of(boxes), tmp_path / "r"), "Memory ran out", "Lower batch_size (it was 2)")


def test_data_that_is_gone(recipe_of, tmp_path):
    data = datasets.from_list(volumes(), task="segmentation", classes=("background", "box"))
    data = datasets.from_spec(data.save(tmp_path / "data"))
    recipe = recipe_of(data)
    shutil.rmtree(tmp_path / "data")
    failed(fit(recipe, tmp_path / "r"), str(tmp_path / "data"), "Put the data back")


def test_data_that_changed_while_the_run_was_away(recipe_of, tmp_path):
    def save(seed):
        data = datasets.from_list(volumes(seed=seed), task="segmentation", classes=("background", "box"))
        return datasets.from_spec(data.save(tmp_path / "data"))

    recipe = recipe_of(save(0))
    in_child(recipe, tmp_path / "r", "step:4:kill")
    shutil.rmtree(tmp_path / "data")
    save(1)
    failed(fit(recipe, tmp_path / "r"), "has changed since", "")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"loss": {"dize": 1}}, r"The loss got an unknown option 'dize'. Did you mean 'dice'"),
        ({"loss": {"dice": -1}}, r"The loss: dice must be a number, at least 0, got -1"),
        ({"augment": {"flop": {}}}, r"unknown option 'flop'. Did you mean 'flip'"),
        ({"augment": {"flip": {"axis": [0]}}}, r"unknown option 'axis'. Did you mean 'axes'"),
        ({"preprocess": {"spacin": 1}}, r"unknown option 'spacin'. Did you mean 'spacing'"),
        ({"preprocess": {"intensity": {"kin": "range"}}}, r"unknown option 'kin'. Did you mean 'kind'"),
        ({"monitor": "val/dise"}, r"Unknown validation score to monitor 'dise'. Did you mean 'dice'"),
    ],
)
def test_what_can_be_refused_at_once_does_not_wait_for_the_worker(recipe_of, boxes, changes, words):
    with pytest.raises(InputError, match=words):
        recipe_of(boxes, **changes)


def test_a_single_value_per_channel_is_told(recipe_of, sides, tmp_path):
    # the sixteen pixels of a side are halved five times
    run = fit(recipe_of(sides, batch_size=1), tmp_path / "r")
    failed(run, "cannot train on one value per channel", "Correct the value")


def test_a_sample_without_any_annotation_is_no_failure(recipe_of, tmp_path):
    samples = volumes(3)
    names = {0: "background", 1: "box", 255: "unlabelled"}
    for number, sample in enumerate(samples):
        labels = np.full((8, 10, 8), 255, np.uint8) if number == 0 else sample["label"].data
        sample["label"] = Volume(labels, AFFINE, kind="labels", labels=names)
    data = datasets.from_list(samples, task="segmentation", splits={"train": [0, 1], "val": [2]})
    assert data.classes == ("background", "box")
    saved = datasets.from_spec(data.save(tmp_path / "data"))
    changes = {"batch_size": 1, "log_every": 1, "epochs": 1, "augment": {}, "patch_size": None}
    run = fit(recipe_of(saved, **changes), tmp_path / "r")
    assert run.state == "finished", run.log()
    losses = sorted(line["loss"] for line in run.metrics() if line["kind"] == "step")
    assert losses[0] == pytest.approx(0, abs=1e-6)
    assert losses[1] > 0.1


def test_labels_nobody_named(recipe_of, tmp_path):
    samples = volumes()
    values = np.zeros((8, 10, 8), np.uint8)
    values[2, 2, 2] = 7
    samples[1]["label"] = Volume(values, AFFINE, kind="labels")
    for number, sample in enumerate(samples):
        for what in ("image", "label"):
            (tmp_path / what).mkdir(exist_ok=True)
            io.write(sample[what], tmp_path / what / f"{number}.nii.gz")
    data = datasets.load(
        "folder", images=tmp_path / "image", labels=tmp_path / "label", label_names={0: "background", 1: "box"}
    )
    run = fit(recipe_of(data.with_splits({"train": [0, 1], "val": [], "test": []})), tmp_path / "r")
    failed(run, "7. Known: 0 background, 1 box", "Correct the value")


def test_a_crash_of_the_worker_is_seen_by_the_reader(recipe_of, boxes, tmp_path):
    folder = tmp_path / "r"
    assert os.WTERMSIG(in_child(recipe_of(boxes), folder, "step:2:segfault")) == signal.SIGSEGV
    status = Run(folder).status
    assert status["state"] == "lost"
    assert "ended without a word" in status["cause"]
    assert "resume()" in status["remedy"]
