"""The small trained models in `data/weights`: whole, small, and able at once to predict and to be explained."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import zoo
from workbench.training.batches import Samples
from workbench.transforms import Preprocess

FOLDER = Path(__file__).parents[1] / "data" / "weights"
INDEX: dict[str, dict[str, Any]] = json.loads((FOLDER / "index.json").read_text("utf-8"))


def new_cases(entry: dict[str, Any], n: int) -> wb.datasets.Dataset:
    """Return phantoms of the kind that a model was trained on, and that it has never seen."""
    options = {key: value for key, value in entry["data"].items() if key != "name"}
    return wb.datasets.load(entry["data"]["name"], **{**options, "n": n, "seed": 12345})


def test_there_is_one_for_every_kind_of_task_in_20_mb() -> None:
    assert {entry["task"] for entry in INDEX.values()} == {zoo.algorithm(card.name).task.kind for card in zoo.cards()}
    files = {file.name for file in FOLDER.glob("*.safetensors")}
    assert files == {entry["file"] for entry in INDEX.values()}
    assert sum((FOLDER / name).stat().st_size for name in files) <= 20e6


@pytest.mark.parametrize("name", sorted(INDEX))
def test_it_is_what_the_index_says(name: str) -> None:
    entry = INDEX[name]
    content = (FOLDER / entry["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == entry["sha256"]
    model = zoo.load(FOLDER / entry["file"])
    assert (model.name, model.num_parameters) == (name, entry["parameters"])
    assert f"`{entry['file']}`" in (FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(INDEX))
def test_it_answers_what_it_has_not_seen(name: str) -> None:
    entry = INDEX[name]
    model = zoo.load(FOLDER / entry["file"])
    data = new_cases(entry, 12)
    samples = Samples(data, Preprocess(), model.task)
    metrics = model.task.metrics(data.classes)
    for index in range(len(data)):
        raw = samples.raw(index)
        metrics.update(model.predict(raw["image"]), raw["label"])
    score = metrics.compute()[entry["metric"]]
    # a dozen cases: within a quarter of what was measured on more
    assert score >= 0.75 * entry["test"], (score, entry["test"])


@pytest.mark.parametrize("name", sorted(INDEX))
def test_it_can_be_explained_at_once(name: str) -> None:
    entry = INDEX[name]
    model = zoo.load(FOLDER / entry["file"])
    even = []
    for case in new_cases(entry, 4):
        why = wb.explain(model, case["image"], method="grad-cam")
        assert why.data.shape == case["image"].spatial_shape
        assert np.isfinite(why.data).all()
        even.append(bool(np.ptp(why.data) == 0))
    # evidence against a class is cut off at zero, which may leave nothing of a map; not of every one
    assert not all(even), "an even map explains nothing"


@pytest.mark.mindspore
@pytest.mark.parametrize("name", sorted(INDEX))
def test_mindspore_answers_the_same(name: str) -> None:
    pytest.importorskip("mindspore", reason="the extra 'mindspore' is not installed")
    entry = INDEX[name]
    image = new_cases(entry, 3)[0]["image"]
    outputs = []
    for framework in ("torch", "mindspore"):
        model = zoo.load(FOLDER / entry["file"], framework=framework)
        found = model.forward(model.prepare(image).array[None])
        outputs.append(found["logits"] if isinstance(found, dict) else found)
    scale = max(1.0, float(np.abs(outputs[0]).max()))
    np.testing.assert_allclose(outputs[1] / scale, outputs[0] / scale, atol=1e-4)
