"""Volumes that mark voxels, on any grid."""

from __future__ import annotations

from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.box import Box, mapped
from workbench.volume import Volume

#: By how many voxels a region reaches further on another grid: linear interpolation takes the next.
_MARGIN = 2
_REGIONS = 'Labels are wb.read(path, kind="labels"), a mask is volume.with_data(volume.data > threshold).'


def as_labels(region: Any, where: int | None) -> tuple[Volume, int | None]:
    """Return labels, and the value among them that marks the region as far as it is known.

    Parameters
    ----------
    region : Volume or Explanation
        Labels, of which `where` marks the region; scores, of which the part above zero counts; or an image that is a
        mask: 0, and one other value inside.
    where : int, optional

    Raises
    ------
    InputError
        If it is nothing that marks voxels: no Volume, several channels, or an image of many values.
    """
    volume = getattr(region, "volume", region)
    if not isinstance(volume, Volume):
        raise InputError(f"A region is a Volume or an Explanation, got {type(volume).__name__}. {_REGIONS}")
    if "c" in volume.axes:
        raise InputError(f"A region has one value for a voxel, got {volume!r}. Give one channel. {_REGIONS}")
    if volume.kind == "labels":
        return volume, where
    inside = np.asarray(volume.data) > 0 if volume.kind == "scores" else _inside(volume, where)
    return volume.with_data(inside.astype(np.uint8), kind="labels", labels={}), 1


def marked(region: Volume, where: int) -> Array:
    """Return which voxels of its own grid have the value that marks a region.

    Raises
    ------
    InputError
        If none has.
    """
    inside: Array = np.asarray(region.data) == where
    if not inside.any():
        values = np.unique(region.data)[:10].tolist()
        raise InputError(f"The region must mark at least one voxel, but none has the value {where}; found: {values}.")
    return inside


def mask_on(grid: Volume, region: Volume, where: int) -> Array:
    """Return how much of each voxel of `grid` is in the region, ``[*spatial]``.

    Raises
    ------
    InputError
        If nothing is marked, or it lies elsewhere.
    """
    inside = marked(region, where)
    # what lies around is zero: a large volume of labels need not be there a second time as numbers
    low, high = _reach(inside)
    region, inside = region.crop(low.tolist(), high.tolist()), inside[tuple(map(slice, low, high))]
    soft = region.with_data(inside.astype(np.float32), kind="image", labels={})
    mask = np.asarray(soft.resample_like(grid, order=1).data, np.float64)
    if mask.sum() > 0:
        return mask
    # smaller than a voxel of the grid: every voxel of the region counts for the voxel that it lies in
    points = np.rint(grid.to_voxel(region.to_world(np.argwhere(inside)))).astype(int)
    points = points[((points >= 0) & (points < grid.spatial_shape)).all(axis=1)]
    if not len(points):
        raise InputError(
            "The region must overlap with the volume, but it lies outside of what the network sees. "
            "Check that both have the same frame of reference."
        )
    np.add.at(mask, tuple(points.T), 1)
    return mask


def place_on(grid: Volume, region: Volume, where: int) -> Box | None:
    """Return the voxels of `grid` that a region may reach into; None if there are none.

    Raises
    ------
    InputError
        If nothing is marked.
    """
    low, high = mapped(_reach(marked(region, where)), region, grid)
    start, stop = np.maximum(low, 0), np.minimum(high, grid.spatial_shape)
    return None if (start >= stop).any() else (tuple(start.tolist()), tuple(stop.tolist()))


def _reach(inside: Array) -> tuple[Array, Array]:
    """Return the voxels of its own grid that a region reaches into when it is brought onto another one."""
    axes = range(inside.ndim)
    lines = [np.flatnonzero(inside.any(axis=tuple(a for a in axes if a != axis))) for axis in axes]
    low = np.maximum([line[0] - _MARGIN for line in lines], 0)
    return low, np.minimum([line[-1] + 1 + _MARGIN for line in lines], inside.shape)


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
