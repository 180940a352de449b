"""A label in a region."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np

from workbench.errors import InputError
from workbench.explain.box import Box
from workbench.explain.resize import shares_of
from workbench.explain.scene import Scene, class_index
from workbench.explain.targets.base import Resolved, Target, named, need_segmentation
from workbench.explain.targets.masks import as_labels, marked, mask_on, place_on
from workbench.volume import Volume


@dataclass(frozen=True, eq=False, repr=False)
class Region(Target):
    """The mean logit of a label over a region, or that an object is inside, for networks that mark voxels.

    Parameters
    ----------
    region : Volume or Explanation
        On any grid: it is found by its place in mm. Labels, of which `where` marks the region; scores (an Explanation),
        of which the part above zero counts; or an image that is a mask: 0, and one other value inside.
    label : int or str
        The label whose logit is explained; to be left out with `instance`.
    where : int, optional
        The value that marks the region; for labels `label` if not given. An image of more values needs it.
    instance : int, optional
        The number of an object in `region`, for networks that tell objects apart: why it was found.

    Raises
    ------
    InputError
        If `region` is nothing that marks voxels: no Volume, several channels, or an image of many values.
    """

    region: Volume
    label: int | str | None = None
    where: int | None = None
    name: str = field(default="", compare=False)
    _: KW_ONLY
    instance: int | None = None

    def __post_init__(self) -> None:
        if self.instance is not None:
            self._point_at_instance()
        elif self.label is None:
            raise InputError(
                "Region: label must be the label that is explained, got None. Give label=, or instance= for an object."
            )
        volume, where = as_labels(self.region, self.where)
        object.__setattr__(self, "where", where)
        object.__setattr__(self, "region", volume)
        if self.where is None and isinstance(self.label, str) and self.label in volume.labels.values():
            value = next(v for v, name in volume.labels.items() if name == self.label)
            object.__setattr__(self, "where", value)

    def _point_at_instance(self) -> None:
        number = self.instance
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < 1:
            raise InputError(
                f"Region: instance must be a whole number from 1, got {number!r}. Objects are numbered from 1."
            )
        if self.label is not None or self.where not in (None, number):
            raise InputError(
                f"Region: label and where must be left out with instance=, got {self.label!r} and {self.where!r}. "
                "Leave them out."
            )
        object.__setattr__(self, "where", int(number))
        object.__setattr__(self, "instance", int(number))
        object.__setattr__(self, "name", self.name or f"object {number}")

    def check(self, model: Any, volume: Volume) -> None:  # noqa: ARG002
        if self.instance is not None:
            marked(self.region, self.instance)
            return
        assert self.label is not None
        index = class_index(self.label, model.classes, len(model.classes))
        marked(self.region, index if self.where is None else self.where)

    def place(self, volume: Volume, grid: Volume) -> Box | None:  # noqa: ARG002
        """Return the voxels of the network's grid that the region reaches into; None if the label has no number yet."""
        where = self.where if self.where is not None else self.label
        return place_on(grid, self.region, int(where)) if isinstance(where, int | np.integer) else None

    def resolve(self, scene: Scene) -> Resolved:
        need_segmentation(scene, self)
        if self.instance is not None:
            return self._of_object(scene, self.instance)
        assert self.label is not None
        index = scene.class_index(self.label)
        where = index if self.where is None else self.where
        concrete = Region(self.region, index, where, scene.class_name(index))
        return Resolved(scene.mean_score(index, mask_on(scene.grid, self.region, where)), concrete)

    def _of_object(self, scene: Scene, number: int) -> Resolved:
        """Return the mean over an object of the logit that says *inside*, which is how objects are told apart."""
        inside = scene.model.algorithm.task.inside(scene.outputs)
        if inside is None:
            raise InputError(
                f"Region: instance must be left out for {scene.model.algorithm.name}, which tells no objects "
                f"apart, got {number}. Give label= and where=."
            )
        output, channel = inside
        values = np.asarray(scene.outputs if output is None else scene.outputs[output])[0]
        mask = shares_of(mask_on(scene.grid, self.region, number), values.shape[1:])
        return Resolved(scene.mean_output(output, values, channel, mask), self)

    @property
    def pointer(self) -> Volume:
        return self.region

    def describe(self) -> dict[str, Any]:
        if self.instance is not None:
            return {"kind": "region", "instance": self.instance}
        named = {"name": self.name} if self.name else {}
        return {"kind": "region", "label": self.label, "where": self.where, **named}

    def __str__(self) -> str:
        if self.instance is not None:
            return self.name
        return f"label {named(self.label, self.name)} in a region"

    def __repr__(self) -> str:
        if self.instance is not None:
            return f"Region({self.region!r}, instance={self.instance})"
        return f"Region({self.region!r}, label={self.label!r})"


def Instance(pred: Volume, n: int) -> Region:  # noqa: N802 - called like the targets that are classes
    """Return the target for object number `n` of what `model.predict` returned: ``Region(pred, instance=n)``."""
    return Region(pred, instance=n)
