"""The values of a volume on the grid that a network sees, box by box: a large volume is never copied whole."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from workbench import _resampling
from workbench._arrays import Array
from workbench._words import lengths
from workbench.errors import InputError
from workbench.volume import Volume

Index = Sequence[int]

#: Values looked at in one go, where all of a volume has to be: 16 MB as float32.
_SLAB = 1 << 22
#: 4096 voxels along each axis: a larger grid comes from a wrong voxel size.
_MOST_VOXELS = 1 << 36
#: scipy's Gaussian reaches so many standard deviations.
_TRUNCATE = 4.0


class Sampler:
    """Reads boxes of float32 values [c, *spatial] on a grid that shares the axes of a volume.

    Parameters
    ----------
    volume : Volume
        Where the values come from. Those that are not finite, or that float32 cannot hold, are given the lowest
        finite value, as those outside of a scanner's field of view are.
    grid : Volume
        Where they are wanted: `volume` itself, or a grid of other voxels over its field of view. Values are
        interpolated linearly, after a blur where voxels become larger, so that fine structure does not turn into false
        coarse structure.

    Attributes
    ----------
    shape : tuple of int
        Spatial shape of the grid.
    notes : tuple of str
        How many values were not finite.

    Raises
    ------
    InputError
        If no voxel of `volume` is finite, or the grid is absurdly fine.
    """

    def __init__(self, volume: Volume, grid: Volume) -> None:
        self.shape = grid.spatial_shape
        if math.prod(self.shape) > _MOST_VOXELS:
            raise InputError(
                f"The network's grid would have {' x '.join(map(str, self.shape))} voxels of "
                f"{lengths(grid.spacing, grid.space, digits=3)}. Choose larger voxels, or check the spacing "
                "of the file."
            )
        self.num_channels = volume.num_channels
        ndim = volume.spatial_ndim
        self._data = volume.data
        self._size = volume.spatial_shape
        self._instead, self.notes = _lowest_finite(self._data)
        self._exact = grid is volume
        change = np.linalg.inv(volume.affine) @ grid.affine
        self._scale, self._shift = np.diag(change)[:ndim], change[:ndim, 3]
        ratio = np.array(grid.spacing) / np.array(volume.spacing)
        # wider than the volume blurs no more, but takes time without bound where a header gives an absurd voxel size
        sigma = np.clip((ratio - 1) / 2, 0, self._size)
        self._sigma = sigma if sigma.max() >= 0.1 else np.zeros(ndim)

    def read(self, start: Index, stop: Index) -> NDArray[np.float32]:
        """Return the values of a box, [c, *(stop - start)]."""
        if self._exact:
            return np.ascontiguousarray(self._channels_first(self._values(start, stop)))
        places = self._place(start), self._place([n - 1 for n in stop])
        low = [max(0, int(np.floor(min(ends)))) for ends in zip(*places, strict=True)]
        high = [min(n, int(np.floor(max(ends))) + 2) for *ends, n in zip(*places, self._size, strict=True)]
        low = [min(a, n - 1) for a, n in zip(low, self._size, strict=True)]
        high = [max(a + 1, b) for a, b in zip(low, high, strict=True)]
        values = self._blurred(low, high)
        matrix = np.diag([*self._scale, 1.0])
        matrix[:-1, -1] = np.array(places[0]) - low
        shape = [b - a for a, b in zip(start, stop, strict=True)]
        sampled = _resampling.resample_array(values, matrix, shape, order=1, fill=None)
        return np.ascontiguousarray(self._channels_first(sampled))

    def slabs(self) -> Iterator[NDArray[np.float32]]:
        """Yield all values in turn, in boxes of a size that memory does not notice."""
        across = int(np.prod(self.shape[1:], dtype=np.int64)) * self.num_channels
        thick = max(1, _SLAB // max(1, across))
        for first in range(0, self.shape[0], thick):
            last = min(first + thick, self.shape[0])
            yield self.read((first, *[0] * (len(self.shape) - 1)), (last, *self.shape[1:]))

    def _place(self, index: Index) -> list[float]:
        return [float(i * scale + shift) for i, scale, shift in zip(index, self._scale, self._shift, strict=True)]

    def _values(self, start: Index, stop: Index) -> NDArray[np.float32]:
        box = self._data[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))]
        with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, which is dealt with here
            values: NDArray[np.float32] = box.astype(np.float32)
        if self._instead is not None:
            values[~np.isfinite(values)] = self._instead
        return values

    def _blurred(self, start: Index, stop: Index) -> NDArray[np.float32]:
        if not self._sigma.any():
            return self._values(start, stop)
        from scipy import ndimage

        reach = [int(_TRUNCATE * sigma + 0.5) for sigma in self._sigma]
        low = [max(0, a - r) for a, r in zip(start, reach, strict=True)]
        high = [min(n, b + r) for b, r, n in zip(stop, reach, self._size, strict=True)]
        values = self._values(low, high)
        sigma = [*self._sigma, *[0.0] * (values.ndim - len(low))]
        blurred = ndimage.gaussian_filter(values, sigma, mode="nearest", truncate=_TRUNCATE)
        inner = tuple(slice(a - b, c - b) for a, b, c in zip(start, low, stop, strict=True))
        return np.asarray(blurred[inner])

    def _channels_first(self, values: Array) -> Array:
        return np.moveaxis(values, -1, 0) if values.ndim > len(self.shape) else values[np.newaxis]


def _lowest_finite(data: Array) -> tuple[np.float32 | None, tuple[str, ...]]:
    """Return what values that are not finite are to become (None if all are), and a note of how many there are."""
    if data.dtype.kind != "f":
        return None, ()
    bad, lowest = 0, np.float32(np.inf)
    thick = max(1, _SLAB // max(1, data[0].size))
    for first in range(0, len(data), thick):
        with np.errstate(over="ignore"):
            values = data[first : first + thick].astype(np.float32, copy=False)
        finite = np.isfinite(values)
        bad += int(finite.size - np.count_nonzero(finite))
        lowest = min(lowest, values.min(initial=lowest, where=finite))
    if bad == data.size:
        raise InputError(
            f"A volume needs voxels of finite value, but none of its {bad} has one (NaN, infinity, or beyond what "
            "float32 holds). Check the file, or rescale the values."
        )
    if not bad:
        return None, ()
    return lowest, (f"{bad} voxels that are not finite were given the lowest value, {lowest:g}.",)
