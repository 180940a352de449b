"""What a worker would stumble over is refused before a run is laid out."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import workbench as wb
from workbench import datasets
from workbench.datasets.catalogue import DATASETS
from workbench.errors import InputError
from workbench.frameworks._registry import FRAMEWORKS
from workbench.frameworks.torch import TorchFramework
from workbench.training import estimate, fit, runs, train
from workbench.zoo import unet_3d
from workbench.zoo.catalogue import ALGORITHMS

from .conftest import SPLITS, volumes

SMALL = {"width": 2, "depth": 2, "epochs": 1}


class Mine(datasets.Dataset):
    """Samples that are made again from a specification."""

    def __init__(self):
        self._samples = volumes()
        card = datasets.Card(name="mine", title="Mine", tasks=("segmentation",), licence="CC0")
        ids = [sample["id"] for sample in self._samples]
        kind = {"task": "segmentation", "classes": ("background", "box"), "spatial_ndim": 3, "in_channels": 1}
        super().__init__(card, ids=ids, splits=SPLITS, **kind)

    def _read(self, index):
        return self._samples[index]

    def spec(self):
        return {"name": "mine", "options": {}}

    def _checksums(self):
        return self.ids


@pytest.fixture
def registered():
    yield
    for registry in (DATASETS, FRAMEWORKS, ALGORITHMS):
        registry.reset()


@pytest.mark.parametrize("view", [lambda data: data, lambda data: data.with_splits(SPLITS).select(range(8))])
@pytest.mark.parametrize("start", [train, estimate])
def test_a_data_set_of_this_process_is_refused_at_once(registered, tmp_path, monkeypatch, view, start):
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path))
    words = r"no data set is called 'mine'.*entry point 'workbench.datasets'.*from_list\("
    with pytest.raises(InputError, match=words):
        start("3d-unet", data=view(Mine()), **SMALL)
    wb.datasets.register(datasets.Entry(Mine().card, Mine))
    assert DATASETS.only_here("mine")
    assert not DATASETS.only_here("phantom-ct")
    words = r"data set 'mine' was registered in this process only.*entry point 'workbench.datasets'.*from_list\("
    with pytest.raises(InputError, match=words):
        start("3d-unet", data=view(datasets.load("mine")), **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_the_samples_of_such_a_data_set_can_be_trained_from(registered, tmp_path):
    data = Mine()
    data = wb.datasets.from_list(list(data), task=data.task, classes=data.classes, splits=data.splits)
    run = train("3d-unet", data=data, folder=tmp_path, **SMALL).wait(120)
    assert run.state == "finished", run
    assert run.recipe.splits == SPLITS


def test_a_framework_of_this_process_is_refused_at_once(registered, tmp_path, boxes):
    wb.frameworks.register(type("Mine", (TorchFramework,), {"name": "torch-mine"}))
    words = r"framework 'torch-mine' was registered in this process only.*train with torch"
    with pytest.raises(InputError, match=words):
        train("3d-unet", data=boxes, folder=tmp_path, framework="torch-mine", **SMALL)
    assert runs(tmp_path) == []


def test_an_algorithm_of_this_process_is_refused_at_once(registered, tmp_path, boxes, monkeypatch):
    folder = tmp_path / "site" / "my_unet_3d"
    shutil.copytree(Path(unet_3d.__file__).parent, folder, ignore=shutil.ignore_patterns("__pycache__"))
    card = folder / "card.yaml"
    card.write_text(card.read_text("utf-8").replace("name: 3d-unet", "name: my-unet"), "utf-8")
    monkeypatch.syspath_prepend(str(folder.parent))
    wb.zoo.register("my_unet_3d")
    with pytest.raises(InputError, match=r"algorithm 'my-unet' was registered in this process only.*adding-an-algor"):
        train("my-unet", data=boxes, folder=tmp_path / "runs", **SMALL)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"patch_size": (16, 16)}, r"patch_size \[16, 16\] has 2 axes, the images have 3. Give 3 numbers, or one"),
        ({"preprocess": {"spacing": [1, 1]}}, r"spacing \[1.0, 1.0\] has 2 axes, the images have 3"),
        ({"preprocess": {"size": [8, 8]}}, r"size \[8, 8\] has 2 axes, the images have 3"),
        ({"loss": {"class_weights": [1, 2, 3]}}, "has 2 classes, got 3 class weights"),
        ({"splits": {"train": [0], "val": [99]}}, "0 to 8, but 'val' has 99"),
        ({"splits": {"train": [], "val": [1]}}, "'train', but it is empty"),
    ],
)
def test_a_value_that_the_data_set_makes_wrong_is_refused_by_the_same_words(values, words, boxes, recipe_of, tmp_path):
    recipe = recipe_of(boxes)
    with pytest.raises(InputError, match=words):
        train(recipe, folder=tmp_path / "runs", **values)
    assert not (tmp_path / "runs").exists()
    # a recipe that was written by hand meets the worker alone
    run = fit(recipe.model_copy(update=values), tmp_path / "run")
    assert run.state == "failed"
    assert re.search(words, run.status["cause"])


def test_one_number_holds_for_all_axes(boxes, sides, recipe_of, tmp_path):
    assert recipe_of(boxes, patch_size=6).patch_size == (6, 6, 6)
    assert recipe_of(sides, patch_size=[8]).patch_size == (8, 8)
    by_hand = recipe_of(boxes, epochs=1).model_copy(update={"patch_size": (6,)})
    run = fit(by_hand, tmp_path / "run")
    assert run.state == "finished", run
    assert run.model().patch_size == (6, 6, 6)
    assert wb.zoo.create("2d-unet", width=4, patch_size=32).patch_size == (32, 32)
    with pytest.raises(InputError, match="has 2 axes, the images have 3"):
        wb.zoo.create("3d-unet", width=2, patch_size=(32, 32))


def test_objects_are_weighed_as_background_inside_and_boundary():
    task = wb.zoo.algorithm("han-net").task
    task.check_class_weights({"class_weights": [1, 2, 3]}, 2)
    task.check_class_weights({}, 2)
    with pytest.raises(InputError, match="has 3 classes, got 2 class weights"):
        task.check_class_weights({"class_weights": [1, 2]}, 2)
