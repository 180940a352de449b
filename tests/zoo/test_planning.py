from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import datasets, zoo
from workbench.errors import InputError
from workbench.volume import Volume
from workbench.zoo.planning import UNKNOWN, Facts, Plan, fitted


def usual(**values: Any) -> Plan:
    rest = {"preprocess": {"orientation": "RAS"}, "patch_size": [64, 64, 64], "batch_size": 4}
    return Plan.of("as usual", loss={}, grad_clip=None, mode="max", **{**rest, **values})


def test_a_plan_is_a_mapping_with_reasons() -> None:
    plan = Plan.of("usual", epochs=30, batch_size=8).but("few cases", batch_size=2).because(epochs="the paper")
    assert dict(plan) == {"epochs": 30, "batch_size": 2}
    assert plan.reasons == {"epochs": "the paper", "batch_size": "few cases"}
    assert repr(plan).splitlines()[2].split() == ["batch_size", "2", "few", "cases"]
    assert "<td style='text-align:left'>few cases</td>" in plan._repr_html_()


def test_where_nothing_is_known_nothing_is_changed() -> None:
    assert dict(fitted(usual(), UNKNOWN)) == dict(usual())


@pytest.mark.parametrize(("cases", "told"), [(10, "; there are 10 cases to learn from"), (None, "")])
def test_a_reason_of_a_usual_size_says_how_many_cases_there_are(cases: int | None, told: str) -> None:
    plan = zoo.algorithm("3d-unet").plan(Facts(cases=cases))
    assert plan.reasons["epochs"] == f"for sets of a few hundred images{told}"
    assert plan.reasons["preprocess"] == "each image is standardised by itself, whatever its unit"


@pytest.mark.parametrize(("cases", "batch"), [(3, 3), (4, 4), (0, 4), (None, 4)])
def test_a_batch_holds_no_more_cases_than_there_are(cases: int | None, batch: int) -> None:
    plan = fitted(usual(), Facts(cases=cases))
    assert plan["batch_size"] == batch
    assert (plan.reasons["batch_size"] == "3 cases to learn from") == (cases == 3)


@pytest.mark.parametrize(
    ("changes", "shape", "memory", "batch"),
    [
        # 64^3 voxels at 2,048 bytes are 537 MB
        ({}, (100, 100, 100), 4 * 2**29 + 2 * 2**29, 3),
        ({}, (100, 100, 100), 2**29, 1),
        ({}, (100, 64, 16), 2 * 2**29, 4),
        ({"patch_size": None}, (128, 64, 64), 4 * 2**30, 2),
        ({"patch_size": 128}, (128, 64, 64), 4 * 2**30, 2),
        ({"patch_size": None, "preprocess": {"size": [32, 32, 32]}}, (128, 64, 64), 2**29, 4),
    ],
)
def test_a_batch_fits_into_memory(changes: dict[str, Any], shape: tuple[int, ...], memory: int, batch: int) -> None:
    plan = fitted(usual(**changes), Facts(shapes=((8, 8, 8), shape), memory=memory))
    assert plan["batch_size"] == batch
    assert ("rule of thumb" in plan.reasons["batch_size"]) == (batch < 4)


def test_volumes_of_several_spacings_are_brought_to_their_median() -> None:
    facts = Facts(spacings=((0.7, 0.8, 1.0), (0.7, 0.8, 5.0), (0.72, 0.8, 2.5)))
    plan = fitted(usual(preprocess={"orientation": "IPL"}), facts)
    # along I, P and L the order is another one than along R, A and S
    assert plan["preprocess"] == {"orientation": "IPL", "spacing": [2.5, 0.8, 0.7]}
    assert plan.reasons["preprocess"] == "spacings run from 1 x 0.8 x 0.7 to 5 x 0.8 x 0.72 mm; this is their median"


@pytest.mark.parametrize(
    "preprocess", [{"orientation": "RAS", "spacing": [1, 1, 1]}, {"orientation": "RAS", "size": [8, 8, 8]}, {}]
)
def test_a_grid_that_is_decided_stays(preprocess: dict[str, Any]) -> None:
    facts = Facts(spacings=((1.0, 1.0, 1.0), (1.0, 1.0, 3.0)))
    assert fitted(usual(preprocess=preprocess), facts)["preprocess"] == preprocess


def test_spacings_that_hardly_differ_are_one() -> None:
    facts = Facts(spacings=((1.0, 1.0, 2.0), (1.05, 1.0, 1.95)))
    assert "spacing" not in fitted(usual(), facts)["preprocess"]


def volumes(affine: np.ndarray, **options: Any) -> datasets.Dataset:
    samples = []
    for shape in [(4, 6, 8), (4, 6, 9), (5, 6, 8)]:
        image = Volume(np.zeros(shape, np.float32), affine)
        samples.append({"image": image, "label": image.with_data(np.zeros(shape, np.int16), kind="labels")})
    return datasets.from_list(samples, task="segmentation", classes=("background", "one"), **options)


def test_facts_are_those_of_the_training_cases_along_r_a_s() -> None:
    # the first axis runs to S, the second to R, the third to A
    affine = np.array([[0, 2.0, 0, 5], [0, 0, 3.0, 6], [1.5, 0, 0, 7], [0, 0, 0, 1]])
    data = volumes(affine, splits={"train": [0, 2], "val": [1], "test": []})
    facts = Facts.of(data)
    assert facts.cases == 2
    assert facts.shapes == ((6, 8, 4), (6, 8, 5))
    assert facts.spacings == ((2.0, 3.0, 1.5),) * 2
    assert facts.memory is not None
    assert facts.memory > 2**20
    assert Facts.of(data, look=False).shapes == ()


def test_pictures_without_millimetres_have_no_spacing() -> None:
    data = wb.datasets.load("phantom-cells", task="segmentation", n=6, size=32)
    facts = Facts.of(data)
    assert facts.shapes[0] == (32, 32)
    assert facts.spacings == ()


class _Old(zoo.SegmentationTask):
    """Written when a task said what it proposes by `default_recipe`."""

    def default_recipe(self) -> dict[str, Any]:
        return {**super().default_recipe(), "epochs": 7}


def test_a_task_of_before_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = zoo.algorithm("3d-unet")
    usual = algorithm.plan()
    assert algorithm.task.default_recipe() == dict(usual)
    monkeypatch.setitem(vars(algorithm), "task", _Old(ndim=3))
    plan = algorithm.plan(Facts(cases=2))
    assert plan["epochs"] == 7
    assert plan["batch_size"] == 2
    assert plan["patch_size"] == usual["patch_size"]


def test_a_recipe_says_why() -> None:
    data = volumes(np.diag([1.0, 1, 2, 1]), splits={"train": [0, 1], "val": [2], "test": []})
    recipe = wb.training.plan("3d-unet", data, lr=1e-4)
    assert recipe.batch_size == 2
    assert recipe.reasons["batch_size"] == "2 cases to learn from"
    assert "optimizer" not in recipe.reasons, "that was asked for"
    assert "2 cases to learn from" in recipe._repr_html_()
    assert wb.training.plan(recipe, data).batch_size == 2
    with pytest.raises(InputError, match="epohcs"):
        wb.training.plan("3d-unet", data, epohcs=3)
    one = wb.training.plan("3d-unet", data, splits={"train": [0], "val": [1], "test": [2]})
    assert one.batch_size == 4, "how many cases another split has is not looked at"
