from __future__ import annotations

import numpy as np
import pytest

from workbench import frameworks
from workbench.errors import InputError
from workbench.volume import Volume
from workbench.zoo.tasks import UNLABELLED, ClassificationTask, SegmentationTask


@pytest.fixture
def torch():
    return pytest.importorskip("torch")


def loss_of(task, outputs, label, **options):
    torch = pytest.importorskip("torch")
    loss = task.make_loss(**options)(*frameworks.get("torch").vocabulary)
    return loss(torch.as_tensor(outputs), {"label": torch.as_tensor(label)})


def test_segmentation_loss_by_hand():
    # four voxels, two labels; the probabilities of label 1 are 0.5, 0.5, 0.9, 0.2, the truth is 0 0 1 1
    p = np.array([0.5, 0.5, 0.9, 0.2])
    outputs = np.log(np.stack([1 - p, p])).reshape(1, 2, 2, 2).astype(np.float32)
    label = np.array([0, 0, 1, 1]).reshape(1, 2, 2)
    terms = loss_of(SegmentationTask(2), outputs, label)
    cross_entropy = -np.log([0.5, 0.5, 0.9, 0.2]).mean()
    dice = 1 - (2 * 1.1 + 1) / (2.1 + 2 + 1)
    assert np.isclose(float(terms["cross_entropy"]), cross_entropy, rtol=1e-5)
    assert np.isclose(float(terms["dice"]), dice, rtol=1e-5)
    assert np.isclose(float(terms["loss"]), cross_entropy + dice, rtol=1e-5)
    only = loss_of(SegmentationTask(2), outputs, label, cross_entropy=0, dice=2)
    assert set(only) == {"loss", "dice"}
    assert np.isclose(float(only["loss"]), 2 * dice, rtol=1e-5)


def test_voxels_without_annotation_do_not_count():
    rng = np.random.default_rng(0)
    outputs = rng.normal(size=(1, 3, 4, 4)).astype(np.float32)
    label = rng.integers(0, 3, size=(1, 4, 4))
    label[:, 2:] = UNLABELLED
    before = float(loss_of(SegmentationTask(2), outputs, label)["loss"])
    outputs[:, :, 2:] += rng.normal(size=(1, 3, 2, 4)).astype(np.float32)
    assert float(loss_of(SegmentationTask(2), outputs, label)["loss"]) == pytest.approx(before, rel=1e-6)
    outputs[:, :, :2] += rng.normal(size=(1, 3, 2, 4)).astype(np.float32)
    assert float(loss_of(SegmentationTask(2), outputs, label)["loss"]) != pytest.approx(before, rel=1e-3)
    assert SegmentationTask(2).targets(label[0], 3, label[0].shape)["label"].max() == UNLABELLED


def test_class_weights():
    outputs, label = np.array([[2.0, 0.0], [0.0, 1.0]], np.float32), np.array([1, 1])
    plain = loss_of(ClassificationTask(), outputs, label)
    weighted = loss_of(ClassificationTask(), outputs, label, class_weights=[0, 5])
    assert float(plain["loss"]) == pytest.approx(float(weighted["loss"]), rel=1e-6)
    with pytest.raises(InputError, match="2 classes, got 3"):
        loss_of(ClassificationTask(), outputs, label, class_weights=[1, 1, 1])
    with pytest.raises(InputError, match="zero or more"):
        ClassificationTask().make_loss(class_weights=[-1, 1])


def test_a_loss_needs_a_term():
    with pytest.raises(InputError, match="above 0"):
        SegmentationTask(3).make_loss(cross_entropy=0, dice=0)


def test_segmentation_metrics_are_in_millimetres(affine):
    truth = np.zeros((8, 8, 8), np.uint8)
    truth[2:6, 2:6, 2:6] = 1
    truth[6:, 6:, 6:] = 2
    volume = Volume(truth, affine, kind="labels")
    metrics = SegmentationTask(3).metrics(["background", "core", "rim", "absent"])
    metrics.update(volume.reorient("SPL"), volume)  # the same labels, stored another way round
    scores = metrics.compute()
    assert scores["dice/core"] == scores["dice/rim"] == scores["dice"] == 1
    assert np.isnan(scores["dice/absent"])
    half = truth.copy()
    half[4:6] = 0
    metrics.update(volume.with_data(half), volume)
    assert metrics.compute()["dice/core"] == pytest.approx((1 + 2 * 32 / (32 + 64)) / 2)


def test_classification_metrics():
    metrics = ClassificationTask().metrics(["a", "b"])
    for probability, truth in ((0.9, 1), (0.6, 1), (0.55, 0), (0.1, 0)):
        metrics.update(np.array([1 - probability, probability]), truth)
    assert metrics.compute() == {"auc": 1.0, "accuracy": 0.75}
