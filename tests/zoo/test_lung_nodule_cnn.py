from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import InputError
from workbench.shapes import Boxes
from workbench.testing.algorithms.detection import DetectionContract, same_boxes, scattered_boxes
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.zoo.lung_nodule_cnn.network import ANCHORS, STRIDES
from workbench.zoo.lung_nodule_cnn.task import TASK, YOLOTask


def logit(values: Any) -> np.ndarray:
    clipped = np.clip(values, 1e-6, 1 - 1e-6)
    return np.log(clipped / (1 - clipped))


def ideal(targets: dict[str, np.ndarray], shape: tuple[int, ...], num_classes: int) -> dict[str, np.ndarray]:
    """Return the outputs of a network that is always right."""
    outputs, start = {}, 0
    for level, stride in enumerate(STRIDES):
        size = (shape[0] // stride, shape[1] // stride)
        places = 3 * size[0] * size[1]
        owner = targets["owner"][start : start + places]
        start += places
        raw = np.zeros((places, 5 + num_classes))
        raw[:, 4:] = -20
        here = np.flatnonzero(owner >= 0)
        entry = owner[here]
        box, anchor = targets["box"][level, entry], targets["anchor"][level, entry]
        raw[here, :2] = logit((box[:, :2] + 0.5) / 2)
        raw[here, 2:4] = logit(np.sqrt(box[:, 2:] / anchor) / 2)
        raw[here, 4] = 20
        raw[here, 5 + targets["label"][level, entry]] = 20
        maps = raw.reshape(3, *size, -1).transpose(0, 3, 1, 2).reshape(1, -1, *size)
        outputs[f"p{level + 3}"] = maps.astype(np.float32)
    return outputs


class TestLungNoduleCNN(ParityByDefault, DetectionContract):
    name = "lung-nodule-cnn"
    tiny = {"width": 2, "repeats": 1}
    size = (64, 96)
    default_size = (64, 96)

    def ideal_outputs(self, targets: Any, shape: Any = None) -> dict[str, np.ndarray]:
        return ideal(targets, shape or self.size, self.num_classes)


class TestOneClass(TestLungNoduleCNN):
    """The class of the only kind of object is not learnt."""

    num_classes = 1
    in_channels = 1

    def annotation(self, seed: int) -> Boxes:
        return Boxes(super().annotation(seed).values)

    def test_an_option_of_the_loss_counts(self) -> None:
        with pytest.raises(InputError, match="0 or more"):
            TASK.make_loss(box=-1)


def test_names_are_those_of_published_weights() -> None:
    state = wb.zoo.create("lung-nodule-cnn", in_channels=3, num_classes=1, width=2).state()
    assert state["model.0.conv.weight"].shape == (2, 3, 6, 6)
    assert state["model.6.m.5.cv2.bn.running_var"].shape == (8,)
    assert state["model.13.m.1.cv1.conv.weight"].shape == (8, 8, 1, 1)
    assert state["model.24.m.2.bias"].shape == (18,)


def test_assignment_by_hand() -> None:
    # a box of 20 x 20 whose centre is 3 px right of and 1 px below a corner of cell (2, 4) of the finest map
    x, y = 4 * 8 + 3, 2 * 8 + 1
    box = Boxes([[y - 10.5, x - 10.5, y + 9.5, x + 9.5]], [1])
    targets = TASK.targets(box, 2, (64, 96))
    used = targets["used"].reshape(3, 3, 3, 300)[..., 0]  # map, cell, anchor
    # factors: 2 1.5 / 1.25 1.5 / 1.65 1.15, then 1.5 3.05 / 3.1 2.25 / 2.95 5.95, then above 4 throughout
    assert used.sum(axis=(1, 2)).tolist() == [9, 6, 0]
    places = targets["index"].reshape(3, 3, 3, 300)[0, :, 0, 0]
    own = 2 * 12 + 4
    assert set(places) == {own, own - 1, own - 12}  # the centre lies left of and above the middle of the cell
    entry = np.flatnonzero((targets["index"][0] == own) & (targets["used"][0] > 0))[0]
    assert np.allclose(targets["box"][0, entry], [3 / 8, 1 / 8, 2.5, 2.5])
    assert np.allclose(targets["anchor"][0, entry], [10 / 8, 13 / 8])
    assert targets["label"][0, entry] == 1
    assert targets["owner"][own] == entry
    # one cell beyond the border is none
    corner = TASK.targets(Boxes([[-0.5, -0.5, 15.5, 15.5]]), 1, (32, 32))
    assert corner["used"].reshape(3, 3, 3, 300)[0, :, 0, 0].sum() == 3  # its centre is at 8 px: cells 0 and 1


def test_the_loss_by_hand() -> None:
    torch = pytest.importorskip("torch")
    x, y, w, h = 35.0, 17.0, 20.0, 26.0
    box = Boxes([[y - h / 2 - 0.5, x - w / 2 - 0.5, y + h / 2 - 0.5, x + w / 2 - 0.5]], [1])
    targets = TASK.targets(box, 2, (64, 96))
    tensors = {key: torch.as_tensor(np.stack([value, value])) for key, value in targets.items()}
    # every cell answers with its anchor about its middle, and is a little sure
    outputs = {f"p{k}": torch.zeros(2, 21, 64 // 2**k, 96 // 2**k) for k in (3, 4, 5)}
    for raw in outputs.values():
        raw.reshape(2, 3, 7, *raw.shape[2:])[:, :, 4] = 1
    terms = TASK.make_loss()(torch.nn, torch.nn.functional, torch)(outputs, tensors)

    expected = {"box": 0.0, "objectness": 0.0, "class": 0.0}
    for stride, anchors, balance in zip(STRIDES, ANCHORS, (4.0, 1.0, 0.4), strict=True):
        cells = 64 * 96 // stride**2
        fits = [(a, b) for a, b in anchors if max(w / a, a / w, h / b, b / h) < 4]
        column, row = int(x // stride), int(y // stride)
        beside = column - 1 if x / stride % 1 < 0.5 else column + 1
        below = row - 1 if y / stride % 1 < 0.5 else row + 1
        places = [(column, row), (beside, row), (column, below)]
        places = [(j, i) for j, i in places if 0 <= j < 96 // stride and 0 <= i < 64 // stride]
        quality = [
            ciou(((j + 0.5) * stride, (i + 0.5) * stride, a, b), (x, y, w, h)) for j, i in places for a, b in fits
        ]
        if quality:
            expected["box"] += 1 - np.mean(quality)
            expected["class"] += np.log(2)
        expected["objectness"] += balance * (np.log(1 + np.e) - np.clip(quality, 0, None).sum() / (3 * cells))
    for name, value in expected.items():
        assert float(terms[name]) == pytest.approx(value, rel=1e-4), name
    total = 0.05 * expected["box"] + expected["objectness"] + 0.5 * expected["class"]
    assert float(terms["loss"]) == pytest.approx(2 * total, rel=1e-4)


def ciou(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the complete IoU of boxes (x, y, width, height)."""
    spans = [[(c[k] - c[k + 2] / 2, c[k] + c[k + 2] / 2) for k in (0, 1)] for c in (one, other)]
    shared = np.prod([max(0, min(a[1], b[1]) - max(a[0], b[0])) for a, b in zip(*spans, strict=True)])
    around = sum((max(a[1], b[1]) - min(a[0], b[0])) ** 2 for a, b in zip(*spans, strict=True))
    iou = shared / (one[2] * one[3] + other[2] * other[3] - shared)
    apart = (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2
    v = 4 / np.pi**2 * (np.arctan(one[2] / one[3]) - np.arctan(other[2] / other[3])) ** 2
    return float(iou - apart / around - v * v / (1 - iou + v + 1e-9))


def test_boxes_that_no_anchor_fits() -> None:
    tiny, thin, huge = [[10, 10, 12, 12]], [[5, 20, 59.5, 23]], [[-0.5, -0.5, 1999.5, 1999.5]]
    for values, best in ((tiny, (0, 0)), (thin, (0, 1))):
        used = TASK.targets(Boxes(values), 1, (64, 64))["used"].reshape(3, 3, 3, 300)[..., 0].max(axis=1)
        assert np.argwhere(used).tolist() == [list(best)]
    # four times the largest anchor is more than an anchor can be stretched to
    assert TASK.targets(Boxes(huge), 1, (2016, 2016))["used"].sum() == 0
    assert 4 * ANCHORS[2][2][0] < 2000


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 8), st.sampled_from([(64, 64), (96, 160), (224, 128)]))
def test_boxes_come_back(seed: int, count: int, shape: tuple[int, int]) -> None:
    boxes = scattered_boxes(np.random.default_rng(seed), shape, count, (3.0, 60.0))
    targets = TASK.targets(boxes, 3, shape)
    owners = np.unique(targets["owner"][targets["owner"] >= 0] % 300)
    assume(len(owners) == len(boxes))  # two centres in one cell, one shape: YOLO cannot have both
    assert same_boxes(TASK.decode(ideal(targets, shape, 3))[0], boxes)


def test_touching_boxes_and_boxes_at_the_border_come_back() -> None:
    shape = (64, 96)
    boxes = Boxes(
        [[-0.5, -0.5, 15.5, 15.5], [15.5, -0.5, 31.5, 15.5], [-0.5, 15.5, 15.5, 31.5], [47.5, 79.5, 63.5, 95.5]],
        [0, 0, 0, 1],
    )
    assert same_boxes(TASK.decode(ideal(TASK.targets(boxes, 2, shape), shape, 2))[0], boxes, 1e-2)


def test_decoding_keeps_the_surest() -> None:
    boxes = Boxes([[10, 10, 30, 30], [40, 50, 60, 80]], [0, 1])
    outputs = ideal(TASK.targets(boxes, 2, (64, 96)), (64, 96), 2)
    assert len(YOLOTask(limit=1).decode(outputs)[0]) == 1
    outputs = {name: raw.copy() for name, raw in outputs.items()}
    for raw in outputs.values():
        raw.reshape(1, 3, 7, *raw.shape[2:])[:, :, 4] -= 21  # sigmoid(-1) = 0.27
    assert len(YOLOTask(confidence=0.3).decode(outputs)[0]) == 0
    assert len(YOLOTask(confidence=0.2).decode(outputs)[0]) == 2
