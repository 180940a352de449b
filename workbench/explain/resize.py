"""Between the network's grid and that of a map of it, the same way for both frameworks."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array


def resize_linear(values: Array, shape: tuple[int, ...]) -> Array:
    """Resize an array linearly, axis by axis, with both grids covering the same extent.

    The centre of the first and last cell lie half a cell inside the border (`align_corners=False` in
    both frameworks), so that a point in mm stays where it is; values are held beyond the outer centres.

    Parameters
    ----------
    values : ndarray
        ``[*spatial]``.
    shape : tuple of int
        Wanted shape, of the same length.
    """
    result = np.asarray(values, np.float64)
    for axis, size in enumerate(shape):
        old = result.shape[axis]
        if old == size:
            continue
        centres = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.minimum(centres.astype(int), max(old - 2, 0))
        share = (centres - low).reshape([-1 if a == axis else 1 for a in range(result.ndim)])
        high = np.minimum(low + 1, old - 1)
        result = result.take(low, axis) * (1 - share) + result.take(high, axis) * share
    return result


def shares_of(mask: Array, shape: tuple[int, ...]) -> Array:
    """Return how much each place of a map counts in the mean over a mask; they add up to 1.

    Parameters
    ----------
    mask : ndarray
        ``[*spatial]`` on the network's grid, >= 0, somewhere more.
    shape : tuple of int
        That of the map, which may be coarser than the grid or finer.
    """
    found = resize_linear(mask, shape)
    if not found.any():
        # a coarse map is sampled between few voxels of the grid, and a small mask may lie beside all of them
        cells = [np.arange(old) * new // old for old, new in zip(mask.shape, shape, strict=True)]
        np.maximum.at(found, np.ix_(*cells), mask)
    return np.asarray(found / found.sum())
