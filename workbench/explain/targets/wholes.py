"""What is said of the whole volume: how many there are, what speaks for one class rather than another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from workbench.errors import InputError
from workbench.explain.scene import Scene, class_index, names_a_class
from workbench.explain.targets.base import Resolved, Target
from workbench.frameworks import LinearScore
from workbench.volume import Volume


@dataclass(frozen=True, repr=False)
class Count(Target):
    """How many there are.

    Of maps that points are found in, their sum: that of a density is the number of points; a map of peaks adds up to
    their number times what one peak adds up to. Of boxes, ellipses and objects, the sum of what each was found by: its
    logit, or the mean of those of *inside* over the object. That is no number of objects, but grows and falls with it.

    Parameters
    ----------
    label : int or str, optional
        Only those of one class.
    """

    label: int | str | None = None

    def check(self, model: Any, volume: Volume) -> None:  # noqa: ARG002
        if self.label is not None:
            class_index(self.label, model.classes, len(model.classes))

    def resolve(self, scene: Scene) -> Resolved:
        task = scene.model.algorithm.task
        if not getattr(task, "counted", False):
            return self._of_found(scene, task)
        if self.label is None:
            return Resolved(LinearScore(np.ones(scene.logits.shape, np.float32), scene.output), self, (), False)
        index = scene.class_index(self.label)
        return Resolved(scene.score(index, np.ones(scene.logits.shape[1:])), Count(index), (), False)

    def _of_found(self, scene: Scene, task: Any) -> Resolved:
        """Return the sum of what shapes or objects were found by."""
        index = None if self.label is None else scene.class_index(self.label)
        if not (hasattr(task, "evidence") and self._finds(scene, task)):
            raise InputError(
                "Count must be explained of a model whose maps add up to a number of objects, or that finds objects, "
                f"got {scene.model.algorithm.name}. Use explain.Class or explain.Output."
            )
        if index is not None and index < int(task.background):
            raise InputError(
                f"Count: label must be a class of objects, got {self.label!r}, the background. Give one of "
                f"{', '.join(scene.model.classes[1:])}, or leave it out."
            )
        score = task.counting(scene.outputs, index)
        if score is None:
            raise InputError(
                f"Count must be explained where something was found, got nothing that "
                f"{scene.model.algorithm.name} finds here. Use explain.Class."
            )
        return Resolved(score, self if index is None else Count(index), (), has_probability=False)

    @staticmethod
    def _finds(scene: Scene, task: Any) -> bool:
        """Tell whether a task finds shapes or tells objects apart."""
        return task.evidence(scene.outputs) is not None or task.inside(scene.outputs) is not None

    def describe(self) -> dict[str, Any]:
        return {"kind": "count", "label": self.label}

    def __str__(self) -> str:
        return "count" if self.label is None else f"count of class {self.label}"

    def __repr__(self) -> str:
        return "Count()" if self.label is None else f"Count({self.label!r})"


@dataclass(frozen=True, repr=False)
class Margin(Target):
    """By how much the logit of one class is above that of another; of labels, where the first is predicted.

    Parameters
    ----------
    a, b : int or str
        Index or name of a class.

    Raises
    ------
    InputError
        If both are the same.
    """

    a: int | str
    b: int | str

    def __post_init__(self) -> None:
        for side in (self.a, self.b):
            if not names_a_class(side):
                raise InputError(
                    f"Margin: a and b must be indices or names of classes, got {side!r}. Give two: (1, 0)."
                )
        if self.a == self.b:
            raise InputError(f"Margin: a and b must be two classes, got {self.a!r} twice. Use explain.Class.")

    def check(self, model: Any, volume: Volume) -> None:  # noqa: ARG002
        for side in (self.a, self.b):
            class_index(side, model.classes, len(model.classes))

    def resolve(self, scene: Scene) -> Resolved:
        a, b = scene.class_index(self.a), scene.class_index(self.b)
        concrete = Margin(a, b)
        notes: tuple[str, ...] = ()
        if scene.is_segmentation:
            mask = scene.prediction == a
            if not mask.any():
                mask = np.ones_like(mask)
                name = scene.class_name(a)
                notes = (
                    f"The network predicts {name!r} nowhere; what is explained is the mean margin over all of it.",
                )
            return Resolved(scene.margin(a, b, mask), concrete, notes)
        first, second = scene.score(a), scene.score(b)
        return Resolved(LinearScore(first.weights - second.weights, first.output), concrete, notes)

    def describe(self) -> dict[str, Any]:
        return {"kind": "margin", "a": _plain(self.a), "b": _plain(self.b)}

    def __str__(self) -> str:
        return f"class {self.a} over {self.b}"

    def __repr__(self) -> str:
        return f"Margin({self.a!r}, {self.b!r})"


def _plain(which: int | str) -> int | str:
    return which if isinstance(which, str) else int(which)
