"""What a worker would stumble over is refused before a run is laid out."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import workbench as wb
from workbench import datasets
from workbench.datasets.catalogue import DATASETS
from workbench.errors import InputError
from workbench.frameworks._registry import FRAMEWORKS
from workbench.frameworks.torch import TorchFramework
from workbench.training import estimate, runs, train
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
