"""A run that was killed and taken up again must be the run that was never killed, bit for bit."""

import os
import random
import signal

import pytest

from workbench.training import Run, fit

from .conftest import in_child, outcome

KILLS = [
    "batch:1:kill",
    "step:1:kill",
    "step:5:kill",
    "checkpoint.begin:1:kill",
    "checkpoint.model:2:kill",
    "checkpoint.rename:3:kill",
    "checkpoint.renamed:3:kill",
    "checkpoint.prune:4:kill",
    "validated:2:kill",
    "step:9:kill",
    "checkpoint.rename:5:kill",
]


@pytest.fixture(scope="module")
def recipe(recipe_of, boxes):
    return recipe_of(boxes, checkpoint_steps=2, patch_size=[8, 8, 8])


@pytest.fixture(scope="module")
def undisturbed(recipe, tmp_path_factory):
    run = fit(recipe, tmp_path_factory.mktemp("runs") / "undisturbed")
    assert run.state == "finished", run
    return outcome(run)


@pytest.mark.parametrize("kill", KILLS)
def test_killed_once(recipe, tmp_path, undisturbed, kill):
    folder = tmp_path / "killed"
    assert os.WTERMSIG(in_child(recipe, folder, kill)) == signal.SIGKILL
    assert Run(folder).state == "lost"
    in_child(recipe, folder)
    assert outcome(Run(folder)) == undisturbed


@pytest.mark.slow
def test_killed_again_and_again_at_random(recipe, tmp_path, undisturbed):
    folder, chance, kills = tmp_path / "killed", random.Random(7), 0
    for _ in range(30):
        place = chance.choice(["step", "checkpoint.begin", "checkpoint.model", "checkpoint.rename", "batch"])
        if os.WIFEXITED(in_child(recipe, folder, f"{place}:{chance.randint(1, 4)}:kill")):
            break
        kills += 1
    assert kills >= 3
    in_child(recipe, folder)
    assert outcome(Run(folder)) == undisturbed


def test_a_damaged_checkpoint_costs_time_and_nothing_else(recipe, tmp_path, undisturbed, capsys):
    folder = tmp_path / "killed"
    in_child(recipe, folder, "step:6:kill")
    newest = Run(folder).checkpoint("last")
    content = bytearray(newest.model_path.read_bytes())
    content[-1] ^= 1
    newest.model_path.write_bytes(content)
    fit(recipe, folder)
    assert outcome(Run(folder)) == undisturbed
    assert f"Checkpoint {newest.path.name} is damaged" in capsys.readouterr().out
