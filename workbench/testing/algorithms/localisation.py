"""The contract of algorithms that learn from the class of a picture where something is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing.algorithms.base import AlgorithmContract
from workbench.volume import Volume


class LocalisationContract(AlgorithmContract):
    """Answer `ideal_outputs` for the class in ``targets["label"]``; the map is above 0.5 where its `mask` is."""

    def mask(self, label: int) -> np.ndarray:
        """Return where the class `label` shows."""
        mask = np.zeros(self.size, np.int64)
        if label:
            mask[: self.size[0] // 2, (label - 1) * 4 : label * 4] = label
        return mask

    def annotation(self, seed: int) -> dict[str, Any]:
        label = seed % self.num_classes
        return {"class": label, "mask": Volume(self.mask(label), kind="labels", axes=("i", "j"))}

    def matches(self, prediction: np.ndarray, annotation: dict[str, Any]) -> bool:
        if annotation["class"] == 0:
            return True  # there is nothing to find
        truth = np.asarray(annotation["mask"].data) > 0
        factors = [n // m for n, m in zip(self.size, prediction.shape, strict=True)]
        return np.array_equal(np.kron(prediction > 0.5, np.ones(factors, bool)), truth)

    def learnable_inputs(self) -> np.ndarray:
        label = self.batch_targets(2)["label"]
        return (self.inputs(2) * 0.2 + label[:, None, None, None]).astype(np.float32)

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        targets = task.targets(self.annotation(1), self.num_classes, self.size)
        self.check_ideal_loss(targets)

    def test_label_beyond_the_classes(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        with pytest.raises(InputError, match=f"the model has {self.num_classes} classes"):
            task.targets({"class": 40}, self.num_classes, self.size)

    def test_the_mask_is_not_learnt_from(self) -> None:
        task = wb.zoo.algorithm(self.name).task
        with_mask, without = self.annotation(1), {"class": 1}
        targets = [task.targets(a, self.num_classes, self.size) for a in (with_mask, without)]
        assert set(targets[0]) == set(targets[1])
        for name, value in targets[0].items():
            assert np.array_equal(value, targets[1][name]), name

    def test_prediction_lies_on_the_volume(self) -> None:
        model = self.model()
        volume = self.volume(self.in_channels, (self.size[0] + 3, self.size[1]))
        answer = model.predict(volume)
        assert answer.kind == "scores"
        assert answer.same_grid(volume)
        assert np.isfinite(answer.data).all()
        stripes = np.arange(np.prod(volume.spatial_shape)).reshape(volume.spatial_shape) % 2
        truth = Volume(stripes, volume.affine, axes=("i", "j"), kind="labels")
        scores = model.task.metrics(model.classes)
        scores.update(answer, {"class": 1, "mask": truth})
        assert 0 < scores.compute()["roc_auc"] < 1
