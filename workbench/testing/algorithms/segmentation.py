"""The contract of algorithms that give every voxel one label."""

from __future__ import annotations

import numpy as np

from workbench.testing.algorithms.base import AlgorithmContract


class SegmentationContract(AlgorithmContract):
    """For algorithms that give every voxel one label."""

    def annotation(self, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        label = np.zeros(self.size, np.int64)
        for value in range(1, self.num_classes):
            start = [int(rng.integers(0, n // 2)) for n in self.size]
            label[tuple(slice(s, s + max(2, n // 3)) for s, n in zip(start, self.size, strict=True))] = value
        return label

    def learnable_inputs(self) -> np.ndarray:
        labels = np.stack([self.annotation(seed) for seed in range(2)])[:, None]
        return (self.inputs(2) * 0.2 + labels).astype(np.float32)

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> np.ndarray:
        one_hot = np.moveaxis(np.eye(self.num_classes, dtype=np.float32)[targets["label"]], -1, 0)
        return 20 * one_hot[None]

    def matches(self, prediction: np.ndarray, annotation: np.ndarray) -> bool:
        return np.array_equal(prediction, annotation)

    def test_prediction_lies_on_the_volume(self) -> None:
        model = self.model()
        volume = self.volume(self.in_channels)
        labels, scores = model.predict(volume), model.probabilities(volume)
        assert labels.kind == "labels"
        assert labels.same_grid(volume)
        assert labels.labels == dict(enumerate(model.classes))
        assert scores.same_grid(volume)
        assert scores.channels == model.classes
        assert np.allclose(scores.data.sum(axis=-1), 1, atol=1e-5)
        assert np.array_equal(scores.data.argmax(axis=-1), labels.data)
