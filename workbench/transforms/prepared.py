"""A volume as a network sees it, whole or box by box, and the way back onto the volume's own grid."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench import _checks, _resampling
from workbench._arrays import Array
from workbench.errors import InputError
from workbench.transforms._sampling import Index, Sampler
from workbench.transforms.intensity import Normalisation
from workbench.volume import Volume

#: Up to this size a network's input is made at once and kept; a larger one is made box by box, as it is asked for.
_KEPT_BYTES = 1 << 26
#: In Hounsfield units: what lies below everywhere is air around the patient, the lungs' tissue being denser.
_AIR_HU = -900.0
#: Voxels of a map that are brought onto the volume's grid in one go.
_RESTORED_AT_ONCE = 1 << 22
#: Two grids that differ by less (in voxels) are the same.
_SAME = 1e-6


class Prepared:
    """A volume as a network sees it.

    Parameters
    ----------
    sampler : Sampler
        The values of the volume on the network's grid, before they are normalised and padded.
    normalisation : Normalisation or None
    affine : array [4, 4]
        Network grid to RAS mm.
    before, after : sequence of int
        Voxels of zeros added at either end of each axis; negative: cut.
    source : Volume
        Grid of the volume it was made from.
    exact : bool
        Whether the way back needs no interpolation.
    unit : str
        Unit of the volume's values.

    Attributes
    ----------
    notes : tuple of str
        What was done beyond the specification.
    """

    def __init__(
        self,
        sampler: Sampler,
        normalisation: Normalisation | None,
        affine: NDArray[np.float64],
        before: Index,
        after: Index,
        source: Volume,
        *,
        exact: bool,
        unit: str = "",
    ) -> None:
        self.affine = affine
        self.source = source
        self.exact = exact
        self.notes = sampler.notes
        self.num_channels = sampler.num_channels
        self.spatial_shape = tuple(a + n + b for a, n, b in zip(before, sampler.shape, after, strict=True))
        self._sampler: Sampler | None = sampler
        self._normalisation = normalisation
        self._before, self._sampled = tuple(before), sampler.shape
        self._unit = unit
        self._array: NDArray[np.float32] | None = None
        if 4 * self.num_channels * int(np.prod(self.spatial_shape, dtype=np.int64)) <= _KEPT_BYTES:
            _ = self.array

    @property
    def array(self) -> NDArray[np.float32]:
        """The whole network input of one sample, [c, *spatial]; a large one is made when it is first asked for."""
        if self._array is None:
            _checks.room((self.num_channels, *self.spatial_shape), np.dtype(np.float32))
            self._array = self.window([0] * len(self.spatial_shape), self.spatial_shape)
            # what is left of the volume is its grid
            self._sampler = None
        return self._array

    @property
    def batch(self) -> NDArray[np.float32]:
        """The network input with a batch axis: [1, c, *spatial]."""
        return self.array[np.newaxis]

    def window(self, start: Index, stop: Index) -> NDArray[np.float32]:
        """Return a box of the network's input, ``[c, *(stop - start)]``, without making the rest."""
        if self._array is not None:
            return self._array[(slice(None), *(slice(a, b) for a, b in zip(start, stop, strict=True)))]
        inner = self._inside(start, stop)
        result = np.zeros((self.num_channels, *(b - a for a, b in zip(start, stop, strict=True))), np.float32)
        if inner is None:
            return result
        assert self._sampler is not None
        low, high = ([n - m for n, m in zip(corner, self._before, strict=True)] for corner in inner)
        values = self._sampler.read(low, high)
        if self._normalisation is not None:
            values = self._normalisation.apply(values)
        places = (slice(a - first, b - first) for a, b, first in zip(*inner, start, strict=True))
        result[(slice(None), *places)] = values
        return result

    def is_air(self) -> Callable[[Index, Index], bool]:
        """Return a rule that tells boxes with nothing but air around a patient.

        Where values are in HU, air is what lies below -900 everywhere in the box; elsewhere, what has the lowest value
        of the whole volume everywhere in it. A box that reaches into what was padded is none.
        """
        whole = [0] * len(self.spatial_shape), self.spatial_shape
        if self._unit == "HU":
            most = _AIR_HU if self._normalisation is None else self._normalisation.of(_AIR_HU)
        elif self._array is None:
            assert self._sampler is not None
            most = min(float(slab.min()) for slab in self._sampler.slabs())
            most = most if self._normalisation is None else self._normalisation.of(most)
        else:
            inner = self._inside(*whole)
            most = float(self.window(*inner).min()) if inner is not None else -np.inf

        def rule(start: Index, stop: Index) -> bool:
            inner = self._inside(start, stop)
            return inner == (list(start), list(stop)) and float(self.window(start, stop).max()) <= most

        return rule

    def _inside(self, start: Index, stop: Index) -> tuple[list[int], list[int]] | None:
        """Return the part of a box that was not padded."""
        ends = [m + n for m, n in zip(self._before, self._sampled, strict=True)]
        low = [max(0, m, a) for a, m in zip(start, self._before, strict=True)]
        high = [min(n, b) for b, n in zip(stop, ends, strict=True)]
        return (low, high) if all(a < b for a, b in zip(low, high, strict=True)) else None

    # ---- the way back ----------------------------------------------------------------------------------------------

    @property
    def grid(self) -> Volume:
        """The network's grid as a Volume without values (all voxels are 0)."""
        return empty(self.affine, self.spatial_shape)

    def grid_of(self, shape: Sequence[int]) -> Volume:
        """Return a grid of `shape` over the field of view of the network's input, such as that of a feature map."""
        if tuple(shape) == self.spatial_shape:
            return self.grid
        return scaled_grid(self.grid, np.array(self.spatial_shape) / np.array(shape), tuple(shape))

    def restore(self, array: Array, *, kind: str = "scores", order: int | None = None, **meaning: Any) -> Volume:
        """Put an array from the network's side onto the grid of the volume that was prepared.

        Parameters
        ----------
        array : array [*spatial] or [c, *spatial]
            Values on the network's grid, or on a coarser or finer one over the same field of view.
        kind : {"scores", "labels", "image"}
            What the values are; labels are not interpolated.
        order : int, optional
            Order of interpolation; default 0 for labels, 1 otherwise.
        **meaning
            ``channels``, ``labels``, ``unit`` of the result.

        Returns
        -------
        Volume
            Voxels that the network did not see are 0.
        """
        ndim = self.source.spatial_ndim
        if array.ndim not in {ndim, ndim + 1}:
            raise InputError(
                f"A map to restore is [*spatial] or [c, *spatial] with {ndim} spatial axes, got {array.shape}."
            )
        channels_first = array if array.ndim > ndim else array[np.newaxis]
        affine = self.grid_of(channels_first.shape[1:]).affine
        meaning = {"space": self.source.space, **meaning}
        volume = Volume.from_channels_first(channels_first, affine, kind=kind, **meaning)
        restored = volume.resample_like(self.source, order=order)
        if np.array_equal(restored.affine, self.source.affine):
            return restored
        # equal up to rounding; the caller gets back the very affine that was handed in
        return Volume(restored.data, self.source.affine, axes=restored.axes, kind=kind, **meaning)

    def restore_box(self, array: Array, start: Index, *, kind: str = "scores") -> Volume:
        """Put a box of a map onto the grid of the volume, some rows at a time, as if the map were 0 around it.

        Parameters
        ----------
        array : array [*box]
            Values on the network's grid, float32.
        start : sequence of int
            Where the box begins there.
        """
        restorer = self.restorer()
        stop = [a + n for a, n in zip(start, array.shape, strict=True)]
        margin = [(int(a > 0), int(b < n)) for a, b, n in zip(start, stop, self.spatial_shape, strict=True)]
        padded = np.pad(array, margin) if np.any(margin) else array
        low = [a - before for a, (before, _) in zip(start, margin, strict=True)]
        own = [n - after * restorer.halo for n, (_, after) in zip(padded.shape, margin, strict=True)]
        target = np.zeros(self.source.spatial_shape, np.float32)
        rows = max(1, _RESTORED_AT_ONCE // max(1, padded[0].size))
        for first in range(0, own[0], rows):
            count = min(rows, own[0] - first)
            part = padded[np.newaxis, first : first + count + restorer.halo]
            restorer.write(target, (low[0] + first, *low[1:]), (count, *own[1:]), part, lambda values: values[0])
        return Volume(target, self.source.affine, kind=kind, space=self.source.space)

    def restorer(self) -> Restorer:
        """Return the way back for maps that are made box by box."""
        return Restorer(self)


class Restorer:
    """Puts boxes of a map on the network's grid onto the voxels of the source, as `Prepared.restore` does the whole.

    Each voxel of the source belongs to the box that the voxel of the network's grid before it lies in (the box's own
    part). Where that is not the last along an axis, linear interpolation needs one voxel more: a box is handed in with
    `halo` voxels beyond its own part at its upper ends, where the grid goes on.
    """

    def __init__(self, prepared: Prepared) -> None:
        source, ndim = prepared.source, prepared.source.spatial_ndim
        change = (np.linalg.inv(prepared.affine) @ source.affine)[:ndim, [*range(ndim), 3]]
        self._sides = [int(np.abs(row[:ndim]).argmax()) for row in change]
        self._scale = [float(change[axis, side]) for axis, side in enumerate(self._sides)]
        self._shift = [float(shift) for shift in change[:, ndim]]
        self._shape = source.spatial_shape
        self._grid = prepared.spatial_shape
        self.halo = 0 if prepared.exact else 1

    def write(
        self,
        target: Array,
        start: Index,
        own: Index,
        values: Array,
        finish: Callable[[Array], Array],
    ) -> None:
        """Write the voxels of the source that belong to a box.

        Parameters
        ----------
        target : array [*source, ...]
            What is filled in.
        start, own : sequence of int
            Where the box begins, and how many of its voxels along each axis are its own part.
        values : array [k, *box]
            The map there, halo included.
        finish : callable
            Makes what is written, [*n, ...], of the map on voxels of the source, [k, *n].
        """
        ranges = [self._owned(axis, first, first + n) for axis, (first, n) in enumerate(zip(start, own, strict=True))]
        if any(a >= b for a, b in ranges):
            return
        steps = zip(self._scale, self._shift, start, ranges, strict=True)
        places = [a * scale + shift - first for scale, shift, first, (a, _) in steps]
        shape = [b - a for a, b in ranges]
        if self.halo:
            matrix = np.diag([*self._scale, 1.0])
            matrix[:-1, -1] = places
            moved = _resampling.resample_array(np.moveaxis(values, 0, -1), matrix, shape, order=1, fill=None)
            restored = np.moveaxis(moved, -1, 0)
        else:
            taken = [
                np.rint(place + scale * np.arange(n)).astype(np.intp)
                for place, scale, n in zip(places, self._scale, shape, strict=True)
            ]
            restored = values[np.ix_(range(len(values)), *taken)]
        # axes of the network's grid to those of the source
        order = np.argsort(self._sides)
        box = tuple(slice(*ranges[axis]) for axis in order)
        target[box] = finish(restored.transpose(0, *(1 + order)))

    def _owned(self, axis: int, low: int, high: int) -> tuple[int, int]:
        """Return the range of source indices along the network's `axis` that belong to its voxels from low to high."""
        count, last = self._shape[self._sides[axis]], self._grid[axis]
        place = np.arange(count) * self._scale[axis] + self._shift[axis]
        inside = (place >= -0.5 - _SAME) & (place <= last - 0.5 + _SAME)
        before = np.floor(np.clip(place, 0, last - 1) + (0.5 if not self.halo else _SAME))
        mine = np.flatnonzero(inside & (before >= low) & (before < high))
        return (int(mine[0]), int(mine[-1]) + 1) if mine.size else (0, 0)


def scaled_grid(grid: Volume, ratio: Array, shape: Sequence[int]) -> Volume:
    """Return a grid of `shape` with the same centre; for the ratio of the shapes, over the same field of view."""
    return empty(grid.grid.rescale(shape, ratio.tolist()).affine, shape)


def empty(affine: Array, shape: Sequence[int], space: str | None = None) -> Volume:
    """Return a grid as a Volume; its voxels are 0, and made only if they are asked for."""

    def voxels() -> Array:
        return np.zeros(shape, np.uint8)

    axes = ("i", "j", "k")[: len(shape)]
    return Volume(voxels, affine, shape=shape, dtype=np.uint8, axes=axes, space=space)
