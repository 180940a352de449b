"""What every algorithm that answers with ellipses promises."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.evaluation.ellipses import axis_angle_error
from workbench.shapes import Boxes, Ellipses
from workbench.testing.algorithms.base import AlgorithmContract
from workbench.volume import Volume


def same_ellipses(found: Ellipses, true: Ellipses, pixels: float = 0.5, degrees: float = 1.0) -> bool:
    """Tell whether both hold the same ellipses, in whatever order."""
    if len(found) != len(true):
        return False
    distance = np.abs(found.values[:, None, :4] - true.values[None, :, :4]).max(axis=2)
    turned = axis_angle_error(found.values[:, None, 4], true.values[None, :, 4])
    near = (distance <= pixels) & (turned <= degrees) & (found.labels[:, None] == true.labels[None])
    return bool(near.any(axis=0).all())


class EllipseContract(AlgorithmContract):
    """Inherit it, and give `tiny`, `size` and `ideal_outputs`."""

    def annotation(self, seed: int) -> Ellipses:
        """Return one ellipse of each class, wherever they fit, the second within the first or over it."""
        rng = np.random.default_rng(seed)
        long = rng.uniform(0.35, 0.45, self.num_classes) * min(self.size)
        short = long * rng.uniform(0.5, 0.7, self.num_classes)
        centers = rng.uniform(long[:, None], np.array(self.size) - 1 - long[:, None])
        angles = rng.uniform(-np.pi / 2, np.pi / 2, self.num_classes)
        return Ellipses(np.column_stack([centers, long, short, angles]), np.arange(self.num_classes))

    def learnable_inputs(self) -> np.ndarray:
        painted = np.stack([self.annotation(seed).filled(self.size) for seed in range(2)])[:, None]
        return (self.inputs(2) * 0.2 + painted).astype(np.float32)

    def matches(self, prediction: Ellipses, annotation: Ellipses) -> bool:
        return same_ellipses(prediction, annotation)

    def is_for(self, answer: Ellipses, volume: Volume) -> bool:
        same = np.array_equal(answer.affine, volume.affine)
        return same and len(answer.within(volume.spatial_shape)) == len(answer)

    def tensors(self, values: Any) -> Any:
        torch = pytest.importorskip("torch")
        if isinstance(values, dict):
            return {key: torch.as_tensor(value) for key, value in values.items()}
        return torch.as_tensor(values)

    def losses(self, outputs: Any, targets: dict[str, np.ndarray], **options: Any) -> dict[str, float]:
        loss: Any = wb.zoo.algorithm(self.name).task.make_loss(**options)(*frameworks.get("torch").vocabulary)
        batch = {key: value[None] for key, value in targets.items()}
        return {name: float(value) for name, value in loss(self.tensors(outputs), self.tensors(batch)).items()}

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        targets = wb.zoo.algorithm(self.name).task.targets(self.annotation(0), self.num_classes, self.size)
        ideal = self.ideal_outputs(targets)
        opposite = {key: -value for key, value in ideal.items()} if isinstance(ideal, dict) else -ideal
        assert self.losses(ideal, targets)["loss"] < 1e-2 < self.losses(opposite, targets)["loss"]

    def test_label_beyond_the_classes(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        with pytest.raises(InputError, match=f"the model has {self.num_classes} classes"):
            task.targets(Ellipses([[9, 9, 5, 4, 0]], [40]), self.num_classes, self.size)
        with pytest.raises(InputError, match="learns from Ellipses"):
            task.targets(Boxes([[1, 1, 4, 4]]), self.num_classes, self.size)

    def test_a_picture_without_ellipses(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        targets = task.targets(Ellipses([]), self.num_classes, self.size)
        assert len(task.decode(self.ideal_outputs(targets))[0]) == 0
        terms = self.losses(self.model().forward(self.inputs(1)), targets)
        assert all(np.isfinite(value) for value in terms.values())

    def test_a_prediction_lies_on_the_volume(self) -> None:
        model = self.model()
        # as large in millimetres as the contract's size, turned and mirrored
        volume = Volume(
            np.zeros((*self.size, self.in_channels), np.float32), np.diag([2, -0.5, 1, 1.0]), axes=("i", "j", "c")
        )
        prepared = model.prepare(volume)
        drawn = self.annotation(1)
        truth = Ellipses(drawn.values, drawn.labels, affine=volume.affine)
        targets = model.task.targets(truth.onto(prepared.affine), self.num_classes, prepared.spatial_shape)
        answer = model.task.answer(self.ideal_outputs(targets), prepared, model.classes)
        assert np.array_equal(answer.affine, volume.affine)
        assert same_ellipses(answer, truth)
        assert (np.diff(answer.scores) <= 0).all()

    def test_metrics_of_a_perfect_answer(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        metrics = task.metrics(("thorax", "heart", "other"))
        truth = self.annotation(0)
        metrics.update(Ellipses(truth.values, truth.labels, scores=np.ones(len(truth))), truth)
        scores = metrics.compute()
        assert scores == pytest.approx(
            {
                "dice": 1,
                "rotated_iou": 1,
                "angle_error": 0,
                "axis_precision": 1,
                "dice/thorax": 1,
                "dice/heart": 1,
                "dice/other": 1,
            }
        )
        assert task.plan()["monitor"].removeprefix("val/") in scores
