"""A label in a region."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from workbench.explain.scene import Scene, class_index
from workbench.explain.targets.base import Resolved, Target, named, need_segmentation
from workbench.explain.targets.masks import as_labels, marked, mask_on
from workbench.volume import Volume


@dataclass(frozen=True, eq=False, repr=False)
class Region(Target):
    """The mean logit of a label over a region, for segmentation networks.

    Parameters
    ----------
    region : Volume or Explanation
        On any grid: it is found by its place in mm. Labels, of which `where` marks the region; scores (an Explanation),
        of which the part above zero counts; or an image that is a mask: 0, and one other value inside.
    label : int or str
        The label whose logit is explained.
    where : int, optional
        The value that marks the region; for labels `label` if not given. An image of more values needs it.

    Raises
    ------
    InputError
        If `region` is nothing that marks voxels: no Volume, several channels, or an image of many values.
    """

    region: Volume
    label: int | str
    where: int | None = None
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        volume, where = as_labels(self.region, self.where)
        object.__setattr__(self, "where", where)
        object.__setattr__(self, "region", volume)
        if self.where is None and isinstance(self.label, str) and self.label in volume.labels.values():
            value = next(v for v, name in volume.labels.items() if name == self.label)
            object.__setattr__(self, "where", value)

    def check(self, model: Any, volume: Volume) -> None:  # noqa: ARG002
        index = class_index(self.label, model.classes, len(model.classes))
        marked(self.region, index if self.where is None else self.where)

    def resolve(self, scene: Scene) -> Resolved:
        need_segmentation(scene, self)
        index = scene.class_index(self.label)
        where = index if self.where is None else self.where
        concrete = Region(self.region, index, where, scene.class_name(index))
        return Resolved(scene.mean_score(index, mask_on(scene.grid, self.region, where)), concrete)

    @property
    def pointer(self) -> Volume:
        return self.region

    def describe(self) -> dict[str, Any]:
        named = {"name": self.name} if self.name else {}
        return {"kind": "region", "label": self.label, "where": self.where, **named}

    def __str__(self) -> str:
        return f"label {named(self.label, self.name)} in a region"

    def __repr__(self) -> str:
        return f"Region({self.region!r}, label={self.label!r})"
