from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench.errors import InputError
from workbench.shapes import Boxes
from workbench.testing.algorithms.detection import DetectionContract, same_boxes, scattered_boxes
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.zoo.lung_nodule_transformer.matching import generalised_overlap, match_queries
from workbench.zoo.lung_nodule_transformer.task import TASK, DETRTask, match


def ideal(targets: dict[str, np.ndarray], shape: tuple[int, ...], num_classes: int, queries: int, layers: int = 2):
    """Return the outputs of a network that is always right; its queries answer in reverse order."""
    used = targets["used"] > 0
    box, label = targets["box"][used][::-1], targets["label"][used][::-1]
    classes = np.full((queries, num_classes + 1), -10, np.float32)
    classes[np.arange(len(label)), label] = 10
    classes[len(label) :, -1] = 10
    boxes = np.full((queries, 4), 0.25, np.float32)
    boxes[: len(box)] = box
    low, high = boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2
    scale = np.array([shape[1], shape[0]])
    corners = np.concatenate([(low * scale - 0.5)[:, ::-1], (high * scale - 0.5)[:, ::-1]], axis=1)
    return {
        "classes": np.stack([classes] * layers)[None],
        "boxes": np.stack([boxes] * layers)[None],
        "corners": corners[None].astype(np.float32),
    }


class TestLungNoduleTransformer(ParityByDefault, DetectionContract):
    name = "lung-nodule-transformer"
    tiny = {
        "depth": 18,
        "width": 2,
        "norm": "batch",
        "dim": 8,
        "heads": 2,
        "layers": 2,
        "mlp_dim": 8,
        "queries": 6,
        "dropout": 0.0,
    }
    size = (32, 48)
    default_size = (64, 96)
    default_options = {"dropout": 0.0}
    sides = (6.0, 20.0)

    def settle(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        # fresh queries answer alike to the last digits, so that rounding decides which of them is to have a box
        return {
            name: value * np.float32(20) if name == "query_embed.weight" else value for name, value in state.items()
        }

    def ideal_outputs(self, targets: Any, shape: Any = None) -> dict[str, np.ndarray]:
        return ideal(targets, shape or self.size, self.num_classes, 6)

    def test_learns_one_batch(self) -> None:
        model = self.model()
        trainer = self.trainer(model, "adamw", 3e-3)
        inputs, targets = self.learnable_inputs(), self.batch_targets(2)
        # a transformer takes more and smaller steps than the contract makes
        losses = [trainer.step(inputs, targets, step_seed=k, lr=3e-3)["loss"] for k in range(80)]
        assert losses[-1] < 0.7 * losses[0]

    def test_the_main_output_is_of_the_surest_box(self) -> None:
        model = self.model()
        outputs = model.forward(self.inputs(2))
        classes = outputs["classes"][:, -1].astype(np.float64)
        likely = np.exp(classes) / np.exp(classes).sum(axis=2, keepdims=True)
        assert np.allclose(model.task.presence(outputs), likely[:, :, :-1].max(axis=1), atol=1e-6)

    def test_corners_are_the_boxes_in_voxels(self) -> None:
        outputs = self.model().forward(self.inputs(1))
        x, y, w, h = outputs["boxes"][0, -1].T
        expected = [(y - h / 2) * 32 - 0.5, (x - w / 2) * 48 - 0.5, (y + h / 2) * 32 - 0.5, (x + w / 2) * 48 - 0.5]
        assert np.allclose(outputs["corners"][0], np.stack(expected, axis=1), atol=1e-4)

    def test_sizes_that_are_not_multiples(self) -> None:
        assert self.model().forward(np.zeros((1, 2, 33, 50), np.float32))["corners"].shape == (1, 6, 4)


class TestFrozen(TestLungNoduleTransformer):
    """The backbone's norms keep what they are given."""

    tiny = {**TestLungNoduleTransformer.tiny, "norm": "frozen", "dim": 12, "heads": 4, "stages": 3}

    def test_the_norms_are_not_trained(self) -> None:
        model = self.model()
        names = model.framework.parameter_names(model.module)
        state = model.state()
        assert not [name for name in names if ".bn" in name]
        assert "backbone.0.body.layer1.0.bn1.running_mean" in state
        assert "transformer.encoder.layers.1.self_attn.in_proj_weight" in names
        assert "transformer.decoder.layers.0.multihead_attn.out_proj.weight" in names
        assert "bbox_embed.layers.2.bias" in names
        # what lies behind the map that the transformer sees is not there
        assert "backbone.0.body.layer3.1.conv2.weight" in names
        assert not [name for name in names if "layer4" in name]


def test_overlap_by_hand() -> None:
    one = [0.25, 0.25, 0.5, 0.5]
    assert np.isclose(generalised_overlap(one, one), 1, atol=1e-5)
    # side by side: nothing shared, nothing lost
    assert np.isclose(generalised_overlap(one, [0.75, 0.25, 0.5, 0.5]), 0, atol=1e-5)
    # on the diagonal: half of the square around both is neither's
    assert np.isclose(generalised_overlap(one, [0.75, 0.75, 0.5, 0.5]), -0.5, atol=1e-5)


def test_matching_by_hand() -> None:
    boxes = np.array([[0.2, 0.2, 0.2, 0.2], [0.8, 0.8, 0.2, 0.2], [0.8, 0.8, 0.2, 0.2]], np.float32)
    logits = np.array([[0, 0, 5], [0, 0, 5], [0, 3, 0]], np.float32)
    queries, truths = match_queries(logits, boxes, np.array([1, 0]), boxes[[1, 0]], weights=(1, 5, 2))
    # query 2 lies where query 1 does, and is surer of the class
    assert dict(zip(truths.tolist(), queries.tolist(), strict=True)) == {0: 2, 1: 0}
    # without the class, any of the two will do; without the boxes, the class decides
    assert match_queries(logits, boxes, np.array([1]), boxes[[0]], weights=(1, 0, 0))[0].tolist() == [2]
    assert match_queries(logits, boxes, np.array([1]), boxes[[0]], weights=(0, 1, 0))[0].tolist() == [0]


def test_more_boxes_than_queries() -> None:
    targets = TASK.targets(Boxes([[k, k, k + 3, k + 5] for k in range(0, 40, 5)]), 1, (64, 64))
    logits, boxes = np.zeros((1, 4, 2), np.float32), np.full((1, 4, 4), 0.3, np.float32)
    wanted, _, used = match(logits, boxes, {k: v[None] for k, v in targets.items()}, (1, 5, 2))
    assert used.sum() == 4
    assert wanted.tolist() == [[0] * 4]


def test_the_loss_by_hand() -> None:
    torch = pytest.importorskip("torch")
    targets = {
        k: torch.as_tensor(v)[None] for k, v in TASK.targets(Boxes([[-0.5, -0.5, 15.5, 15.5]]), 1, (32, 32)).items()
    }
    logits = torch.zeros(1, 1, 2, 2)
    boxes = torch.tensor([[[[0.75, 0.25, 0.5, 0.5], [0.75, 0.75, 0.5, 0.5]]]])
    terms = TASK.make_loss()(torch.nn, torch.nn.functional, torch)({"classes": logits, "boxes": boxes}, targets)
    assert terms["class"].item() == pytest.approx(np.log(2), abs=1e-5)
    assert terms["distance"].item() == pytest.approx(0.5)
    assert terms["overlap"].item() == pytest.approx(1, abs=1e-5)
    assert terms["loss"].item() == pytest.approx(np.log(2) + 5 * 0.5 + 2 * 1, abs=1e-4)
    logits[0, 0, 1, 0] = 100  # weights 1 and 0.1: the wrong one counts for little
    cheap = TASK.make_loss(nothing=0.0)(torch.nn, torch.nn.functional, torch)
    assert cheap({"classes": logits, "boxes": boxes}, targets)["class"].item() == pytest.approx(np.log(2), abs=1e-5)


def test_the_loss_of_several_layers_is_the_sum_of_theirs() -> None:
    torch = pytest.importorskip("torch")
    annotations = [
        Boxes([[-0.5, -0.5, 15.5, 15.5], [3, 4, 20, 30]], [0, 1]),
        Boxes([[5, 5, 12, 25]], [1]),
        Boxes(np.zeros((0, 4)), np.zeros(0, int)),
    ]
    made = [TASK.targets(boxes, 2, (32, 32)) for boxes in annotations]
    targets = {key: torch.as_tensor(np.stack([one[key] for one in made])) for key in made[0]}
    rng = np.random.default_rng(0)
    logits = torch.as_tensor(rng.normal(size=(3, 4, 5, 3)).astype(np.float32))
    boxes = torch.as_tensor(rng.uniform(0.2, 0.8, size=(3, 4, 5, 4)).astype(np.float32))
    loss = TASK.make_loss()(torch.nn, torch.nn.functional, torch)
    together = loss({"classes": logits, "boxes": boxes}, targets)
    layers = [loss({"classes": logits[:, k : k + 1], "boxes": boxes[:, k : k + 1]}, targets) for k in range(4)]
    assert together["loss"].item() == pytest.approx(sum(layer["loss"].item() for layer in layers), rel=1e-5)
    for term in ("class", "distance", "overlap"):
        assert together[term].item() == pytest.approx(layers[-1][term].item(), rel=1e-5), term


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 8), st.sampled_from([(17, 40), (64, 64), (300, 200)]))
def test_boxes_come_back(seed: int, count: int, shape: tuple[int, int]) -> None:
    boxes = scattered_boxes(np.random.default_rng(seed), shape, count, (2.0, 15.0))
    outputs = ideal(TASK.targets(boxes, 3, shape), shape, 3, queries=10)
    assert same_boxes(TASK.decode(outputs)[0], boxes, 1e-2)


