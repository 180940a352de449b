"""What a model drew: boxes, ellipses, points."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.scene import Scene
from workbench.explain.targets.base import Resolved, Target
from workbench.explain.targets.voxels import place_in
from workbench.frameworks import LinearScore
from workbench.shapes import Boxes, Ellipses, Points, Shapes

#: How far a shape may lie from the one that it is taken for, in voxels: rounding, and other frameworks.
_SAME = 0.05


@dataclass(frozen=True, eq=False, repr=False)
class Drawn(Target):
    """One of the shapes that a model found; derive from it for each kind.

    Parameters
    ----------
    pred : Shapes, optional
        What `model.predict` returned. Without it, it is what the model finds when it is asked.
    index : int
        Which of them; the surest is 0.

    Raises
    ------
    InputError
        If `pred` holds something else, or there is no such shape in it.
    """

    pred: Any = None
    index: int = 0
    _: KW_ONLY
    name: str = field(default="", compare=False)
    # what it was found by when it was first explained: other weights find no such shape, but have that place too
    seen: LinearScore | None = field(default=None, compare=False)

    #: The kind of shapes, and what one of them is called.
    shapes: ClassVar[type[Shapes]]
    word: ClassVar[str]

    def __post_init__(self) -> None:
        if isinstance(self.index, bool) or not isinstance(self.index, int | np.integer) or self.index < 0:
            raise InputError(
                f"{self._owner}: index must be a whole number from 0, got {self.index!r}. The surest {self.word} is 0."
            )
        object.__setattr__(self, "name", self.name or f"{self.word} {self.index}")
        if self.pred is not None:
            object.__setattr__(self, "pred", self._picked(self.pred))
            object.__setattr__(self, "index", 0)

    @property
    def _owner(self) -> str:
        return type(self).__name__

    def _picked(self, given: Any) -> Shapes:
        """Return the one shape of an answer."""
        if not isinstance(given, self.shapes):
            raise InputError(
                f"{self._owner}: pred must be {self.shapes.__name__}, got {type(given).__name__}. "
                "Give what model.predict(volume) returned."
            )
        if not len(given):
            raise InputError(
                f"{self._owner}: pred must hold at least one {self.word}, got none. Explain a class instead: "
                "wb.explain.Class(0)."
            )
        if self.index >= len(given):
            raise InputError(
                f"{self._owner}: index must be from 0 to {len(given) - 1}, got {self.index}. There are "
                f"{len(given)} in pred."
            )
        return given.select([self.index])

    def resolve(self, scene: Scene) -> Resolved:
        if self.pred is None:
            prediction = scene.model.algorithm.task.answer(scene.outputs, scene.prepared, scene.model.classes)
            return replace(self, pred=prediction, name=self.name).resolve(scene)
        score = self._score(scene)
        return Resolved(score, replace(self, seen=score), has_probability=False)

    def _score(self, scene: Scene) -> LinearScore:
        """Return what the network found the shape by."""
        return self._evidence(scene, None)

    def _evidence(self, scene: Scene, parameter: str | None) -> LinearScore:
        task = scene.model.algorithm.task
        scores = task.evidence(scene.outputs, parameter)
        if scores is None:
            raise InputError(
                f"{self._owner} must be explained of a model that says what it finds shapes by, got one for "
                f"{task.kind}. Use explain.Class or explain.Output."
            )
        if self.seen is not None:
            return self.seen
        found = replace(task.decode(scene.outputs)[0], affine=scene.prepared.affine)
        score: LinearScore = scores[self._which(found.onto(scene.volume.affine), scene)]
        return score

    def _which(self, found: Shapes, scene: Scene) -> int:
        """Return which of the shapes found this is."""
        wanted = self.pred.onto(scene.volume.affine)
        # as they are answered: cut at the edge of the volume
        placed = [found.select([k]).within(scene.volume.spatial_shape) for k in range(len(found))]
        apart = np.array([self._distance(one, wanted) for one in placed])
        if not len(apart) or not apart.min() <= _SAME:
            raise InputError(
                f"{self._owner}: pred must be what this model finds in this volume, got a {self.word} that it does not "
                "find. Give pred = model.predict(volume)."
            )
        near = np.flatnonzero(apart <= _SAME)
        if wanted.scores is None or found.scores is None:
            return int(near[apart[near].argmin()])
        # boxes that reach beyond the volume are cut to the same
        return int(near[np.abs(found.scores[near] - wanted.scores[0]).argmin()])

    def _distance(self, one: Shapes, wanted: Shapes) -> float:
        if not len(one) or one.labels[0] != wanted.labels[0] or one.values.shape != wanted.values.shape:
            return float("inf")
        return float(np.abs(self._compared(one) - self._compared(wanted)).max())

    def _compared(self, one: Shapes) -> Array:
        return one.values

    def describe(self) -> dict[str, Any]:
        known: dict[str, Any] = {"kind": self.word, "name": self.name, "index": int(self.index)}
        if self.pred is None:
            return known
        scores = None if self.pred.scores is None else self.pred.scores.tolist()
        shape = {"values": self.pred.values.tolist(), "labels": self.pred.labels.tolist(), "scores": scores}
        return {**known, **shape, "affine": self.pred.affine.tolist()}

    @classmethod
    def from_description(cls, known: dict[str, Any]) -> Self:
        """Make it again from what `describe` returned."""
        pred = (
            cls.shapes(known["values"], known["labels"], known["affine"], known["scores"])
            if "values" in known
            else None
        )
        return cls(pred, known["index"], name=known["name"], **cls._more(known))

    @classmethod
    def _more(cls, known: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG003
        return {}

    def code(self) -> str:
        """Return Python code that makes it, the shape written out."""
        return f"wb.explain.targets.from_description({self.describe()!r})"

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"{self._owner}({'' if self.pred is None else f'{self.pred!r}, '}{self.name})"


class Box(Drawn):
    """The score of a box that was detected: the logit that it was found by, in the query, cell or peak that it is of.

    Parameters as for `Ellipse`, with `Boxes`.
    """

    shapes, word = Boxes, "box"


@dataclass(frozen=True, eq=False, repr=False)
class Ellipse(Drawn):
    """The score of an ellipse that was found, or one of its parameters.

    Parameters
    ----------
    pred : Ellipses, optional
        What `model.predict` returned. Without it, it is what the model finds when it is asked.
    index : int
        Which of them; the surest is 0.
    parameter : {"i", "j", "a", "b", "angle"}, optional
        A score that changes as it does, in voxels and radians of the network's grid: centre, semi-axes, angle.
    """

    parameter: str | None = None

    shapes, word = Ellipses, "ellipse"

    def _score(self, scene: Scene) -> LinearScore:
        return self._evidence(scene, self.parameter)

    def _compared(self, one: Shapes) -> Array:
        # an angle turns round at a quarter, and says nothing of a circle
        return one.values[:, :4]

    def describe(self) -> dict[str, Any]:
        return {**super().describe(), "parameter": self.parameter}

    @classmethod
    def _more(cls, known: dict[str, Any]) -> dict[str, Any]:
        return {"parameter": known["parameter"]}

    def __str__(self) -> str:
        return self.name if self.parameter is None else f"{self.parameter} of {self.name}"


class Point(Drawn):
    """The map of a class at a point: how sure the network is of one there, or how dense they are.

    Parameters as for `Ellipse`, with `Points`; they may be a person's own, such as of a cell that was missed.
    """

    shapes, word = Points, "point"

    def _score(self, scene: Scene) -> LinearScore:
        maps = scene.logits
        if maps.ndim != 1 + scene.volume.spatial_ndim or scene.model.algorithm.task.kind != "points":
            raise InputError(
                "Point must be explained of a model that finds points, got one for "
                f"{scene.model.algorithm.task.kind}. Use explain.Voxel or explain.Class."
            )
        point = self.pred.onto(scene.grid.affine).values[0]
        fine = place_in(scene, scene.grid.to_world(point))
        label = scene.class_index(int(self.pred.labels[0]))
        weights = np.zeros(maps.shape, np.float32)
        weights[(label, *(np.array(maps.shape[1:]) * fine // np.array(scene.grid.spatial_shape)))] = 1
        return LinearScore(weights, output=scene.output)
