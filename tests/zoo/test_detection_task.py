"""What the detectors share: padding, non-maximum suppression, the way back onto the volume, scores."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.shapes import Boxes, Points
from workbench.transforms import Preprocess
from workbench.volume import Volume
from workbench.zoo.tasks import DetectionMetrics, DetectionTask
from workbench.zoo.tasks.detection import padded_boxes, suppressed

AFFINE = np.array([[0.0, -2.0, 0.0, 5.0], [-1.5, 0.0, 0.0, 7.0], [0.0, 0.0, 3.0, 1.0], [0.0, 0.0, 0.0, 1.0]])


class Given(DetectionTask):
    """Answers with the boxes that it is given as outputs."""

    def targets(self, annotation: Any, num_classes: int, shape: Any) -> Any:
        raise NotImplementedError

    def make_loss(self) -> Any:
        raise NotImplementedError

    def decode(self, outputs: Any) -> list[Boxes]:
        return [Boxes(rows, scores=np.linspace(0.9, 0.1, len(rows))) for rows in outputs]


def test_padding() -> None:
    boxes = Boxes([[1, 1, 3, 4], [-3, 0, 1, 2], [-9, 0, -3, 2]], [2, 0, 1])
    values, labels, valid = padded_boxes(boxes, 3, (8, 8), limit=4)
    # the centre of the second lies outside, as does all of the third
    assert values.tolist() == [[1, 1, 3, 4], *[[0] * 4] * 3]
    assert valid.tolist() == [True, False, False, False]
    assert labels.tolist() == [2, 0, 0, 0]
    assert padded_boxes(Boxes([]), 3, (8, 8), limit=2)[2].tolist() == [False, False]
    cut = padded_boxes(Boxes([[-3, 0, 3, 2]]), 1, (8, 8), limit=1)[0]
    assert cut.tolist() == [[-0.5, 0, 3, 2]]
    with pytest.raises(InputError, match="the model has 2 classes"):
        padded_boxes(boxes, 2, (8, 8), limit=4)
    with pytest.raises(InputError, match="1 boxes at most, got 2"):
        padded_boxes(Boxes([[1, 1, 3, 4]] * 2), 2, (8, 8), limit=1)
    with pytest.raises(InputError, match="2D Boxes"):
        padded_boxes(Points([[1, 1]]), 2, (8, 8), limit=1)


def test_suppression() -> None:
    values = [[0, 0, 10, 10], [0, 1, 10, 11], [0, 5, 10, 15], [0, 0, 10, 10], [50, 50, 60, 60]]
    boxes = Boxes(values, [0, 0, 0, 1, 0], scores=[0.6, 0.9, 0.5, 0.8, 0.1])
    kept = suppressed(boxes, iou=0.5, limit=10)
    # the first overlaps by 9/11 with the second, the third by 6/14; the fourth is of another class
    assert kept.scores.tolist() == [0.9, 0.8, 0.5, 0.1]
    assert kept.labels.tolist() == [0, 1, 0, 0]
    assert suppressed(boxes, iou=0.4, limit=10).scores.tolist() == [0.9, 0.8, 0.1]
    assert suppressed(boxes, iou=0.9, limit=2).scores.tolist() == [0.9, 0.8]
    assert len(suppressed(Boxes([], scores=[]), iou=0.5, limit=3)) == 0


def test_the_answer_lies_on_the_volume() -> None:
    volume = Volume(np.zeros((20, 26), np.float32), AFFINE, axes=("i", "j"))
    prepared = Preprocess(orientation="IPL", divisible_by=8).apply(volume)
    truth = Boxes([[2, 3, 8, 9], [-0.5, 20, 5, 25.5]], affine=AFFINE)
    outputs = [truth.onto(prepared.affine).values]
    found = Given().answer(outputs, prepared, ("lesion",))
    assert np.allclose(found.affine, AFFINE)
    assert np.allclose(found.values, truth.values)
    assert found.scores.tolist() == [0.9, 0.1]


def test_presence() -> None:
    task = Given()
    logits = np.array([[0.0, 100.0, -100.0]], np.float32)
    assert np.allclose(task.presence({"logits": logits}), [[0.5, 1, 0]])
    dense = np.random.default_rng(0).normal(size=(1, 2, 3, 3)).astype(np.float32)
    assert np.array_equal(task.presence({"logits": dense}), dense.argmax(axis=1))


def test_metrics() -> None:
    metrics = DetectionMetrics(("cell", "platelet"))
    truth = Boxes([[0, 0, 10, 10], [20, 20, 24, 24]], [0, 1], affine=np.diag([2.0, 2.0, 1, 1]))
    fine = Boxes([[0, 0, 20, 20], [40, 40, 48, 48]], [0, 0], scores=[0.9, 0.8])  # the second is of the wrong class
    metrics.update(fine, truth)
    metrics.update(Boxes([], scores=[]), Boxes([]))
    scores = metrics.compute()
    assert scores == pytest.approx({"map50": 0.5, "map": 0.5, "froc": 0.5, "ap50/cell": 1, "ap50/platelet": 0})
