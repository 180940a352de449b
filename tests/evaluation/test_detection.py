"""Scores of detections against cases computed by hand, and against MONAI's COCO metric and FROC."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.evaluation import average_precision, box_iou, froc, match_boxes
from workbench.evaluation.detection import COCO_IOUS, FROC_RATES
from workbench.shapes import Boxes


def unit(*corners: tuple[float, float], size: float = 10, labels=None, scores=None) -> Boxes:
    values = [[i, j, i + size, j + size] for i, j in corners]
    return Boxes(np.array(values).reshape(-1, 4), labels=() if labels is None else labels, scores=scores)


def random_case(seed: int, images: int = 5, classes: int = 3) -> tuple[list[Boxes], list[Boxes]]:
    rng = np.random.default_rng(seed)
    predictions, truths = [], []
    for _ in range(images):
        n = int(rng.integers(0, 6))
        low = rng.uniform(0, 40, (n, 2))
        true = np.concatenate([low, low + rng.uniform(4, 20, (n, 2))], axis=1)
        labels = rng.integers(0, classes, n)
        near = true + rng.normal(0, 1.5, true.shape)
        keep = (near[:, 2:] > near[:, :2]).all(axis=1)
        extra_low = rng.uniform(0, 40, (4, 2))
        extra = np.concatenate([extra_low, extra_low + rng.uniform(4, 20, (4, 2))], axis=1)
        values = np.concatenate([near[keep], near[keep] + 0.5, extra])
        names = np.concatenate([labels[keep], labels[keep], rng.integers(0, classes, 4)])
        truths.append(Boxes(true, labels))
        predictions.append(Boxes(values, names, scores=rng.uniform(size=len(values))))
    return predictions, truths


def test_overlap() -> None:
    overlap = box_iou([[0, 0, 4, 2]], [[0, 0, 4, 2], [2, 1, 6, 3], [4, 0, 5, 2]])
    assert np.allclose(overlap, [[1, 2 / 14, 0]])
    assert np.allclose(box_iou([[0, 0, 0, 2, 2, 2]], [[1, 1, 1, 3, 3, 3]]), 1 / 15)
    assert box_iou(np.zeros((0, 4)), [[0, 0, 1, 1]]).shape == (0, 1)
    with pytest.raises(InputError, match="both alike"):
        box_iou([[0, 0, 1, 1]], [[0, 0, 0, 1, 1, 1]])


def test_matching_is_one_to_one_and_by_score() -> None:
    truths = unit((0, 0), (30, 0))
    predictions = unit((1, 0), (0, 0), (30, 1), (30, 0), scores=[0.9, 0.8, 0.3, 0.7])
    # 0 takes the first although 1 overlaps more with it; 3 is surer than 2
    assert match_boxes(predictions, truths).tolist() == [0, -1, -1, 1]
    other = Boxes(predictions.values, [1, 0, 0, 0], scores=predictions.scores)
    assert match_boxes(other, truths).tolist() == [-1, 0, -1, 1]
    assert match_boxes(predictions, unit()).tolist() == [-1] * 4


def test_average_precision_by_hand() -> None:
    truths = [unit((0, 0), (30, 0)), unit((0, 0))]
    predictions = [unit((0, 0), (60, 0), scores=[0.9, 0.8]), unit((0, 0), scores=[0.7])]
    # in order right, wrong, right: precision 1 up to recall 1/3 (34 recalls), 2/3 up to 2/3 (33), then 0
    expected = (34 * 1 + 33 * 2 / 3) / 101
    result = average_precision(predictions, truths)
    assert result["map"] == pytest.approx(expected)
    assert result["ap"] == pytest.approx([expected])


def test_classes_and_thresholds() -> None:
    truths = [unit((0, 0), (30, 0), labels=[0, 2])]
    shifted = Boxes([[0, 0, 10, 10], [30, 2.5, 40, 12.5]], [0, 2], scores=[0.5, 0.5])  # overlaps of 1 and 0.6
    result = average_precision([shifted], truths, num_classes=4)
    assert result["map"] == 1
    assert np.isnan(result["ap"]).tolist() == [False, True, False, True]
    assert average_precision([shifted], truths, iou=0.65)["ap"][2] == 0
    assert average_precision([shifted], truths, iou=(0.5, 0.65))["map"] == pytest.approx(0.75)
    assert average_precision([shifted], truths, iou=COCO_IOUS)["ap"][2] == pytest.approx(0.3)
    assert average_precision([unit()], truths)["map"] == 0
    assert np.isnan(average_precision([shifted], [unit()])["map"])


def test_another_grid() -> None:
    affine = np.diag([2.0, 2.0, 1.0, 1.0])
    truths = Boxes([[0, 0, 5, 5]], affine=affine)
    predictions = Boxes([[0, 0, 10, 10]], scores=[1.0])
    assert average_precision([predictions], [truths])["map"] == 1


def test_froc_by_hand() -> None:
    truths = [unit((0, 0), (30, 0)), unit((0, 0))]
    predictions = [
        unit((1, 1), (2, 2), (60, 0), scores=[0.9, 0.85, 0.8]),  # hit, second hit of the same, miss
        unit((0, 0), (60, 60), (80, 80), scores=[0.5, 0.7, 0.4]),  # hit, miss, miss
    ]
    result = froc(predictions, truths)
    rates, shares = result["curve"]
    assert rates == [0, 0, 0.5, 1, 1, 1.5]
    assert shares == pytest.approx([0, 1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3])
    assert result["sensitivity"] == pytest.approx([1 / 3, 1 / 3, 1 / 3, 2 / 3, 2 / 3, 2 / 3, 2 / 3])
    assert result["score"] == pytest.approx(np.mean(result["sensitivity"]))
    assert froc(predictions, truths, rates=[0.75])["sensitivity"] == pytest.approx([1 / 3])
    assert froc(predictions, truths, hit="iou", iou=0.9)["sensitivity"][-1] == pytest.approx(1 / 3)


def test_froc_of_nothing() -> None:
    assert np.isnan(froc([unit()], [unit()])["score"])
    assert froc([unit()], [unit((0, 0))])["score"] == 0
    perfect = froc([unit((0, 0), scores=[0.2])], [unit((0, 0))])
    assert perfect["sensitivity"] == [1.0] * len(FROC_RATES)
    wrong_class = froc([unit((0, 0), labels=[1], scores=[0.2])], [unit((0, 0))])
    assert wrong_class["score"] == 0


@pytest.mark.parametrize("seed", range(3))
def test_average_precision_is_that_of_monai(seed: int) -> None:
    coco = pytest.importorskip("monai.apps.detection.metrics.coco")
    matching = pytest.importorskip("monai.apps.detection.metrics.matching")
    predictions, truths = random_case(seed)
    metric = coco.COCOMetric(classes=["a", "b", "c"], iou_list=(0.5,), iou_range=(0.5, 0.95, 0.05), max_detection=[100])
    results = matching.matching_batch(
        iou_fn=box_iou,
        iou_thresholds=metric.iou_thresholds,
        pred_boxes=[boxes.values for boxes in predictions],
        pred_classes=[boxes.labels for boxes in predictions],
        pred_scores=[boxes.scores for boxes in predictions],
        gt_boxes=[boxes.values for boxes in truths],
        gt_classes=[boxes.labels for boxes in truths],
        gt_ignore=[np.zeros(len(boxes)) for boxes in truths],
    )
    theirs = metric(results)[0]
    for label, name in enumerate("abc"):
        ours = average_precision(predictions, truths, iou=0.5, num_classes=3)["ap"][label]
        assert ours == pytest.approx(theirs[f"{name}_AP_IoU_0.50_MaxDet_100"], abs=1e-6)
    by_monai = theirs["mAP_IoU_0.50_0.95_0.05_MaxDet_100"]
    assert average_precision(predictions, truths, COCO_IOUS, num_classes=3)["map"] == pytest.approx(by_monai, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_froc_is_that_of_monai(seed: int) -> None:
    metrics = pytest.importorskip("monai.metrics")
    predictions, truths = random_case(seed, classes=1)
    false, true = [], []
    for found, there in zip(predictions, truths, strict=True):
        hits = box_iou(found.values, there.values) >= 0.5
        false.append(found.scores[~hits.any(axis=1)])
        true.append(np.where(hits, found.scores[:, None], 0).max(axis=0, initial=0))
    total = sum(map(len, truths))
    false.append(np.zeros(1))  # MONAI leaves the lowest threshold out
    curve = metrics.compute_froc_curve_data(np.concatenate(false), np.concatenate(true), total, len(truths))
    expected = metrics.compute_froc_score(*curve, eval_thresholds=(0.25, 0.5, 1, 2, 4))
    ours = froc(predictions, truths, hit="iou", iou=0.5, rates=(0.25, 0.5, 1, 2, 4))["score"]
    assert ours == pytest.approx(expected, abs=1e-6)


def test_what_is_refused() -> None:
    boxes, scored = unit((0, 0)), unit((0, 0), scores=[1.0])
    with pytest.raises(InputError, match="need scores"):
        average_precision([boxes], [boxes])
    with pytest.raises(InputError, match="One list of boxes per image"):
        froc([scored, scored], [boxes])
    with pytest.raises(InputError, match="num_classes=4"):
        average_precision([scored], [unit((0, 0), labels=[3])], num_classes=2)
    with pytest.raises(InputError, match="above 0 and at most 1"):
        match_boxes(scored, boxes, iou=0)
    with pytest.raises(InputError, match="Did you mean 'center'"):
        froc([scored], [boxes], hit="centre")
    with pytest.raises(InputError, match="3D"):
        froc([Boxes([[0, 0, 0, 1, 1, 1]], scores=[1.0])], [boxes])
