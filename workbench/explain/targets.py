"""What is explained: a class, a label in a region, a voxel. Each becomes one number that a network computes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose
from workbench.explain.scene import Scene, class_index
from workbench.frameworks import LinearScore
from workbench.volume import Volume

_REGIONS = 'Labels are wb.read(path, kind="labels"), a mask is volume.with_data(volume.data > threshold).'


@dataclass(frozen=True)
class Resolved:
    """A target made concrete for one scene."""

    score: LinearScore
    target: Target
    notes: tuple[str, ...] = ()


class Target(ABC):
    """What is explained. Resolved against a `Scene`, it is a weighted sum of the network's outputs."""

    def check(self, model: Any, volume: Volume) -> None:  # noqa: B027 - one of somebody else's may know nothing before
        """Refuse what is known to be wrong before the network has looked at the volume, in the words of `resolve`.

        Raises
        ------
        InputError
            Such as of a class that the model does not have.
        """

    @abstractmethod
    def resolve(self, scene: Scene) -> Resolved:
        """Return the score, and this target with everything that was left open filled in."""

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """Return the target as plain data; `from_description` makes it again."""

    @abstractmethod
    def __str__(self) -> str:
        """Return what is explained in a few words."""


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
        return f"class {_named(self.which, self.name)}"

    def __repr__(self) -> str:
        return f"Class({self.which!r})"


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
        volume = getattr(self.region, "volume", self.region)
        if not isinstance(volume, Volume):
            raise InputError(f"A region is a Volume or an Explanation, got {type(volume).__name__}. {_REGIONS}")
        if "c" in volume.axes:
            raise InputError(f"A region has one value for a voxel, got {volume!r}. Give one channel. {_REGIONS}")
        if volume.kind != "labels":
            inside = np.asarray(volume.data) > 0 if volume.kind == "scores" else _inside(volume, self.where)
            volume = volume.with_data(inside.astype(np.uint8), kind="labels", labels={})
            object.__setattr__(self, "where", 1)
        object.__setattr__(self, "region", volume)
        if self.where is None and isinstance(self.label, str) and self.label in volume.labels.values():
            value = next(v for v, name in volume.labels.items() if name == self.label)
            object.__setattr__(self, "where", value)

    def check(self, model: Any, volume: Volume) -> None:  # noqa: ARG002
        index = class_index(self.label, model.classes, len(model.classes))
        self._inside(index if self.where is None else self.where)

    def resolve(self, scene: Scene) -> Resolved:
        _need_segmentation(scene, self)
        index = scene.class_index(self.label)
        where = index if self.where is None else self.where
        concrete = Region(self.region, index, where, scene.class_name(index))
        return Resolved(scene.mean_score(index, self._mask(scene.grid, where)), concrete)

    def _inside(self, where: int) -> Array:
        """Return which voxels of its own grid are in the region."""
        inside: Array = np.asarray(self.region.data) == where
        if not inside.any():
            values = np.unique(self.region.data)[:10].tolist()
            raise InputError(
                f"The region must mark at least one voxel, but none has the value {where}; found: {values}."
            )
        return inside

    def _mask(self, grid: Volume, where: int) -> Array:
        """Return how much of each voxel of `grid` is in the region, ``[*spatial]``."""
        inside = self._inside(where)
        soft = self.region.with_data(inside.astype(np.float32), kind="image", labels={})
        mask = np.asarray(soft.resample_like(grid, order=1).data, np.float64)
        if mask.sum() > 0:
            return mask
        # smaller than a voxel of the grid: every voxel of the region counts for the voxel that it lies in
        points = np.rint(grid.to_voxel(self.region.to_world(np.argwhere(inside)))).astype(int)
        points = points[((points >= 0) & (points < grid.spatial_shape)).all(axis=1)]
        if not len(points):
            raise InputError(
                "The region must overlap with the volume, but it lies outside of what the network sees. "
                "Check that both have the same frame of reference."
            )
        np.add.at(mask, tuple(points.T), 1)
        return mask

    def describe(self) -> dict[str, Any]:
        named = {"name": self.name} if self.name else {}
        return {"kind": "region", "label": self.label, "where": self.where, **named}

    def __str__(self) -> str:
        return f"label {_named(self.label, self.name)} in a region"

    def __repr__(self) -> str:
        return f"Region({self.region!r}, label={self.label!r})"


def _inside(image: Volume, where: int | None) -> Array:
    """Return what an image marks: the voxels of value `where`, or those that are not 0 if they are all alike."""
    data = np.asarray(image.data)
    inside: Array = data != 0 if where is None else data == where
    marked = data[inside]
    if not marked.size:
        value = "is not 0" if where is None else f"has the value {where}"
        raise InputError(f"The region must mark at least one voxel, but none of {image!r} {value}. {_REGIONS}")
    if (marked != marked[0]).any():
        raise InputError(
            f"An image marks a region where it is a mask (0, and one other value inside), got {image!r} of several "
            f"values. {_REGIONS} where= takes the voxels of one value."
        )
    return inside


