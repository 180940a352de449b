"""The tasks of models that were made elsewhere: how outputs become an answer. None of them is trained here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from workbench._arrays import Array
from workbench.errors import StateError
from workbench.volume import Volume
from workbench.zoo.planning import UNKNOWN, Facts, Plan
from workbench.zoo.regression import Regression
from workbench.zoo.tasks import ClassificationTask, Metrics, SegmentationTask, Task
from workbench.zoo.tasks.base import MakeLoss, Outputs, softmax
from workbench.zoo.tasks.detection import sigmoid

if TYPE_CHECKING:
    from workbench.transforms import Prepared

Final = Literal["softmax", "sigmoid"]


@dataclass(frozen=True)
class Reading:
    """How the main output of a network is read.

    Parameters
    ----------
    main : str
        Its name, where the network returns several.
    final : {"softmax", "sigmoid"}
        What makes probabilities of it.
    applied : bool
        Whether the network does that itself.
    """

    main: str = "logits"
    final: Final = "softmax"
    applied: bool = False

    def probabilities(self, values: Array, count: int) -> Array:
        """Return probabilities ``[n, count, ...]`` of an output; a single channel is that of the second of two."""
        values = np.asarray(values, np.float32)
        if not self.applied:
            values = softmax(values) if self.final == "softmax" and values.shape[1] > 1 else sigmoid(values)
        if values.shape[1] == 1 and count == 2:
            return np.concatenate([1 - values, values], axis=1)
        return values


class ForeignClassification(ClassificationTask):
    """A class for a whole image, or the probability of each of several findings by itself."""

    def __init__(self, reading: Reading, count: int) -> None:
        self.reading, self.count = reading, count
        self.main, self.raw = reading.main, not reading.applied

    def probabilities(self, outputs: Outputs) -> Array:
        """Return probabilities [n, num_classes]."""
        return self.reading.probabilities(self.main_of(outputs), self.count)

    def presence(self, outputs: Outputs) -> Array:
        """Return probabilities [n, num_classes]."""
        return self.probabilities(outputs)


class ForeignSegmentation(SegmentationTask):
    """A label for every voxel."""

    def __init__(self, ndim: int, reading: Reading, count: int) -> None:
        super().__init__(ndim)
        self.reading, self.count = reading, count
        self.main, self.raw = reading.main, not reading.applied

    def probabilities(self, outputs: Outputs) -> Array:
        """Return probabilities [n, num_classes, *spatial]."""
        return self.reading.probabilities(self.main_of(outputs), self.count)

    def decode(self, outputs: Outputs) -> Array:
        """Return label maps [n, *spatial] of outputs, or of the probabilities that were made of them."""
        values = np.asarray(self.main_of(outputs))
        if values.shape[1] == 1:
            values = self.reading.probabilities(values, 2)
        return np.asarray(values.argmax(axis=1), self.label_dtype(self.count))

    def presence(self, outputs: Outputs) -> Array:
        """Return the label of every voxel [n, *spatial]."""
        return self.decode(outputs)


class Untrained(Task):
    """What tasks that nothing here learns from have in common."""

    def targets(self, annotation: Any, num_classes: int, shape: Sequence[int]) -> dict[str, Array]:  # noqa: ARG002
        """Refuse."""
        raise self._untrained()

    def make_loss(self, *args: Any, **options: Any) -> MakeLoss:  # noqa: ARG002
        """Refuse."""
        raise self._untrained()

    def metrics(self, classes: Sequence[str]) -> Metrics:  # noqa: ARG002
        """Refuse."""
        raise self._untrained()

    def plan(self, facts: Facts = UNKNOWN) -> Plan:  # noqa: ARG002
        """Refuse."""
        raise self._untrained()

    def _untrained(self) -> StateError:
        return StateError(f"A network for {self.kind} of your own is not trained here. Train it where it was made.")


class ForeignRegression(Untrained):
    """Numbers for a whole image."""

    kind: ClassVar[str] = "regression"
    whole: ClassVar[bool] = True
    raw = False

    def __init__(self, reading: Reading) -> None:
        self.main = reading.main

    def decode(self, outputs: Outputs) -> Array:
        """Return the numbers [n, k]."""
        return np.asarray(self.main_of(outputs), np.float32)

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Regression:  # noqa: ARG002
        """Return the numbers by name."""
        return Regression(tuple(classes), tuple(map(float, self.decode(outputs)[0])))

    def presence(self, outputs: Outputs) -> Array:
        """Return the numbers [n, k]."""
        return self.decode(outputs)


class ForeignMaps(Untrained):
    """Maps of the whole image, each by itself: numbers for every voxel, or labels that may lie over one another."""

    kind: ClassVar[str] = "maps"
    windowed: ClassVar[bool] = True

    def __init__(self, reading: Reading, *, labels: bool) -> None:
        self.reading, self.labels = reading, labels
        self.main, self.raw = reading.main, labels and not reading.applied

    def decode(self, outputs: Outputs) -> Array:
        """Return the maps [n, k, *spatial]: probabilities, where they are of labels."""
        values = np.asarray(self.main_of(outputs), np.float32)
        return self.reading.probabilities(values, 0) if self.labels else values

    def answer(self, outputs: Outputs, prepared: Prepared, classes: Sequence[str]) -> Volume:
        """Return the maps on the grid of the volume, as its channels."""
        found = prepared.restore(self.decode(outputs)[0], kind="scores")
        return found.with_meaning(channels=classes) if "c" in found.axes else found

    def presence(self, outputs: Outputs) -> Array:
        """Return at each voxel [n, *spatial] the map that is highest there; of labels that none is likely, -1."""
        values = self.decode(outputs)
        highest = np.asarray(values.argmax(axis=1))
        return np.where(values.max(axis=1) >= 0.5, highest, -1) if self.labels else highest


def task_of(kind: str, ndim: int, reading: Reading, count: int) -> Task:
    """Return the task of a network.

    Parameters
    ----------
    kind : {"classification", "segmentation", "regression", "maps", "labels"}
        "maps" are numbers for every voxel, "labels" are segmentations that may lie over one another.
    count : int
        Of classes, labels or numbers.
    """
    made: Mapping[str, Any] = {
        "classification": lambda: ForeignClassification(reading, count),
        "segmentation": lambda: ForeignSegmentation(ndim, reading, count),
        "regression": lambda: ForeignRegression(reading),
        "maps": lambda: ForeignMaps(reading, labels=False),
        "labels": lambda: ForeignMaps(reading, labels=True),
    }
    task: Task = made[kind]()
    return task
