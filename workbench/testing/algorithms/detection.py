"""What every algorithm that answers with boxes promises."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.evaluation import box_iou
from workbench.shapes import Boxes
from workbench.testing.algorithms.base import AlgorithmContract
from workbench.volume import Volume


def scattered_boxes(rng: np.random.Generator, shape: tuple[int, ...], count: int, sides: tuple[float, float]) -> Boxes:
    """Return boxes of all places and proportions, some cut by the border, that do not overlap much."""
    kept = np.zeros((0, 4))
    for _ in range(20 * count):
        center = rng.uniform(-0.5, np.array(shape) - 0.5)
        size = rng.uniform(*sides, 2)
        row = np.concatenate([center - size / 2, center + size / 2])[None]
        row = Boxes(row).within(shape).values
        if (row[0, 2:] - row[0, :2]).min() >= sides[0] and box_iou(row, kept).max(initial=0) < 0.2:
            kept = np.concatenate([kept, row])
        if len(kept) == count:
            break
    return Boxes(kept, np.arange(len(kept)) % 3)


def same_boxes(found: Boxes, true: Boxes, tolerance: float = 0.5) -> bool:
    """Tell whether both hold the same boxes to `tolerance` pixels, in whatever order."""
    if len(found) != len(true):
        return False
    distance = np.abs(found.values[:, None] - true.values[None]).max(axis=2)
    distance[found.labels[:, None] != true.labels[None]] = np.inf
    return bool((distance.min(axis=0, initial=np.inf) <= tolerance).all())


class DetectionContract(AlgorithmContract):
    """Inherit it, and give `tiny`, `size` and `ideal_outputs`."""

    #: Shortest and longest side of the boxes.
    sides: ClassVar[tuple[float, float]] = (8.0, 30.0)

    def ideal_outputs(
        self, targets: dict[str, np.ndarray], shape: tuple[int, ...] | None = None
    ) -> dict[str, np.ndarray]:
        """Return the outputs, for an input of `shape` (`size` if not given), of a network that is always right."""
        raise NotImplementedError

    def annotation(self, seed: int) -> Boxes:
        return scattered_boxes(np.random.default_rng(seed), self.size, 3, self.sides)

    def learnable_inputs(self) -> np.ndarray:
        painted = np.stack([self.annotation(seed).filled(self.size) for seed in range(2)])[:, None]
        return (self.inputs(2) * 0.2 + painted).astype(np.float32)

    def matches(self, prediction: Boxes, annotation: Boxes) -> bool:
        return same_boxes(prediction, annotation)

    def is_for(self, answer: Boxes, volume: Volume) -> bool:
        same = np.array_equal(answer.affine, volume.affine)
        return same and len(answer.within(volume.spatial_shape)) == len(answer)

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        # a single box, as two neighbours may claim one place
        targets = task.targets(self.annotation(0).select([0]), self.num_classes, self.size)
        self.check_ideal_loss(targets)

    def test_label_beyond_the_classes(self) -> None:
        with pytest.raises(InputError, match=f"the model has {self.num_classes} classes"):
            wb.zoo.algorithm(self.name).task.targets(Boxes([[1, 1, 20, 20]], [40]), self.num_classes, self.size)

    def test_an_image_without_boxes(self) -> None:
        torch = pytest.importorskip("torch")
        task = wb.zoo.algorithm(self.name).task
        targets = task.targets(Boxes([]), self.num_classes, self.size)
        assert len(task.decode(self.ideal_outputs(targets))[0]) == 0
        outputs = {key: torch.as_tensor(value) for key, value in self.model().forward(self.inputs(1)).items()}
        tensors = {key: torch.as_tensor(value)[None] for key, value in targets.items()}
        loss: Any = task.make_loss()(*frameworks.get("torch").vocabulary)
        terms = loss(outputs, tensors)
        assert all(np.isfinite(float(value)) for value in terms.values())

    def test_a_prediction_lies_on_the_volume(self) -> None:
        model, volume = self.model(), self.volume(self.in_channels)
        prepared = model.prepare(volume)
        drawn = self.annotation(1)
        truth = Boxes(drawn.values, drawn.labels, affine=volume.affine)
        targets = model.task.targets(truth.onto(prepared.affine), self.num_classes, prepared.spatial_shape)
        answer = model.task.answer(self.ideal_outputs(targets, prepared.spatial_shape), prepared, model.classes)
        assert np.array_equal(answer.affine, volume.affine)
        assert same_boxes(answer, truth)
        assert (np.diff(answer.scores) <= 0).all()

    def test_the_main_output_is_of_the_surest_box(self) -> None:
        model = self.model()
        outputs = model.forward(self.inputs(2))
        model.task.confidence, before = 0.0, model.task.confidence
        try:
            found = model.task.decode(outputs)
        finally:
            model.task.confidence = before
        presence = model.task.presence(outputs)
        assert presence.shape == (2, self.num_classes)
        for boxes, likely in zip(found, presence, strict=True):
            for label in range(self.num_classes):
                assert np.isclose(boxes.scores[boxes.labels == label].max(), likely[label], atol=1e-5)
