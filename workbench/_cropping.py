"""Cropping, padding and slicing: what becomes of the voxels, of the affine and of the shape.

Each function returns a `Change`; none of them reads a voxel, so that a Volume that is not loaded stays so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workbench import _checks, _geometry
from workbench.errors import InputError

if TYPE_CHECKING:
    from workbench.volume import Volume


class Change(NamedTuple):
    """How another Volume is made of one: a function of its voxels, the new affine and the new shape."""

    voxels: Callable[[NDArray[Any]], NDArray[Any]]
    affine: _geometry.Affine
    shape: list[int]


def crop(volume: Volume, start: Sequence[int], stop: Sequence[int]) -> Change:
    """Keep the voxels from `start` up to, not including, `stop` (one index per spatial axis).

    Raises
    ------
    InputError
        If the box is empty or leaves the volume.
    """
    grid = volume.grid.crop(start, stop)
    low = np.broadcast_to(np.asarray(start, dtype=int), (grid.ndim,)).tolist()
    box = tuple(slice(a, a + n) for a, n in zip(low, grid.shape, strict=True))
    return Change(lambda data: data[box], grid.affine, [*grid.shape, *volume.shape[volume.spatial_ndim :]])


def pad(volume: Volume, before: int | Sequence[int], after: int | Sequence[int], value: float) -> Change:
    """Add voxels of `value` at the beginning and the end of each spatial axis.

    Raises
    ------
    InputError
        If a width is negative, or the volume's type cannot hold `value`.
    """
    grid = volume.grid.pad(before, after)
    value = _checks.constant(value, volume.dtype, "value")
    sides = (np.broadcast_to(np.asarray(side, dtype=int), (grid.ndim,)).tolist() for side in (before, after))
    width = [*zip(*sides, strict=True), *[(0, 0)] * ("c" in volume.axes)]
    shape = [*grid.shape, *volume.shape[volume.spatial_ndim :]]
    return Change(lambda data: np.pad(data, width, constant_values=value), grid.affine, shape)


def slice_2d(volume: Volume, axis: str | int, index: int) -> Change:
    """Cut one slice out of a 3D volume, whose normal becomes the third column of the affine.

    Raises
    ------
    InputError
        If the volume is a picture, or there is no such axis or slice.
    """
    number = "ijk".find(axis) if isinstance(axis, str) and len(axis) == 1 else axis
    if volume.spatial_ndim != 3 or number not in (0, 1, 2):
        raise InputError(
            f"A slice is cut along i, j or k of a 3D volume, got {axis!r} of {volume.spatial_ndim}D. Give "
            "axis as one of them, or as its number."
        )
    along = int(number)
    if index not in range(volume.shape[along]):
        raise InputError(
            f"Axis {'ijk'[along]} has slices 0 to {volume.shape[along] - 1}, got {index!r}. Give index as one of them."
        )
    affine = volume.affine[:, [*(a for a in range(3) if a != along), along, 3]]
    affine[:, 3] += volume.affine[:, along] * index
    shape = [n for a, n in enumerate(volume.shape) if a != along]
    return Change(lambda data: np.take(data, int(index), axis=along), affine, shape)
