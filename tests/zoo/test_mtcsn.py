from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.testing.algorithms.base import AlgorithmContract
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.volume import Volume
from workbench.zoo.mtcsn.task import JointMetrics, JointTask


class TestMTCSN(ParityByDefault, AlgorithmContract):
    name = "mtcsn"
    tiny = {"width": 2, "depth": 18, "decoder_width": 4, "tissues": 3}
    size = (64, 64)
    default_size = (64, 64)
    default_options = {"tissues": 3}

    def annotation(self, seed: int) -> dict[str, Any]:
        rng = np.random.default_rng(seed)
        mask = np.zeros(self.size, np.int64)
        for value in (1, 2):
            i, j = rng.integers(0, 40, 2)
            mask[i : i + 20, j : j + 24] = value
        return {"class": seed % self.num_classes, "mask": mask}

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        logits = 20 * np.eye(self.num_classes, dtype=np.float32)[targets["label"]][None]
        tissue = 20 * np.moveaxis(np.eye(3, dtype=np.float32)[targets["mask"]], -1, 0)[None]
        return {"logits": logits, "tissue": tissue}

    def matches(self, prediction: dict[str, np.ndarray], annotation: dict[str, Any]) -> bool:
        same = int(prediction["class"].argmax()) == annotation["class"]
        return same and np.array_equal(prediction["mask"], annotation["mask"])

    def is_for(self, answer: dict[str, Any], volume: Volume) -> bool:
        return bool(answer["mask"].same_grid(volume))

    def learnable_inputs(self) -> np.ndarray:
        masks = np.stack([self.annotation(seed)["mask"] for seed in range(2)])[:, None]
        shade = np.array([0.0, 2.0])[:, None, None, None]  # the class is told by how bright the whole picture is
        return (self.inputs(2) * 0.2 + masks + shade).astype(np.float32)

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        torch = pytest.importorskip("torch")
        targets = JointTask().targets(self.annotation(0), self.num_classes, self.size)
        loss = JointTask().make_loss()(*frameworks.get("torch").vocabulary)
        tensors = {key: torch.as_tensor(value)[None] for key, value in targets.items()}
        ideal = {key: torch.as_tensor(value) for key, value in self.ideal_outputs(targets).items()}
        assert loss(ideal, tensors)["loss"] < 1e-2
        for name in ideal:
            worse = loss({**ideal, name: -ideal[name]}, tensors)
            assert worse["loss"] > 0.5
            assert (worse["classification"] > 0.5) == (name == "logits")
            assert (worse["tissue_dice"] > 0.5) == (name == "tissue")

    def test_label_beyond_the_classes(self) -> None:
        task, mask = JointTask(), np.zeros(self.size, np.int64)
        with pytest.raises(InputError, match=f"the model has {self.num_classes} classes"):
            task.targets({"class": 40, "mask": mask}, self.num_classes, self.size)
        for part in ({"class": 1}, {"class": 1, "mask": None}, 1):
            with pytest.raises(InputError, match="both needed"):
                task.targets(part, self.num_classes, self.size)

    @pytest.mark.parametrize("framework", ["torch", pytest.param("mindspore", marks=pytest.mark.mindspore)])
    def test_a_mask_with_more_tissues_than_the_network(self, framework: str) -> None:
        model = self.model(framework)
        targets = self.batch_targets(2)
        targets["mask"][:, 0, 0] = 255  # not annotated, not a tissue
        trainer = self.trainer(model)
        assert np.isfinite(trainer.step(self.inputs(2), targets, step_seed=0, lr=1e-3)["loss"])
        targets["mask"][0, 0, 0] = 3
        with pytest.raises(InputError, match=r"label 3, .*tissues=3 .*tissues=4"):
            trainer.step(self.inputs(2), targets, step_seed=0, lr=1e-3)

    def test_the_answer(self) -> None:
        model = self.model(classes=["clear", "turbid", "dark"])
        volume = self.volume(self.in_channels, (50, 70))
        answer = model.predict(volume)
        assert set(answer) == {"class", "mask"}
        assert answer["class"].classes == ("clear", "turbid", "dark")
        assert answer["mask"].same_grid(volume)
        assert answer["mask"].labels == {0: "background", 1: "tissue 1", 2: "tissue 2"}

    def test_the_branches_help_each_other(self) -> None:
        model, inputs = self.model(seed=3), self.inputs(1)
        before, state = model.forward(inputs), model.state()
        state["embedding.bias"] = state["embedding.bias"] + 5
        model.framework.load_state(model.module, state)
        gated = model.forward(inputs)
        assert np.abs(gated["tissue"] - before["tissue"]).max() > 1e-3
        assert np.abs(gated["logits"] - before["logits"]).max() > 1e-4  # by way of the tissues alone
        state["fc.weight"][:, -3:] = 0
        model.framework.load_state(model.module, state)
        alone = model.forward(inputs)["logits"]
        state["embedding.bias"] = state["embedding.bias"] - 5
        model.framework.load_state(model.module, state)
        assert np.allclose(model.forward(inputs)["logits"], alone, atol=1e-6)


def test_metrics_by_hand() -> None:
    affine = np.diag([2, 3, 1, 1])
    mask = np.zeros((4, 4), np.uint8)
    mask[:2], mask[3, 3] = 1, 255
    half = np.where(np.arange(4)[:, None] < 1, mask, 0).astype(np.uint8)
    truth = {"class": 1, "mask": Volume(mask, affine, kind="labels")}
    metrics = JointMetrics(("a", "b"))
    metrics.update({"class": np.array([0.2, 0.8]), "mask": Volume(half, affine, kind="labels")}, truth)
    metrics.update({"class": np.array([0.1, 0.9]), "mask": truth["mask"]}, {**truth, "class": 0})
    scores = metrics.compute()
    assert scores["accuracy"] == 0.5
    assert scores["dice/1"] == scores["dice"] == pytest.approx((2 / 3 + 1) / 2)
    assert "dice/255" not in scores


def test_wrong_weight() -> None:
    with pytest.raises(InputError, match="0 or more, got classification=-1"):
        wb.zoo.algorithm("mtcsn").task.make_loss(classification=-1)