@dataclass(frozen=True, repr=False)
class Voxel(Target):
    """The logit of a label at one voxel, for segmentation networks.

    Parameters
    ----------
    ijk : sequence of int, optional
        Voxel of the input volume.
    label : int or str, optional
        The label whose logit is explained; the one predicted there if not given.
    mm : sequence of float, optional
        RAS millimetres, instead of `ijk`.
    """

    ijk: Sequence[int] | None = None
    label: int | str | None = None
    mm: Sequence[float] | None = None
    name: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if (self.ijk is None) == (self.mm is None):
            raise InputError(
                f"A Voxel takes either ijk= (voxel indices) or mm= (RAS mm); got {self.ijk} and {self.mm}."
            )
        if self.ijk is not None:
            given = np.ravel(np.asarray(self.ijk))
            if given.dtype.kind not in "iuf" or (given != np.rint(given)).any():
                raise InputError(
                    f"Indices of a voxel are whole numbers, got {tuple(given.tolist())}. Millimetres are "
                    f"wb.explain.Voxel(mm={tuple(given.tolist())})."
                )
            object.__setattr__(self, "ijk", tuple(int(i) for i in given))
        else:
            point = np.ravel(np.asarray(self.mm))
            if point.dtype.kind not in "iuf" or len(point) != 3 or not np.isfinite(point).all():
                raise InputError(
                    f"A Voxel: mm must be three finite numbers, along R, A and S, got {self.mm!r}. "
                    "viewer.picked has those of a click."
                )
            object.__setattr__(self, "mm", tuple(float(x) for x in point))

    def check(self, model: Any, volume: Volume) -> None:
        self._point(volume)
        if self.label is not None:
            class_index(self.label, model.classes, len(model.classes))

    def resolve(self, scene: Scene) -> Resolved:
        _need_segmentation(scene, self)
        point = self._point(scene.volume)
        place = np.rint(scene.grid.to_voxel(point)).astype(int)
        if (place < 0).any() or (place >= scene.grid.spatial_shape).any():
            raise InputError(f"The point {np.round(point, 1).tolist()} mm lies outside of what the network sees.")
        found = max(int(scene.prediction[tuple(place)]), 0) if self.label is None else scene.class_index(self.label)
        mask = np.zeros(scene.grid.spatial_shape)
        mask[tuple(place)] = 1
        concrete = Voxel(self.ijk, found, self.mm, scene.class_name(found))
        return Resolved(scene.mean_score(found, mask), concrete)

    def _point(self, volume: Volume) -> Array:
        """Return where it lies, in mm."""
        if self.ijk is None:
            return np.array(self.mm)
        if len(self.ijk) != volume.spatial_ndim:
            raise InputError(f"The volume has {volume.spatial_ndim} spatial axes, but the target is voxel {self.ijk}.")
        ijk = np.array(self.ijk)
        if (ijk < 0).any() or (ijk >= volume.spatial_shape).any():
            raise InputError(f"The voxel must lie in the volume of {volume.spatial_shape} voxels, but is {self.ijk}.")
        return volume.to_world(ijk)

    def describe(self) -> dict[str, Any]:
        place = {"ijk": list(self.ijk)} if self.ijk is not None else {"mm": list(self.mm or ())}
        return {"kind": "voxel", **place, "label": self.label, **({"name": self.name} if self.name else {})}

    def __str__(self) -> str:
        place = f"voxel {self.ijk}" if self.ijk is not None else f"{self.mm} mm"
        label = "the label" if self.label is None else f"label {_named(self.label, self.name)}"
        return f"{label} at {place}"

    def __repr__(self) -> str:
        place = f"{self.ijk}" if self.ijk is not None else f"mm={self.mm}"
        return f"Voxel({place}, label={self.label!r})"


def default_target(scene: Scene) -> Class:
    """Return the predicted class; where the output is dense, the class (but the background) that covers most of it."""
    if not scene.is_segmentation:
        return Class(int(scene.prediction.argmax()))
    first = int(scene.model.algorithm.task.background)
    found = scene.prediction[scene.prediction >= first].astype(int)
    return Class(int(np.bincount(found, minlength=scene.num_classes)[first:].argmax()) + first)


def from_description(description: dict[str, Any], region: Volume | None = None) -> Target:
    """Make a target from what `Target.describe` returned, and for a region its Volume."""
    kind = choose(description["kind"], ("class", "region", "voxel"), "kind of target")
    name = description.get("name", "")
    if kind == "class":
        return Class(description["class"], name)
    if kind == "voxel":
        return Voxel(description.get("ijk"), description["label"], description.get("mm"), name)
    if region is None:
        raise InputError("A region target needs the Volume of its region.")
    return Region(region, description["label"], description["where"], name)


def as_target(value: Any) -> Target | None:
    """Accept a Target, or the index or name of a class as a short way to write `Class`."""
    if value is None or isinstance(value, Target):
        return value
    if isinstance(value, str | int | np.integer) and not isinstance(value, bool):
        return Class(value if isinstance(value, str) else int(value))
    raise InputError(
        f"A target is a class (index or name), explain.Class, explain.Region or explain.Voxel, but got {value!r}."
    )


def _named(which: int | str | None, name: str) -> str:
    return f"{which} ({name})" if name and name != str(which) else str(which)


def _need_segmentation(scene: Scene, target: Target) -> None:
    if not scene.is_segmentation:
        raise InputError(
            f"{type(target).__name__} explains a segmentation, but this model gives one answer for the whole volume. "
            "Use explain.Class."
        )
