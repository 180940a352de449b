"""A class, and what is explained when nothing is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench.explain.scene import Scene, class_index
from workbench.explain.targets.base import Resolved, Target, named
from workbench.volume import Volume


@dataclass(frozen=True, repr=False)
class Class(Target):
    """A class of a classifier; for a segmentation network, a label where the network predicts it.

    Parameters
    ----------
    which : int or str
        Index or name.
    """

    which: int | str
    name: str = field(default="", compare=False)

    def check(self, model: Any, volume: Volume) -> None:  # noqa: ARG002
        class_index(self.which, model.classes, len(model.classes))

    def resolve(self, scene: Scene) -> Resolved:
        index = scene.class_index(self.which)
        concrete = Class(index, scene.class_name(index))
        if not scene.is_segmentation:
            return Resolved(scene.score(index), concrete)
        mask = scene.prediction == index
        if mask.any():
            return Resolved(scene.mean_score(index, mask), concrete)
        note = (
            f"The network predicts {concrete.name!r} nowhere; what is explained is its mean score over the whole input."
        )
        return Resolved(scene.mean_score(index, np.ones_like(mask)), concrete, (note,))

    def describe(self) -> dict[str, Any]:
        return {"kind": "class", "class": self.which, **({"name": self.name} if self.name else {})}

    def __str__(self) -> str:
        return f"class {named(self.which, self.name)}"

    def __repr__(self) -> str:
        return f"Class({self.which!r})"


def default_target(scene: Scene) -> Class:
    """Return the predicted class; where the output is dense, the class (but the background) that covers most of it."""
    if not scene.is_segmentation:
        return Class(int(scene.prediction.argmax()))
    first = int(scene.model.algorithm.task.background)
    found = scene.prediction[scene.prediction >= first].astype(int)
    return Class(int(np.bincount(found, minlength=scene.num_classes)[first:].argmax()) + first)
