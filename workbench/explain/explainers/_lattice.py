"""Which of many windows is done next, and what those not yet done would have said."""

from __future__ import annotations

import numpy as np

from workbench._arrays import Array

#: Share of the windows that are spread evenly before the rest is done where the score varies.
_EVENLY = 0.08


class Lattice:
    """Measurements on a regular lattice that are made one after the other, in an order that follows what was found.

    First an even, coarse lattice, then where neighbours differ most and nothing near is known. The order depends on
    what was recorded alone, so that the same values give the same order.

    Parameters
    ----------
    shape : tuple of int
        Measurements along each axis.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self._values = np.zeros(shape, np.float64)
        self._known = np.zeros(shape, bool)
        self._chosen = np.zeros(shape, bool)
        level = np.full(shape, 63)
        for index in np.indices(shape):
            level = np.minimum(level, power_of_two(index))
        self._evenly = [int(i) for i in np.argsort(-level.ravel(), kind="stable")]
        spread = [int((level >= wanted).sum()) for wanted in range(64)]
        most = max(1, round(_EVENLY * level.size))
        self._even = max([n for n in spread if 0 < n <= most], default=1)

    def record(self, index: int, value: float) -> None:
        """Take note of a measurement, by its place in C order."""
        self._chosen.flat[index] = self._known.flat[index] = True
        self._values.flat[index] = value

    def choose(self, count: int) -> list[int]:
        """Return the places of the next measurements, fewer where there are no more."""
        first = [i for i in self._evenly[: self._even] if not self._chosen.flat[i]][:count]
        self._chosen.flat[first] = True
        more = count - len(first)
        if more > 0:
            left = np.flatnonzero(~self._chosen)
            best = left[np.argsort(-self._doubt().ravel()[left], kind="stable")][:more]
            self._chosen.flat[best] = True
            first += best.tolist()
        return first

    def estimate(self) -> Array:
        """Return what is known, and between it what lies linearly between, ``[*shape]`` float64."""
        if self._known.all():
            return self._values.copy()
        step = 1
        while step < max(self.shape):
            step *= 2
        grid = self._values[(slice(0, 1),) * len(self.shape)]
        while step > 1:
            step //= 2
            at = (slice(None, None, step),) * len(self.shape)
            values, known = self._values[at], self._known[at]
            for axis, size in enumerate(values.shape):
                grid = _between(grid, axis, size)
            grid = np.where(known, values, grid)
        return np.asarray(grid)

    def _doubt(self) -> Array:
        """Return how little is known of each place: how much its neighbours differ, times how far they are."""
        from scipy import ndimage

        if not self._known.any():
            return np.zeros(self.shape)
        found = self.estimate()
        far = ndimage.distance_transform_edt(~self._known)
        differ = ndimage.maximum_filter(found, 3) - ndimage.minimum_filter(found, 3)
        # where all is equal, what is furthest from anything known comes first
        return np.asarray((differ + 1e-6 * (np.ptp(found) + 1e-30)) * far)


def _between(grid: Array, axis: int, size: int) -> Array:
    """Return a lattice of half the step along an axis: between two lies their mean, beyond the last the last."""
    values = np.moveaxis(grid, axis, 0)
    result = np.empty((size, *values.shape[1:]))
    result[0::2] = values
    after = np.concatenate([values[1:], values[-1:]])
    result[1::2] = ((values + after) / 2)[: size // 2]
    return np.moveaxis(result, 0, axis)


def power_of_two(index: Array) -> Array:
    """Return how often 2 divides each index; 0 is divided for ever."""
    level = np.full(index.shape, 63)
    nonzero = index != 0
    level[nonzero] = np.log2(index[nonzero] & -index[nonzero]).astype(int)
    return level
