"""The crash promise on MindSpore; in processes of their own, as MindSpore's threads do not survive a fork."""

import importlib.util

import pytest

from workbench.jobs.faults import VARIABLE
from workbench.training import train

from .conftest import outcome

pytestmark = [
    pytest.mark.mindspore,
    pytest.mark.skipif(importlib.util.find_spec("mindspore") is None, reason="the mindspore extra is not installed"),
]


@pytest.mark.slow
@pytest.mark.parametrize("kill", ["step:4:kill", "checkpoint.rename:4:kill"])
def test_killed_and_resumed_is_never_killed(recipe_of, boxes, tmp_path, monkeypatch, kill):
    recipe = recipe_of(boxes, framework="mindspore", epochs=2, checkpoint_steps=2)
    whole = train(recipe, folder=tmp_path / "whole")
    assert whole.wait(200).state == "finished", whole.log()
    monkeypatch.setenv(VARIABLE, kill)
    run = train(recipe, folder=tmp_path / "killed").wait(200)
    assert run.state == "lost"
    monkeypatch.delenv(VARIABLE)
    assert run.resume().wait(200).state == "finished", run.log()
    assert outcome(run) == outcome(whole)
