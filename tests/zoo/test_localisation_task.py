"""The task of localisation: targets, the way back onto the volume, and scores by annotation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.transforms import Preprocess
from workbench.volume import Volume
from workbench.zoo.tasks import LocalisationMetrics, LocalisationTask

AFFINE = np.array([[0.0, -2.0, 0.0, 5.0], [-1.5, 0.0, 0.0, 7.0], [0.0, 0.0, 3.0, 1.0], [0.0, 0.0, 0.0, 1.0]])


class Largest(LocalisationTask):
    """Scores are the channel of class 1."""

    def make_loss(self) -> Any:
        raise NotImplementedError

    def score_map(self, outputs: Any) -> np.ndarray:
        return outputs[:, 1]


def picture(values: np.ndarray, kind: str = "image") -> Volume:
    return Volume(values, AFFINE, axes=("i", "j"), kind=kind)


def test_targets_are_the_class_alone() -> None:
    task = Largest()
    mask = np.ones((4, 4), np.int64)
    for annotation in ({"class": 1}, {"class": 1, "mask": None}, {"class": 1, "mask": mask}):
        targets = task.targets(annotation, 2, (4, 4))
        assert set(targets) == {"label"}
        assert targets["label"].dtype == np.int64
        assert targets["label"] == 1
    with pytest.raises(InputError, match="the model has 2 classes"):
        task.targets({"class": 2}, 2, (4, 4))
    with pytest.raises(InputError, match=r"\{'class': int\}"):
        task.targets(1, 2, (4, 4))


def test_the_answer_lies_on_the_volume() -> None:
    values = np.random.default_rng(0).normal(size=(10, 13)).astype(np.float32)
    volume = picture(values)
    prepared = Preprocess(orientation="IPL", divisible_by=8, intensity={"kind": "none"}).apply(volume)
    outputs = np.stack([np.zeros_like(prepared.array[0]), prepared.array[0]])[None]
    answer = Largest().answer(outputs, prepared, ("normal", "lesion"))
    assert answer.kind == "scores"
    assert answer.same_grid(volume)
    assert np.allclose(answer.data, values, atol=1e-6)


def test_coarse_maps_cover_the_same_field() -> None:
    volume = picture(np.zeros((16, 16), np.float32))
    prepared = Preprocess().apply(volume)
    coarse = np.zeros((1, 2, 4, 4), np.float32)
    coarse[0, 1, 0, 2] = 1
    answer = Largest().answer(coarse, prepared, ("normal", "lesion"))
    assert answer.same_grid(volume)
    assert np.unravel_index(answer.data.argmax(), (16, 16))[0] < 4
    assert 8 <= np.unravel_index(answer.data.argmax(), (16, 16))[1] < 12


def test_metrics_skip_samples_without_a_mask() -> None:
    metrics = LocalisationMetrics(0.5)
    assert np.isnan(list(metrics.compute().values())).all()
    scores = picture(np.array([[0.1, 0.9], [0.2, 0.7]], np.float32), "scores")
    metrics.update(scores, {"class": 1, "mask": None})
    metrics.update(scores, {"class": 0})
    assert set(metrics.compute()) == {"pr_auc", "roc_auc", "dice"}
    assert np.isnan(list(metrics.compute().values())).all()
    metrics.update(scores, {"class": 1, "mask": picture(np.array([[0, 5], [0, 0]]), "labels")})
    assert metrics.compute() == pytest.approx({"pr_auc": 1.0, "roc_auc": 1.0, "dice": 2 / 3})


def test_metrics_take_another_grid() -> None:
    fine = np.zeros((8, 8), np.int64)
    fine[:4, 4:] = 3
    halved = AFFINE @ np.diag([0.5, 0.5, 1, 1])
    halved[:, 3] = AFFINE @ [-0.25, -0.25, 0, 1]
    mask = Volume(fine, halved, axes=("i", "j"), kind="labels")
    coarse = np.zeros((4, 4), np.float32)
    coarse[:2, 2:] = 1
    metrics = LocalisationMetrics()
    metrics.update(picture(coarse, "scores"), {"class": 1, "mask": mask})
    assert set(metrics.compute()) == {"pr_auc", "roc_auc"}
    assert metrics.compute()["roc_auc"] > 0.99
