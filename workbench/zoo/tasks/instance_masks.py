"""From numbered objects to the classes background, inside and boundary, and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._arrays import Array
from workbench.errors import InputError

BACKGROUND, INSIDE, BOUNDARY = range(3)


def check_instances(annotation: Any, ndim: int) -> NDArray[np.int64]:
    """Return numbered objects as int64.

    Raises
    ------
    InputError
        If the number of axes is another, or a number is below 0.
    """
    ids = np.asarray(annotation, dtype=np.int64)
    if ids.ndim != ndim:
        raise InputError(f"A map of instances for this task has {ndim} axes, got shape {ids.shape}.")
    if ids.size and ids.min() < 0:
        raise InputError(f"Instances are numbered from 1, and 0 is the background, got {int(ids.min())}.")
    return ids


def encode_mask(ids: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return 0 (background), 1 (inside) or 2 (boundary) for every voxel.

    Inside is an object less its outermost voxels; boundary is what its dilation has beyond that, on both sides of the
    outline (the structuring element is a voxel with its direct neighbours). What lies beyond the image counts as
    belonging to the object that the image's border cuts. Objects that touch have a boundary between them.

    Parameters
    ----------
    ids : array [*spatial], int64
        Numbers of the objects, 0 is the background.

    Returns
    -------
    array [*spatial], int64

    Notes
    -----
    :func:`decode_mask` is the inverse for objects that are unions of such structuring elements and whose inside is
    connected: there dilating the inside by one voxel gives the object.
    """
    objects = ids > 0
    inside, near = objects.copy(), objects.copy()
    for axis in range(ids.ndim):
        for step in (1, -1):
            neighbour = _shifted(ids, axis, step)
            inside &= neighbour == ids
            near |= neighbour > 0
    return np.where(inside, INSIDE, np.where(near, BOUNDARY, BACKGROUND)).astype(np.int64)


def decode_mask(
    probabilities: Array,
    *,
    smallest: int = 8,
    reach: float = 1.0,
    seeds: NDArray[np.bool_] | None = None,
    objects: NDArray[np.bool_] | None = None,
) -> NDArray[np.int32]:
    """Return numbered objects from the probabilities of background, inside and boundary.

    Parameters
    ----------
    probabilities : array [3, *spatial]
    smallest : int
        Connected insides of fewer voxels are dropped.
    reach : float
        How far an object goes beyond its inside, voxels.
    seeds : array [*spatial], bool, optional
        A stricter opinion on what is inside: an inside that it breaks into several parts is several objects.
    objects : array [*spatial], bool, optional
        Beyond the direct neighbours of its inside, an object grows only where this is true.

    Returns
    -------
    array [*spatial], int32
        Objects numbered from 1 in the order of their first voxels.
    """
    parts = connected(probabilities.argmax(axis=0) == INSIDE, smallest)
    if seeds is not None:
        parts = divide(parts, connected(seeds & (parts > 0), smallest))
    grown = grow(parts, min(1.0, reach))
    if reach > 1:
        grown = grow(grown, reach, allowed=objects, origin=parts)
    return renumber(grown)


def connected(inside: NDArray[np.bool_], smallest: int) -> NDArray[np.int32]:
    """Return numbered connected parts (diagonals connect), their holes filled, without those that are too small."""
    from scipy import ndimage

    parts, _ = ndimage.label(inside, np.ones((3,) * inside.ndim))
    sizes = np.bincount(parts.ravel())
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        view = parts[box]
        mine = view == number
        if sizes[number] < smallest:
            view[mine] = 0
        else:
            # another part may lie in a hole: only what belongs to none is filled
            view[ndimage.binary_fill_holes(mine) & (view == 0)] = number
    return np.asarray(parts, np.int32)


def divide(parts: NDArray[np.int32], seeds: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the parts, those with several seeds divided between these: each voxel goes to the nearest."""
    from scipy import ndimage

    result = np.zeros_like(parts)
    count = 0
    for number, box in enumerate(ndimage.find_objects(parts), start=1):
        if box is None:
            continue
        mine = parts[box] == number
        own = np.where(mine, seeds[box], 0)
        chosen = np.unique(own[own > 0])
        if len(chosen) > 1:
            nearest = ndimage.distance_transform_edt(own == 0, return_distances=False, return_indices=True)
            own = own[tuple(nearest)]
            result[box][mine] = count + 1 + np.searchsorted(chosen, own[mine])
        else:
            result[box][mine] = count + 1
        count += max(1, len(chosen))
    return result


def grow(
    parts: NDArray[np.int32],
    reach: float,
    *,
    allowed: NDArray[np.bool_] | None = None,
    origin: NDArray[np.int32] | None = None,
) -> NDArray[np.int32]:
    """Return the parts with every free voxel up to `reach` voxels away given to the nearest.

    Parameters
    ----------
    allowed : array [*spatial], bool, optional
        Where parts may grow to.
    origin : array [*spatial], int32, optional
        The parts that distances are measured from, if not `parts` themselves.
    """
    from scipy import ndimage

    start = parts if origin is None else origin
    if not start.any():
        return parts
    distance, nearest = ndimage.distance_transform_edt(start == 0, return_indices=True)
    free = (parts == 0) & (distance <= reach)
    if allowed is not None:
        free &= allowed
    return np.where(free, start[tuple(nearest)], parts)


def renumber(parts: NDArray[Any]) -> NDArray[np.int32]:
    """Return the parts numbered from 1 without gaps, in the order of their first voxels."""
    ids, first, index = np.unique(parts, return_index=True, return_inverse=True)
    order = np.argsort(np.where(ids == 0, -1, first))
    numbers = np.empty(len(ids), np.int32)
    numbers[order] = np.arange(len(ids)) + (0 if 0 in ids else 1)
    return np.asarray(numbers[index.reshape(parts.shape)])


def same_instances(one: Array, other: Array) -> bool:
    """Tell whether two maps have the same objects, whatever their numbers."""
    return bool(np.array_equal(renumber(one), renumber(other)))


def _shifted(values: Array, axis: int, step: int) -> Array:
    """Return each voxel's neighbour along an axis; at the border the voxel itself."""
    length = values.shape[axis]
    return np.take(values, np.clip(np.arange(length) + step, 0, length - 1), axis=axis)
