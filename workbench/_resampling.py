"""Arrays from one voxel grid to another: nearest, linear or spline, without float64 copies of big volumes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray

from workbench import _checks
from workbench.errors import InputError
from workbench.signatures import Range

if TYPE_CHECKING:
    from workbench.volume import Volume

#: Of interpolation: 0 nearest, 1 linear, 2 to 5 spline.
Order = Annotated[int, Range(low=0, high=5)]
#: Output voxels interpolated at a time on oblique grids; the coordinates of a slab need 8 bytes per voxel and axis.
_SLAB_VOXELS = 1 << 21


def sample(
    volume: Volume, change: NDArray[np.float64], shape: tuple[int, ...], order: int | None, fill: float | None
) -> NDArray[Any]:
    """Return the values of `volume` on a grid of `shape`, whose indices `change` [4, 4] maps to those of `volume`.

    Raises
    ------
    InputError
        If the order does not suit the values, they cannot hold `fill`, or there is no room for the result.
    """
    if fill is not None:
        fill = _checks.constant(fill, volume.dtype, "fill")
    chosen = order if order is not None else 0 if volume.kind == "labels" else 1
    if chosen not in range(6):
        raise InputError(
            f"The order of interpolation is 0 to 5, got {order!r}. Leave it out, and it is decided for you."
        )
    if chosen and volume.kind == "labels":
        raise InputError(f"Labels are numbers of structures; order {order} would mix them. Use order 0.")
    _checks.room((*shape, *volume.shape[volume.spatial_ndim :]), volume.dtype)
    keep = [*range(volume.spatial_ndim), 3]
    return resample_array(volume.data, change[np.ix_(keep, keep)], shape, order=chosen, fill=fill)


def resample_array(
    data: NDArray[Any], matrix: NDArray[np.float64], shape: Sequence[int], *, order: int, fill: float | None
) -> NDArray[Any]:
    """Sample `data` at ``matrix @ index`` for every index of a grid of `shape`.

    Parameters
    ----------
    data : array [*spatial] or [*spatial, c]
        Source voxels; the number of spatial axes is ``len(shape)``.
    matrix : array [n + 1, n + 1]
        Maps homogeneous indices of the result to indices of the source.
    shape : sequence of int
        Spatial shape of the result.
    order : int
        0 nearest, 1 linear, 2 to 5 spline.
    fill : float or None
        Value outside of the source (more than half a voxel beyond its outermost voxels). None repeats the edge.

    Returns
    -------
    array [*shape] or [*shape, c]
        Same dtype as `data`; integers are rounded and clipped to their range.
    """
    ndim = len(shape)
    if data.ndim > ndim:
        parts = [resample_array(data[..., c], matrix, shape, order=order, fill=fill) for c in range(data.shape[-1])]
        return np.stack(parts, axis=-1)
    if data.dtype == bool:
        return resample_array(data.view(np.uint8), matrix, shape, order=order, fill=fill).astype(bool)
    axes = _aligned_axes(matrix[:ndim, :ndim])
    if axes is None:
        return _oblique(data, matrix, shape, order, fill)
    moved = data.transpose(axes)
    scale = [float(matrix[axis, i]) for i, axis in enumerate(axes)]
    shift = [float(matrix[axis, ndim]) for axis in axes]
    positions = [np.arange(n) * scale[i] + shift[i] for i, n in enumerate(shape)]
    return _separable(moved, positions, order, fill)


def _aligned_axes(matrix: NDArray[np.float64]) -> list[int] | None:
    # one non-zero per row and column: the grids share their axes, so every axis is interpolated on its own
    biggest = np.abs(matrix).max()
    nonzero = np.abs(matrix) > 1e-7 * biggest
    if (nonzero.sum(axis=0) == 1).all() and (nonzero.sum(axis=1) == 1).all():
        return [int(np.flatnonzero(nonzero[:, i])[0]) for i in range(len(matrix))]
    return None


def _separable(
    data: NDArray[Any], positions: list[NDArray[np.float64]], order: int, fill: float | None
) -> NDArray[Any]:
    inside = [(p >= -0.5 - 1e-6) & (p <= n - 0.5 + 1e-6) for p, n in zip(positions, data.shape, strict=True)]
    clamped = [np.clip(p, 0, n - 1) for p, n in zip(positions, data.shape, strict=True)]
    if order == 0:
        # half-way points go up, as in rounding of positive numbers, so that both directions of a flip agree on a rule
        result = data[np.ix_(*[np.floor(p + 0.5).astype(np.intp) for p in clamped])]
    elif order == 1:
        result = _linear(data, clamped)
    else:
        result = _spline(data, clamped, order)
    if fill is not None:
        for axis, keep in enumerate(inside):
            if not keep.all():
                result[(slice(None),) * axis + (~keep,)] = _cast(np.asarray(fill), data.dtype)
    return result


def _linear(data: NDArray[Any], positions: list[NDArray[np.float64]]) -> NDArray[Any]:
    work = _working_dtype(data.dtype)
    result = data
    # axes that shrink come first: less to do for the others
    for axis in sorted(range(data.ndim), key=lambda a: len(positions[a]) / data.shape[a]):
        position = positions[axis]
        low = np.minimum(np.floor(position).astype(np.intp), max(data.shape[axis] - 2, 0))
        weight = (position - low).astype(work)
        shape = [1] * data.ndim
        shape[axis] = len(position)
        below = _take(result, low, axis).astype(work, copy=False)
        if not weight.any():
            result = below
            continue
        above = _take(result, np.minimum(low + 1, data.shape[axis] - 1), axis).astype(work, copy=False)
        above -= below
        above *= weight.reshape(shape)
        above += below
        result = above
    return _cast(result, data.dtype)


def _take(array: NDArray[Any], index: NDArray[np.intp], axis: int) -> NDArray[Any]:
    if array.flags.f_contiguous:
        # files are read first axis fastest; walking memory in its own order is several times faster
        return np.asarray(np.take(array.T, index, axis=array.ndim - 1 - axis).T)
    return np.asarray(np.take(array, index, axis=axis))


def _spline(data: NDArray[Any], positions: list[NDArray[np.float64]], order: int) -> NDArray[Any]:
    from scipy import ndimage

    result = data.astype(_working_dtype(data.dtype), copy=False)
    coefficients = ndimage.spline_filter(result, order=order, mode="nearest", output=result.dtype)
    grid = np.meshgrid(*positions, indexing="ij", sparse=True)
    output = np.empty([len(p) for p in positions], dtype=result.dtype)
    for start, stop in _slabs(output.shape):
        coordinates = np.broadcast_arrays(grid[0][start:stop], *grid[1:])
        output[start:stop] = ndimage.map_coordinates(
            coefficients, np.stack(coordinates), order=order, mode="nearest", prefilter=False, output=result.dtype
        )
    return _cast(output, data.dtype)


def _oblique(
    data: NDArray[Any], matrix: NDArray[np.float64], shape: Sequence[int], order: int, fill: float | None
) -> NDArray[Any]:
    from scipy import ndimage

    ndim = len(shape)
    work = data.dtype if order == 0 else _working_dtype(data.dtype)
    source = data.astype(work, copy=False)
    if order > 1:
        source = ndimage.spline_filter(source, order=order, mode="nearest", output=work)
    result = np.empty(tuple(shape), dtype=data.dtype)
    for start, stop in _slabs(result.shape):
        slab = (stop - start, *shape[1:])
        offset = matrix[:ndim, ndim] + matrix[:ndim, 0] * start
        block = ndimage.affine_transform(
            source, matrix[:ndim, :ndim], offset, slab, work, order, mode="nearest", prefilter=False
        )
        if fill is not None:
            outside = _outside(matrix[:ndim, :ndim], offset, slab, data.shape)
            block[outside] = _cast(np.asarray(fill), block.dtype)
        result[start:stop] = _cast(block, data.dtype)
    return result


def _outside(
    matrix: NDArray[np.float64], offset: NDArray[np.float64], shape: tuple[int, ...], source_shape: tuple[int, ...]
) -> NDArray[np.bool_]:
    outside = np.zeros(shape, dtype=bool)
    index = np.meshgrid(*[np.arange(n) for n in shape], indexing="ij", sparse=True)
    for axis, length in enumerate(source_shape):
        position = offset[axis] + sum(matrix[axis, i] * index[i] for i in range(len(shape)))
        outside |= (position < -0.5 - 1e-6) | (position > length - 0.5 + 1e-6)
    return outside


def _slabs(shape: tuple[int, ...]) -> list[tuple[int, int]]:
    thick = max(1, _SLAB_VOXELS // max(1, int(np.prod(shape[1:]))))
    return [(start, min(start + thick, shape[0])) for start in range(0, shape[0], thick)]


def _working_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    # float32 holds 8- and 16-bit integers exactly; wider ones need float64
    exact = dtype.itemsize <= 2 if dtype.kind in "iu" else dtype.itemsize <= 4
    return np.dtype(np.float32 if exact else np.float64)


def _cast(array: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    if array.dtype == dtype:
        return array
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        low, high = float(limits.min), np.nextafter(float(limits.max), 0) if dtype.itemsize == 8 else float(limits.max)
        return np.asarray(np.clip(np.rint(array), low, high).astype(dtype))
    return array.astype(dtype)
