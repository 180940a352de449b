"""The contract of algorithms that give every image one class."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench.testing.algorithms.base import AlgorithmContract
from workbench.volume import Volume


class ClassificationContract(AlgorithmContract):
    """For algorithms that give every image one class."""

    def annotation(self, seed: int) -> int:
        return seed % self.num_classes

    def ideal_outputs(self, targets: dict[str, np.ndarray]) -> np.ndarray:
        return 20 * np.eye(self.num_classes, dtype=np.float32)[targets["label"]][None]

    def matches(self, prediction: np.ndarray, annotation: int) -> bool:
        return int(prediction.argmax()) == annotation

    def is_for(self, answer: Any, volume: Volume) -> bool:
        return len(answer.probabilities) == self.num_classes

    def test_prediction(self) -> None:
        model = self.model(classes=["<a>", "b", "c"])
        answer = model.predict(self.volume(self.in_channels))
        assert answer.classes == ("<a>", "b", "c")
        assert abs(sum(answer.probabilities) - 1) < 1e-5
        assert answer.name == answer.classes[answer.label] == answer.ranked()[0][0]
        assert "<a>" in repr(answer)
        assert "<a>" not in answer._repr_html_()  # a class name is text, not markup
