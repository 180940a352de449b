"""A label at one voxel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.box import Box
from workbench.explain.scene import Scene, class_index
from workbench.explain.targets.base import Resolved, Target, named, need_segmentation
from workbench.volume import Volume

#: How the note of a map begins where its voxel is predicted to be of no class.
NOTHING_THERE = "Nothing is predicted at this voxel"


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
            object.__setattr__(self, "ijk", checked_ijk(self.ijk))
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
        need_segmentation(scene, self)
        place = place_in(scene, self._point(scene.volume))
        there = int(scene.prediction[tuple(place)])
        found = max(there, 0) if self.label is None else scene.class_index(self.label)
        mask = np.zeros(scene.grid.spatial_shape)
        mask[tuple(place)] = 1
        concrete = Voxel(self.ijk, found, self.mm, scene.class_name(found))
        notes = (f"{NOTHING_THERE}; what is explained is the score of {concrete.name!r}.",)
        return Resolved(scene.mean_score(found, mask), concrete, notes if self.label is None and there < 0 else ())

    def place(self, volume: Volume, grid: Volume) -> Box:
        """Return the voxel of the network's grid that it lies in."""
        first = tuple(int(i) for i in voxel_of(grid, self._point(volume)))
        return first, tuple(i + 1 for i in first)

    def _point(self, volume: Volume) -> Array:
        """Return where it lies, in mm."""
        if self.ijk is None:
            return np.array(self.mm)
        return place_of(volume, self.ijk)

    def describe(self) -> dict[str, Any]:
        place = {"ijk": list(self.ijk)} if self.ijk is not None else {"mm": list(self.mm or ())}
        return {"kind": "voxel", **place, "label": self.label, **({"name": self.name} if self.name else {})}

    def __str__(self) -> str:
        place = f"voxel {self.ijk}" if self.ijk is not None else f"{self.mm} mm"
        label = "the label" if self.label is None else f"label {named(self.label, self.name)}"
        return f"{label} at {place}"

    def __repr__(self) -> str:
        place = f"{self.ijk}" if self.ijk is not None else f"mm={self.mm}"
        return f"Voxel({place}, label={self.label!r})"


def checked_ijk(ijk: Any) -> tuple[int, ...]:
    """Return indices of a voxel.

    Raises
    ------
    InputError
        If they are no whole numbers.
    """
    given = np.ravel(np.asarray(ijk))
    if given.dtype.kind not in "iuf" or (given != np.rint(given)).any():
        raise InputError(
            f"Indices of a voxel are whole numbers, got {tuple(given.tolist())}. Millimetres are "
            f"wb.explain.Voxel(mm={tuple(given.tolist())})."
        )
    return tuple(int(i) for i in given)


def place_of(volume: Volume, ijk: Sequence[int]) -> Array:
    """Return where a voxel of a volume lies, in mm.

    Raises
    ------
    InputError
        If it has no such voxel.
    """
    if len(ijk) != volume.spatial_ndim:
        raise InputError(f"The volume has {volume.spatial_ndim} spatial axes, but the target is voxel {ijk}.")
    indices = np.array(ijk)
    if (indices < 0).any() or (indices >= volume.spatial_shape).any():
        raise InputError(f"The voxel must lie in the volume of {volume.spatial_shape} voxels, but is {ijk}.")
    return volume.to_world(indices)


def place_in(scene: Scene, point: Array) -> Array:
    """Return the voxel of the grid that the network was given that a point in mm lies in.

    Raises
    ------
    InputError
        If it lies outside.
    """
    return voxel_of(scene.grid, point)


def voxel_of(grid: Volume, point: Array) -> Array:
    """Return the voxel of the network's grid that a point in mm lies in.

    Raises
    ------
    InputError
        If it lies outside.
    """
    place: Array = np.rint(grid.to_voxel(point)).astype(int)
    if (place < 0).any() or (place >= grid.spatial_shape).any():
        raise InputError(f"The point {np.round(point, 1).tolist()} mm lies outside of what the network sees.")
    return place
