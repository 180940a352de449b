import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import datasets
from workbench.datasets import Dataset
from workbench.frameworks import weights
from workbench.jobs.faults import VARIABLE
from workbench.training import Recipe, Run, fit
from workbench.training.checkpoint import OPTIMIZER
from workbench.training.composing import compose
from workbench.training.metrics import read_metrics
from workbench.volume import Volume

TIMES = ("time", "seconds")
# Neither the identity nor symmetric: anisotropic, flipped, shifted.
AFFINE = np.array([[0, 1.5, 0, 10], [-1, 0, 0, -5], [0, 0, 2, 3], [0, 0, 0, 1.0]])


def volumes(count: int = 9, shape: tuple[int, ...] = (8, 10, 8), seed: int = 0) -> list[dict[str, Any]]:
    """Noise with a bright box in it, to be found."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        image, label = rng.normal(size=shape).astype(np.float32), np.zeros(shape, np.uint8)
        box = tuple(slice(start := int(rng.integers(1, n // 2)), start + n // 2) for n in shape)
        label[box] = 1
        image[box] += 3
        samples.append(
            {
                "id": f"case{number}",
                "image": Volume(image, AFFINE),
                "label": Volume(label, AFFINE, kind="labels"),
                "patient": f"p{number}",
            }
        )
    return samples


def pictures(count: int = 12, seed: int = 0) -> list[dict[str, Any]]:
    """Noise that is bright on the left or on the right."""
    rng = np.random.default_rng(seed)
    samples = []
    for number in range(count):
        image, side = rng.normal(size=(16, 16)).astype(np.float32), number % 2
        image[:, 8 * side : 8 * side + 8] += 2
        samples.append({"id": f"case{number}", "image": Volume(image), "label": side, "patient": None})
    return samples


SPLITS = {"train": [0, 1, 2, 3, 4, 5], "val": [6], "test": [7, 8]}


@pytest.fixture(scope="module")
def boxes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A saved data set for segmentation in 3D."""
    made = datasets.from_list(volumes(), task="segmentation", classes=("background", "box"))
    return datasets.from_spec(made.with_splits(SPLITS).save(tmp_path_factory.mktemp("boxes")))


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A saved data set for classification in 2D."""
    made = datasets.from_list(pictures(), task="classification", classes=("left", "right"))
    splits = {"train": list(range(6)), "val": [6, 7, 8], "test": [9, 10, 11]}
    return datasets.from_spec(made.with_splits(splits).save(tmp_path_factory.mktemp("sides")))


@pytest.fixture(scope="session")
def recipe_of() -> Callable[..., Recipe]:
    """Make the recipe of a run that takes a moment: 3 epochs of 3 steps."""

    def make(data: Dataset, **changes: Any) -> Recipe:
        name = "3d-unet" if data.task == "segmentation" else "covid-resnet"
        options = {"width": 2, "depth": 2} if data.task == "segmentation" else {"width": 4}
        values = {"epochs": 3, "batch_size": 2, "num_threads": 1, **options, **changes}
        return compose(name, data, values)[0]

    return make


def in_child(recipe: Recipe, folder: Path, faults: str = "") -> int:
    """Train in a forked child, with faults; return its wait status (a fork saves importing torch for each)."""
    pid = os.fork()
    if pid == 0:
        try:
            os.environ[VARIABLE] = faults
            fit(recipe, folder)
        finally:
            os._exit(0)
    return os.waitpid(pid, 0)[1]


def outcome(run: Run) -> tuple[list[dict[str, Any]], dict[str, bytes], dict[str, Any]]:
    """Everything that must not depend on interruptions: metrics but for times, weights, optimiser, best epoch."""
    lines = [{k: v for k, v in line.items() if k not in TIMES} for line in read_metrics(run.path / "metrics.jsonl")]
    last = run.checkpoint("last")
    tensors = {**weights.load(last.model_path)[0], **weights.load(last.path / OPTIMIZER)[0]}
    status = {key: run.status[key] for key in ("state", "epoch", "progress", "best_epoch", "best_score")}
    return lines, {name: value.tobytes() for name, value in tensors.items()}, status
