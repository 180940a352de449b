"""Training as a kind of job."""

import shutil
from pathlib import Path

import pytest

import workbench as wb
from workbench.jobs import Resources
from workbench.jobs.files import write_json
from workbench.jobs.kind import KINDS, write_note
from workbench.testing import JobContract
from workbench.training import Run, train
from workbench.training.assembly import configure
from workbench.training.kind import Training
from workbench.training.needs import needs_of
from workbench.training.run import create

from .conftest import outcome

BEFORE = Path(__file__).parents[1] / "jobs" / "before_jobs"


@pytest.mark.slow
class TestTraining(JobContract):
    name = "training"

    def begin(self, folder):
        data = wb.datasets.load("phantom-xray", n=12, size=16)
        return train("2d-unet", data, epochs=2, width=2, depth=2, batch_size=2, num_threads=1)

    def outcome(self, job):
        return outcome(job)


@pytest.fixture
def before(tmp_path):
    """A run of before there was a job.json."""
    shutil.copytree(BEFORE, tmp_path / "runs")
    return Run(tmp_path / "runs" / "20260101-000000-2d-unet-0000")


def test_a_run_of_before_jobs_opens(before):
    assert not (before.path / "job.json").exists()
    assert repr(before).startswith("Run 20260101-000000-2d-unet-0000 (before jobs): finished, epoch 2/2, best 0.0000")
    assert (before.kind, before.needs) == ("training", Resources(cores=1))
    assert wb.runs(before.path.parent) == wb.jobs(before.path.parent) == [before]
    assert type(wb.jobs(before.path.parent, kind="training")["before jobs"]) is Run
    assert before.result().num_parameters == 448
    assert len(before.metrics()) == 6


def test_a_run_of_before_jobs_goes_on(before):
    told = before.status["best_epoch"]
    assert before.resume(epochs=3).wait(120).state == "finished", before.log()
    assert (before.recipe.epochs, before.status["epoch"], before.status["best_epoch"]) == (3, 3, told)
    assert [line["epoch"] for line in before.metrics() if line["kind"] == "epoch"] == [1, 2, 3]
    assert not (before.path / "order.json").exists()


def test_what_a_run_needs_is_what_its_recipe_says(recipe_of, sides, tmp_path):
    recipe = recipe_of(sides, num_threads=3)
    assert needs_of(recipe) == Resources(cores=3, gpus=0)
    assert needs_of(recipe.model_copy(update={"device": "another:1"})).gpus == 1
    run = create(tmp_path / "run", recipe)
    assert run.needs == Resources(cores=3)
    threads = Training().environment(run.path, {}, run.needs.cores)["OMP_NUM_THREADS"]
    assert threads == "3"


def test_threads_follow_the_needs_where_the_recipe_is_silent(recipe_of, sides, tmp_path):
    run = create(tmp_path / "run", recipe_of(sides, num_threads=None))
    assert run.needs.cores is None
    write_note(run.path, "training", Resources(cores=1))
    assert run.needs.cores == 1
    assert configure(run.recipe, run.needs.cores) == 1
    write_json(run.path / "recipe.json", run.recipe.model_dump(mode="json") | {"num_threads": 2})
    assert run.needs.cores == 2, "what the recipe says comes first"


def test_a_run_is_told_in_its_own_words(recipe_of, sides, tmp_path):
    run = create(tmp_path / "run", recipe_of(sides))
    assert KINDS.get("training").words.noun == run.noun == "run"
    assert run.title == "covid-resnet on memory"
    assert run.facts == "epoch 0/3"
