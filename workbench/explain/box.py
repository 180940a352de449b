"""Boxes of voxels: the part of a volume that a map is wanted in, on its own grid and on the network's."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.volume import Volume

#: First and one-past-last voxel along each spatial axis.
Box: TypeAlias = tuple[tuple[int, ...], tuple[int, ...]]


def input_box(within: Any, volume: Volume) -> Box:
    """Return what `within` means in voxels of `volume`.

    Parameters
    ----------
    within : Volume, Explanation or pair
        Of labels on any grid the bounding box counts; else start and stop, in voxels of `volume`.

    Raises
    ------
    InputError
        If it is neither, marks nothing, or lies outside of the volume.
    """
    within = getattr(within, "volume", within)
    if hasattr(within, "resample_like"):
        inside = np.argwhere(np.asarray(within.data) != 0)
        if not len(inside):
            raise InputError("within= must mark at least one voxel, but the Volume is zero everywhere.")
        low, high = inside.min(axis=0)[: within.spatial_ndim], inside.max(axis=0)[: within.spatial_ndim] + 1
        start, stop = (low, high) if within.same_grid(volume) else mapped((low, high), within, volume)
    else:
        try:
            start, stop = (np.array([int(i) for i in corner]) for corner in within)
        except (TypeError, ValueError):
            raise InputError(
                f"within= is a label Volume or a pair (start, stop) of voxels, but is {within!r}."
            ) from None
        if len(start) != volume.spatial_ndim or len(stop) != volume.spatial_ndim:
            raise InputError(f"within= needs {volume.spatial_ndim} indices per corner, but is {within!r}.")
    start, stop = np.maximum(start, 0), np.minimum(stop, volume.spatial_shape)
    if (start >= stop).any():
        raise InputError(
            f"within= must overlap with the volume of {volume.spatial_shape} voxels, but runs from "
            f"{start.tolist()} to {stop.tolist()}."
        )
    return tuple(start.tolist()), tuple(stop.tolist())


def network_box(box: Box, volume: Volume, grid: Volume) -> Box:
    """Return the voxels of the network's `grid` that hold a box of voxels of `volume`.

    Raises
    ------
    InputError
        If the network sees none of them.
    """
    low, high = mapped((np.array(box[0]), np.array(box[1])), volume, grid)
    start, stop = np.maximum(low, 0), np.minimum(high, grid.spatial_shape)
    if (start >= stop).any():
        raise InputError(f"within= from {box[0]} to {box[1]} lies outside of what the network sees.")
    return tuple(start.tolist()), tuple(stop.tolist())


def inside(box: Box) -> tuple[slice, ...]:
    """Return the box as an index."""
    return tuple(slice(start, stop) for start, stop in zip(*box, strict=True))


def mapped(box: tuple[Array, Array], source: Volume, target: Volume) -> tuple[Array, Array]:
    """Return the smallest box of whole voxels of `target` that holds a box of voxels of `source`."""
    edges = itertools.product(*zip(box[0] - 0.5, box[1] - 0.5, strict=True))
    corners = target.to_voxel(source.to_world(np.array(list(edges)))) + 0.5
    tolerance = 1e-6
    low = np.floor(corners.min(axis=0) + tolerance).astype(int)
    high = np.ceil(corners.max(axis=0) - tolerance).astype(int)
    return low, np.maximum(high, low + 1)
