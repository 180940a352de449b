from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing.algorithms.localisation import LocalisationContract
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.volume import Volume


class TestTSCAM(ParityByDefault, LocalisationContract):
    name = "ts-cam"
    tiny = {"patch": 4, "dim": 12, "depth": 2, "heads": 3, "mlp_dim": 16, "image_size": 16}
    size = (16, 12)
    default_size = (64, 48)

    def ideal_outputs(self, targets):
        label = int(targets["label"])
        one_hot = 20 * np.eye(self.num_classes, dtype=np.float32)[label]
        seen = self.mask(label)[::4, ::4] > 0
        return {
            "logits": one_hot[None],
            "semantic": np.where(seen, 1, -1) * one_hot[None, :, None, None],
            "attention": np.ones((1, *seen.shape), np.float32),
        }

    def test_logits_are_the_means_of_the_semantic_maps(self) -> None:
        outputs = self.model().forward(self.inputs(2))
        assert outputs["semantic"].shape == (2, 3, 4, 3)
        assert np.allclose(outputs["semantic"].mean(axis=(2, 3)), outputs["logits"], atol=1e-6)

    def test_attention_is_that_of_the_class_token(self) -> None:
        model, inputs = self.model(), self.inputs(2)
        state = model.state()
        # without queries every token attends to all of them alike: 1 / (12 patches + 1), in each of two layers
        for name in ("blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight"):
            state[name][:12] = 0
        model.framework.load_state(model.module, state)
        attention = model.forward(inputs)["attention"]
        assert attention.shape == (2, 4, 3)
        assert np.allclose(attention, 2 / 13, atol=1e-6)

    def test_attention_points_at_a_patch(self) -> None:
        model = self.model(depth=1, heads=1, in_channels=1, image_size=16)
        state = {name: np.zeros_like(value) for name, value in model.state().items()}
        state["blocks.0.norm1.weight"] += 1
        state["patch_embed.proj.weight"][0] = 1  # the brightness of a patch is its first channel
        state["blocks.0.attn.qkv.bias"][:12] = 10 * np.eye(12, dtype=np.float32)[0]  # which is what is asked for
        state["blocks.0.attn.qkv.weight"][12:24] = np.eye(12, dtype=np.float32)
        model.framework.load_state(model.module, state)
        picture = np.zeros((1, 1, 16, 16), np.float32)
        picture[0, 0, 4:8, 8:12] = 1
        attention = model.forward(picture)["attention"][0]
        assert np.unravel_index(attention.argmax(), attention.shape) == (1, 2)
        assert attention[1, 2] > 0.9


def outputs_of(logits, attention, semantic):
    arrays = {"logits": logits, "attention": attention, "semantic": semantic}
    return {name: np.array(value, np.float32) for name, value in arrays.items()}


def test_the_map_is_that_of_the_likeliest_class_but_the_first() -> None:
    task = wb.zoo.algorithm("ts-cam").task
    outputs = outputs_of(
        [[9, 1, 2], [0, 5, 1]],
        [[[1, 3]], [[0.1, 0.3]]],
        [[[[7, 7]], [[5, 1]], [[1, 3]]], [[[7, 7]], [[4, 1]], [[0, 0]]]],
    )
    # attention 0.5 and 1.5 times the average; probabilities of class 2 in the first picture, of class 1 in the second
    first = [np.exp(1) / np.exp([7, 5, 1]).sum(), np.exp(3) / np.exp([7, 1, 3]).sum()]
    second = [np.exp(4) / np.exp([7, 4, 0]).sum(), np.exp(1) / np.exp([7, 1, 0]).sum()]
    wanted = [[[0.5 * first[0], 1.5 * first[1]]], [[0.5 * second[0], 1.5 * second[1]]]]
    assert np.allclose(task.score_map(outputs), wanted, rtol=1e-5)


def test_what_counts_is_the_evidence_against_the_other_classes() -> None:
    task, semantic = wb.zoo.algorithm("ts-cam").task, np.array([[[[0, 0.5]], [[-3, 1]]]])
    maps = [task.score_map(outputs_of([[0, -1]], [[[8, 2]]], semantic + shift)) for shift in (0, -5)]
    assert np.allclose(maps[0], maps[1], rtol=1e-5)
    assert np.allclose(maps[0], [[[1.6 / (1 + np.exp(3)), 0.4 / (1 + np.exp(-0.5))]]], rtol=1e-5)


def test_what_an_average_patch_has_when_sure_counts_as_found() -> None:
    scores = wb.zoo.algorithm("ts-cam").task.metrics(["normal", "lesion"])
    truth = Volume(np.array([[0, 1, 1]], np.uint8), kind="labels", axes=("i", "j"))
    scores.update(Volume(np.array([[0.9, 1.0, 1.1]]), kind="scores", axes=("i", "j")), {"class": 1, "mask": truth})
    assert scores.compute()["dice"] == 1


def test_a_single_class_and_no_attention() -> None:
    task = wb.zoo.algorithm("ts-cam").task
    single = outputs_of([[0.5]], [[[1, 3]]], [[[[2, 2]]]])
    assert np.array_equal(task.score_map(single), [[[0.5, 1.5]]])
    blind = outputs_of([[0.5]], [[[0, 0]]], [[[[2, 2]]]])
    assert np.array_equal(task.score_map(blind), [[[0, 0]]])


def test_outputs_of_another_network() -> None:
    task = wb.zoo.algorithm("ts-cam").task
    with pytest.raises(InputError, match=r"'attention', got \['logits'\]"):
        task.score_map({"logits": np.zeros((1, 2))})
    with pytest.raises(InputError, match="got ndarray"):
        task.score_map(np.zeros((1, 2)))
