"""Enlarging a layer's map to the network's grid, the same way for both frameworks."""

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
