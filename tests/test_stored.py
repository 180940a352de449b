"""What earlier versions wrote still opens, and means what it meant: one stored file per schema."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.explain import Explanation
from workbench.training import Recipe

STORED = Path(__file__).parent / "stored"
AFFINE = np.diag([0.5, -2.0, 1.0, 1.0])
PICTURE = np.linspace(-1, 1, 48, dtype=np.float32).reshape(8, 6)


def test_a_model_opens_and_answers_as_it_did():
    model = wb.zoo.load(STORED / "model.safetensors")
    assert (model.name, model.config["width"], model.config["depth"]) == ("2d-unet", 2, 2)
    assert model.classes == ("background", "disc")
    made = json.loads((STORED / "explanation.json").read_text("utf-8"))
    assert model.weights_fingerprint() == made["weights_fingerprint"]


def test_an_explanation_opens_and_is_made_again():
    why = Explanation.load(STORED / "explanation.nii.gz")
    assert (why.method, why.options["window"], why.score) == ("occlusion", 4, pytest.approx(-0.4512293))
    assert why.volume.data[0, 0] == pytest.approx(1.7127394676208496e-4)
    np.testing.assert_allclose(why.volume.affine, AFFINE)
    model = wb.zoo.load(STORED / "model.safetensors")
    picture = wb.Volume(PICTURE, AFFINE, unit="HU")
    for again in (why.replay(model, picture), wb.explain(model, picture, "occlusion", 1, window=4)):
        np.testing.assert_allclose(again.volume.data, why.volume.data, atol=1e-6)
    # what has become an option since is filled in with what was done then
    assert dict(why.replay(model, picture).options) == {"precision": "float32", **why.options}


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_recipe_opens(suffix, tmp_path):
    recipe = Recipe.read(STORED / f"recipe.{suffix}")
    assert (recipe.algorithm, recipe.options, recipe.epochs) == ("2d-unet", {"width": 2, "depth": 2}, 2)
    assert (recipe.optimizer.name, recipe.optimizer.lr, recipe.optimizer.betas) == ("sgd", 0.01, (0.9, 0.999))
    assert (recipe.schedule.name, recipe.schedule.milestones) == ("step", (0.5,))
    assert (recipe.patch_size, recipe.freeze, recipe.augment) == (
        (4, 4),
        ("down_path*",),
        {"flip": {"axes": [0], "prob": 0.5}},
    )
    # whatever was added since, what was said then is written as it was
    written = json.loads(recipe.write(tmp_path / "again.json").read_text("utf-8"))
    before = json.loads((STORED / "recipe.json").read_text("utf-8"))
    assert {key: written[key] for key in before} == before


def test_a_data_set_that_was_saved_with_a_run_opens():
    data = wb.datasets.from_spec({"name": "memory", "options": {"path": str(STORED / "data")}})
    assert (data.task, data.classes, data.ids) == (
        "segmentation",
        ("background", "disc"),
        ("case 0", "case 1", "case 2"),
    )
    assert (data.patients, data.splits) == (("p0", "p1", "p2"), {"train": [0], "val": [1], "test": [2]})
    np.testing.assert_array_equal(data[1]["image"].data, PICTURE + 1)
    np.testing.assert_array_equal(data[1]["label"].data, PICTURE > 0.25)
    np.testing.assert_allclose(data[1]["image"].affine, AFFINE)


def test_a_job_opens(tmp_path):
    folder = shutil.copytree(STORED / "jobs", tmp_path / "jobs")
    (job,) = wb.jobs(folder)
    assert (job.kind, job.state, job.needs.cores, job.executor) == ("tool", "finished", 1, "local")
    assert job.result().done == [0, 1, 2]
    assert "3 cases" in job.log()
