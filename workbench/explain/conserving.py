"""Shares of a score from the network's grid onto a volume's, so that they still sum up to what they did."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from workbench._arrays import Array
from workbench.grid import Grid

#: Entries of a map between two grids that are as small beside its largest are rounding.
_ZERO = 1e-7
#: Grids that differ by less, in voxels, are the same.
_SAME = 1e-6
#: Places that a density is looked at, for each step of its values, where grids lie obliquely to one another; and how
#: many voxels are looked at together, about.
_PLACES = 2
_AT_ONCE = 1 << 18
#: Share of an attribution beyond the volume that is told; the two grids may differ by half a voxel at each side.
_BEYOND = 0.02


def conserved(values: Array, grid: Grid, onto: Grid) -> tuple[Array, float]:
    """Bring shares onto another grid; their sum stays what it is.

    Between the centres of voxels a share's density is linear, as the values of any other map are, and each voxel of the
    other grid gets the integral over it. What lies beyond that grid is counted at its nearest voxel.

    Parameters
    ----------
    values : ndarray
        ``[*spatial]``, on `grid`.
    grid, onto : Grid
        Where they are, and where they are wanted.

    Returns
    -------
    values : ndarray
        ``[*spatial]`` float64 on `onto`.
    outside : float
        Which share of the values' magnitudes lies in voxels wholly beyond it, 0 to 1.
    """
    values = np.asarray(values, np.float64)
    ndim = grid.ndim
    # indices of `grid` to those of `onto`
    change = onto.to_grid(grid)[np.ix_([*range(ndim), 3], [*range(ndim), 3]) if ndim == 2 else slice(None)]
    return _aligned(values, change, onto.shape) if _is_aligned(change) else _oblique(values, change, onto.shape)


def _is_aligned(change: Array) -> bool:
    matrix = np.abs(change[:-1, :-1])
    return bool(((matrix > _ZERO * matrix.max()).sum(axis=0) == 1).all())


def _aligned(values: Array, change: Array, shape: Sequence[int]) -> tuple[Array, float]:
    """Bring values onto a grid whose axes are those of theirs, turned or swapped: one axis after the other."""
    axes = np.abs(change[:-1, :-1]).argmax(axis=1)  # of the values, for each of the wanted grid
    moved = values.transpose(axes)
    inside = np.abs(moved)
    for axis, size in enumerate(shape):
        count = moved.shape[axis]
        weights, kept = _weights(count, size, change[axis, axes[axis]], change[axis, -1])
        moved = np.moveaxis(np.tensordot(weights, moved, axes=(1, axis)), 0, axis)
        inside = inside * kept.reshape([-1 if one == axis else 1 for one in range(inside.ndim)])
    return moved, _share_outside(values, float(inside.sum()))


def _weights(count: int, size: int, scale: float, shift: float) -> tuple[Array, Array]:
    """Return which part of each of `count` values each of `size` cells gets ``[size, count]``; each is given out whole.

    Parameters
    ----------
    scale, shift : float
        Value `i` lies at ``scale * i + shift``, in cells.

    Returns
    -------
    weights : ndarray
    kept : ndarray
        ``[count]``: 1 for each that reaches onto the cells at all, else 0.
    """
    places = scale * np.arange(count) + shift
    margin = 0.5 + abs(scale) / 2 - _SAME
    touching = ((places > -margin) & (places < size - 1 + margin)).astype(np.float64)
    if abs(abs(scale) - 1) < _SAME and abs(shift - round(shift)) < _SAME:
        nearest = np.clip(np.rint(places), 0, size - 1)
        weights = (np.arange(size)[:, None] == nearest).astype(np.float64)
        return weights, touching
    edges = (np.arange(size + 1) - 0.5 - shift) / scale  # in steps of the values; they fall where the axis is turned
    below = _cumulative(edges[:, None] - np.arange(count), count)
    cells = np.abs(np.diff(below, axis=0))
    first, last = (below[0], 1 - below[-1]) if scale > 0 else (1 - below[0], below[-1])
    cells[0] += first
    cells[-1] += last
    return cells, touching


def _cumulative(off: Array, count: int) -> Array:
    """Return how much of each value lies below places that are `off` from its centre, in steps: 0 to 1.

    A value is spread as a tent of two steps; the outermost ones end half a step beyond their centres.
    """
    low, high = np.clip(off, -1, 0), np.clip(off, 0, 1)
    rising, falling = (1 + low) ** 2 / 2, high - high**2 / 2
    rising[:, 0] = np.clip(off[:, 0] + 0.5, 0, 0.5)
    falling[:, count - 1] = np.clip(off[:, count - 1], 0, 0.5)
    return np.asarray(rising + falling)


def _oblique(values: Array, change: Array, shape: Sequence[int]) -> tuple[Array, float]:
    """Bring values onto a grid that lies obliquely: each voxel sums up the density at places all over it.

    The places go on beyond the grid, wherever values are. What they take of a value is made to be all of it.
    """
    from scipy.ndimage import map_coordinates

    sizes = np.array(shape)[:, None]
    matrix, shift = change[:-1, :-1], change[:-1, -1:]
    centres = matrix @ np.indices(values.shape).reshape(values.ndim, -1) + shift
    reach = np.abs(matrix).sum(axis=1, keepdims=True) / 2  # half a value's cell, along each axis of the grid
    within = ((centres > -0.5 - reach) & (centres < sizes - 0.5 + reach)).all(axis=0)
    inside = float(np.abs(values.ravel()[within]).sum())
    box = np.floor((centres - reach).min(axis=1)).astype(int), np.ceil((centres + reach).max(axis=1)).astype(int) + 1
    taken = np.zeros(values.size)
    for _, found in _places(values.shape, matrix, shift, box):
        _take(taken, values.shape, found)
    density = (values.ravel() / taken).reshape(values.shape)
    result = np.zeros(int(sizes.prod()))
    for voxels, found in _places(values.shape, matrix, shift, box):
        nearest = np.ravel_multi_index(tuple(np.clip(voxels, 0, sizes - 1)), tuple(shape))
        result += np.bincount(nearest, map_coordinates(density, found, order=1, mode="nearest"), len(result))
    return result.reshape(tuple(shape)), _share_outside(values, inside)


def _places(shape: Sequence[int], matrix: Array, shift: Array, box: tuple[Array, Array]) -> Iterator[tuple[Array, ...]]:
    """Yield voxels of a box ``[ndim, n]``, and places all over them on the grid of the values ``[ndim, n]``."""
    back = np.linalg.inv(matrix)
    parts = np.maximum(np.ceil(_PLACES * np.linalg.norm(back, axis=0)), 1).astype(int)
    sizes = np.array(shape)[:, None]
    slab = max(1, _AT_ONCE // int(np.prod((box[1] - box[0])[1:])))
    for first in range(box[0][0], box[1][0], slab):
        low, high = np.array([first, *box[0][1:]]), np.array([min(first + slab, box[1][0]), *box[1][1:]])
        every = np.indices(high - low).reshape(len(shape), -1) + low[:, None]
        seen = back @ (every - shift)
        for part in itertools.product(*map(range, parts)):
            found = seen + back @ ((np.array(part) + 0.5) / parts - 0.5)[:, None]
            # the density ends half a step beyond the outermost centres
            there = ((found >= -0.5) & (found <= sizes - 0.5)).all(axis=0)
            yield every[:, there], np.clip(found[:, there], 0, sizes - 1)


def _take(taken: Array, shape: Sequence[int], found: Array) -> None:
    """Add to each value what linear interpolation at places takes of it."""
    last = np.maximum(np.array(shape)[:, None] - 2, 0)
    below = np.minimum(found.astype(int), last)
    part = found - below
    index = np.ravel_multi_index(tuple(below), tuple(shape))
    steps = [int(np.prod(shape[axis + 1 :])) * (size > 1) for axis, size in enumerate(shape)]
    for corner in itertools.product((0, 1), repeat=len(shape)):
        share = np.ones(len(index))
        for axis, upper in enumerate(corner):
            share *= part[axis] if upper else 1 - part[axis]
        taken += np.bincount(index + int(np.dot(corner, steps)), share, len(taken))


def _share_outside(values: Array, inside: float) -> float:
    total = float(np.abs(values).sum())
    return max(0.0, 1 - inside / total) if total else 0.0


def beyond(share: float) -> tuple[str, ...]:
    """Return a note where some of an attribution lies on what the network saw around the volume."""
    if share < _BEYOND:
        return ()
    note = (
        f"{share:.0%} of the contributions lie in what was added around the volume for the network; they are counted "
        "at the volume's outermost voxels."
    )
    return (note,)
