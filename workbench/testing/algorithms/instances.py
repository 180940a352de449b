"""The contract of algorithms that tell objects apart."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.testing.algorithms.base import AlgorithmContract
from workbench.volume import Volume
from workbench.zoo.tasks.instance_masks import same_instances

CROSS = ndimage.generate_binary_structure(2, 1)


def random_instances(seed: int, size: tuple[int, ...], count: int = 6, smallest: int = 8) -> np.ndarray:
    """Return ellipses that touch each other and the border, each as the union of crosses of five pixels that it holds.

    Where ellipses overlap, each pixel goes to the nearest centre, so that the border between them is straight.
    """
    rng = np.random.default_rng(seed)
    place = np.indices(size).astype(float)
    centres = rng.uniform(-1, np.array(size), (count, 2))
    axes = rng.uniform(3.5, 8.5, (count, 2))
    angles = rng.uniform(0, np.pi, count)
    distance = np.linalg.norm(place - centres[:, :, None, None], axis=1)
    nearest = distance.argmin(axis=0)
    ids = np.zeros(size, np.int64)
    for k in range(count):
        di, dj = place - centres[k, :, None, None]
        along = di * np.sin(angles[k]) + dj * np.cos(angles[k])
        across = di * np.cos(angles[k]) - dj * np.sin(angles[k])
        mine = (nearest == k) & ((along / axes[k, 0]) ** 2 + (across / axes[k, 1]) ** 2 <= 1)
        inside = ndimage.binary_erosion(mine, CROSS, border_value=1)
        parts, _ = ndimage.label(inside, np.ones((3, 3)))
        sizes = np.bincount(parts.ravel())[1:]
        if len(sizes) and sizes.max() >= smallest:
            ids[ndimage.binary_dilation(parts == 1 + sizes.argmax(), CROSS)] = 10 + 3 * k
    return ids


class InstanceContract(AlgorithmContract):
    """For algorithms that number the objects of a picture."""

    def annotation(self, seed: int) -> np.ndarray:
        return random_instances(seed, self.size)

    def matches(self, prediction: np.ndarray, annotation: np.ndarray) -> bool:
        return same_instances(prediction, annotation)

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {"logits": one_hot(targets["mask"], 3)}

    def learnable_inputs(self) -> np.ndarray:
        return (self.inputs(2) * 0.2 + self.batch_targets(2)["mask"][:, None]).astype(np.float32)

    def test_annotations_touch_and_lie_at_the_border(self) -> None:
        touching = border = 0
        for seed in range(5):
            ids = self.annotation(seed)
            one, other = ids[:, :-1], ids[:, 1:]
            touching += int(((one > 0) & (other > 0) & (one != other)).any())
            border += int((ids[[0, -1]] > 0).any() or (ids[:, [0, -1]] > 0).any())
        assert touching
        assert border

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        torch = pytest.importorskip("torch")
        task = wb.zoo.algorithm(self.name).task
        loss: Any = task.make_loss()(*frameworks.get("torch").vocabulary)
        targets = task.targets(self.annotation(0), self.num_classes, self.size)
        tensors = {key: torch.as_tensor(value)[None] for key, value in targets.items()}
        ideal = {key: torch.as_tensor(value) for key, value in self.ideal_outputs(targets).items()}
        terms = loss(ideal, tensors)
        worse = loss({key: -value for key, value in ideal.items()}, tensors)
        assert abs(terms["loss"]) < 1e-2 < worse["loss"]
        for name, value in terms.items():
            assert value < worse[name], name

    def test_other_number_of_classes_takes_all_but_the_head(self, tmp_path: Any) -> None:
        # a mask is the same for both numbers of classes, so here the head fits too
        model = self.model(num_classes=3, seed=1)
        two = self.model(num_classes=2, seed=2)
        two.load(model.save(tmp_path / "model.safetensors"))
        inputs = self.inputs(1)
        mask, outputs = model.forward(inputs)["logits"], two.forward(inputs)
        assert np.array_equal(outputs["mask"], mask)
        whole = np.exp(mask) / np.exp(mask).sum(axis=1, keepdims=True)
        pair = np.exp(outputs["logits"]) / np.exp(outputs["logits"]).sum(axis=1, keepdims=True)
        assert np.allclose(pair[:, 0], whole[:, 0], atol=1e-6)
        assert np.allclose(pair[:, 1], whole[:, 1:].sum(axis=1), atol=1e-6)

    def test_no_kinds_of_objects(self) -> None:
        with pytest.raises(InputError, match=r"num_classes is 2 .* or 3 .*, got 5"):
            self.model(num_classes=5)

    def test_label_beyond_the_classes(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        with pytest.raises(InputError, match=r"numbered from 1.*got -1"):
            task.targets(self.annotation(0) - 1, self.num_classes, self.size)
        with pytest.raises(InputError, match="has 2 axes"):
            task.targets(np.zeros(7), self.num_classes, self.size)

    def test_prediction_lies_on_the_volume(self) -> None:
        model = self.model(num_classes=2)
        volume = self.volume(self.in_channels, (self.size[0] + 3, self.size[1]))
        answer = model.predict(volume)
        assert answer.kind == "labels"
        assert answer.same_grid(volume)
        scores = model.task.metrics(model.classes)
        truth = Volume(random_instances(1, volume.spatial_shape), volume.affine, kind="labels", axes=("i", "j"))
        scores.update(answer, truth)
        values = scores.compute()
        assert set(values) == {"aji", "pq", "sq", "dq", "dice"}
        assert all(0 <= value <= 1 for value in values.values())
        scores = model.task.metrics(model.classes)
        scores.update(truth, truth)
        assert all(value == 1 for value in scores.compute().values())


def one_hot(classes: np.ndarray, count: int) -> np.ndarray:
    """Return logits [1, count, i, j] that are sure of the classes [i, j]."""
    return 20 * np.moveaxis(np.eye(count, dtype=np.float32)[classes], -1, 0)[None]