def test_touching_boxes_and_boxes_at_the_border_come_back() -> None:
    shape = (64, 96)
    boxes = Boxes(
        [[-0.5, -0.5, 15.5, 15.5], [15.5, -0.5, 31.5, 15.5], [-0.5, 15.5, 15.5, 31.5], [47.5, 79.5, 63.5, 95.5]],
        [0, 0, 0, 1],
    )
    assert same_boxes(TASK.decode(ideal(TASK.targets(boxes, 2, shape), shape, 2, queries=6))[0], boxes, 1e-2)


def test_the_surest_come_first() -> None:
    outputs = ideal(TASK.targets(Boxes([[1, 1, 5, 5], [8, 8, 20, 20]]), 1, (32, 32)), (32, 32), 1, queries=3)
    outputs["classes"][0, -1, 0, 0] = -9  # against -10 of nothing: 0.73
    found = TASK.decode(outputs)[0]
    assert found.scores == pytest.approx([1, 0.731], abs=1e-3)
    assert len(DETRTask(confidence=0.8).decode(outputs)[0]) == 1


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="multiple of 4 and of heads"):
        wb.zoo.create("lung-nodule-transformer", width=2, dim=10, heads=5)
    with pytest.raises(InputError, match="0 or more"):
        TASK.make_loss(nothing=-1)
