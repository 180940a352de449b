"""Grid: where voxels lie, without voxels."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench import _checks, _geometry
from workbench.errors import InputError
from workbench.signatures import PER_AXIS, Range, checked_class

#: Size of voxels.
Spacing = Annotated[float | Sequence[float], Range(above=0, unit="mm"), PER_AXIS]


@checked_class("Grid")
class Grid:
    """The places of voxels: an affine and a shape.

    Parameters
    ----------
    affine : array [4, 4]
        Maps voxel indices to RAS millimetres; for a picture, the third column is its normal.
    shape : sequence of 2 or 3 int
        Number of voxels along each axis.

    Raises
    ------
    InputError
        If the affine is none, or the shape is not two or three whole numbers of 0 or more.

    Examples
    --------
    >>> grid = Grid(np.diag([1, 1, 2.5, 1]), (4, 5, 6))
    >>> grid
    <Grid 4x5x6, 1x1x2.5 mm RAS>
    >>> grid.crop((1, 0, 2), (4, 5, 6)).to_world((0, 0, 0))
    array([1., 0., 5.])
    """

    def __init__(self, affine: ArrayLike, shape: Sequence[int]) -> None:
        self._affine = _geometry.check_affine(affine)
        self._affine.setflags(write=False)
        self._shape = _check_shape(shape)

    @property
    def affine(self) -> _geometry.Affine:
        """Voxel indices to RAS mm, [4, 4] float64, read-only."""
        return self._affine

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of voxels along each axis."""
        return self._shape

    @property
    def ndim(self) -> int:
        """2 for a picture, 3 for a volume."""
        return len(self._shape)

    @property
    def spacing(self) -> tuple[float, ...]:
        """Millimetres between neighbouring voxels along each axis."""
        return _geometry.spacing(self._affine)[: self.ndim]

    @property
    def orientation(self) -> str:
        """World direction nearest to each axis, such as "RAS" or, for a picture, "PL"."""
        return _geometry.orientation(self._affine, self.ndim)

    def __repr__(self) -> str:
        lengths = "x".join(f"{length:.4g}" for length in self.spacing)
        return f"<Grid {'x'.join(map(str, self._shape))}, {lengths} mm {self.orientation}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return Grid, (np.array(self._affine), self._shape)

    def same_place(self, other: Grid, tolerance: float = 1e-4) -> bool:
        """Tell whether both have the same shape and no corner lies more than `tolerance` mm apart."""
        if self._shape != other.shape:
            return False
        far = np.array([*self._shape, 1, 1][:3], dtype=float)
        corners = np.array(np.meshgrid(*[(0, n) for n in far])).reshape(3, -1).T
        return bool(np.abs(self.to_world(corners) - other.to_world(corners)).max() <= tolerance)

    def to_world(self, ijk: ArrayLike) -> NDArray[np.float64]:
        """Map voxel indices [..., 3] ([..., 2] in a picture) to RAS mm [..., 3]."""
        points = _checks.points(ijk, "Voxel indices", "ijk")
        if points.shape[-1:] == (2,) and self.ndim == 2:
            points = np.concatenate([points, np.zeros((*points.shape[:-1], 1))], axis=-1)
        if points.shape[-1:] != (3,):
            raise InputError(
                f"Voxel indices (ijk) are [..., {self.ndim}], got shape {points.shape}. Give one number for each axis."
            )
        return np.asarray(points @ self._affine[:3, :3].T + self._affine[:3, 3])

    def to_voxel(self, xyz: ArrayLike) -> NDArray[np.float64]:
        """Map RAS mm [..., 3] to (fractional) voxel indices [..., ndim]."""
        points = _checks.points(xyz, "Points in mm", "xyz")
        if points.shape[-1:] != (3,):
            raise InputError(
                f"Points (xyz) are RAS millimetres [..., 3], got shape {points.shape}. Give three numbers for each."
            )
        inverse = np.linalg.inv(self._affine)
        return np.asarray(points @ inverse[:3, :3].T + inverse[:3, 3])[..., : self.ndim]

    def crop(self, start: Sequence[int], stop: Sequence[int]) -> Grid:
        """Return the voxels from `start` up to, not including, `stop` (indices, one per axis).

        Raises
        ------
        InputError
            If the box is empty or leaves the grid.
        """
        low, high = self._whole(start, "start"), self._whole(stop, "stop")
        if (low < 0).any() or (high > self._shape).any() or (low >= high).any():
            raise InputError(
                f"A crop needs 0 <= start < stop <= {self._shape}, got {low.tolist()} to {high.tolist()}. Give a box "
                "inside of the grid; pad makes a grid larger."
            )
        return Grid(_geometry.shifted(self._affine, low.tolist()), (high - low).tolist())

    def pad(self, before: int | Sequence[int], after: int | Sequence[int]) -> Grid:
        """Return the grid with voxels added at the beginning and the end of each axis.

        Raises
        ------
        InputError
            If a width is negative.
        """
        low, high = self._whole(before, "before"), self._whole(after, "after")
        if (low < 0).any() or (high < 0).any():
            raise InputError(
                f"Padding is 0 or more voxels, got before {low.tolist()}, after {high.tolist()}. Use crop to remove."
            )
        return Grid(_geometry.shifted(self._affine, (-low).tolist()), (low + high + self._shape).tolist())

    def reorient(self, code: str = "RAS") -> Grid:
        """Return the same places with axes that run to `code`; for a picture, its two letters count."""
        order, _, affine = _geometry.reorientation(self._affine, self._shape, code)
        return Grid(affine, [self._shape[axis] for axis in order])

    def resample(self, spacing: Spacing) -> Grid:
        """Return voxels of `spacing` mm over the same field of view (same centre, same size up to half a voxel).

        Raises
        ------
        InputError
            If the spacing is not above 0 mm, or so small that the grid would be absurd.
        """
        change, shape = self.to_spacing(spacing)
        return Grid(self._affine @ change, shape)

    def rescale(self, shape: Sequence[int], steps: Sequence[float] | None = None) -> Grid:
        """Return a grid of `shape` with the same centre.

        Parameters
        ----------
        shape : sequence of int
            Number of voxels along each axis, at least 1.
        steps : sequence of float, optional
            Length of its voxels along each axis, in voxels of this one; by default, such that the field of view is the
            same.
        """
        wanted = _check_shape(shape)
        if len(wanted) != self.ndim or 0 in wanted:
            raise InputError(f"A shape here is {self.ndim} whole numbers above 0, got {shape!r}.")
        lengths = np.array(self._shape) / np.array(wanted) if steps is None else steps
        return Grid(_geometry.rescaled(self._affine, self._shape, wanted, [float(step) for step in lengths]), wanted)

    def to_spacing(self, spacing: float | Sequence[float]) -> tuple[NDArray[np.float64], tuple[int, ...]]:
        """Return the map [4, 4] from indices of the grid of :meth:`resample` to those of this one, and its shape.

        Raises
        ------
        InputError
            As :meth:`resample`.
        """
        wanted = _checks.numbers(spacing, self.ndim, "spacing")
        if not np.isfinite(wanted).all() or (wanted <= 0).any():
            raise InputError(
                f"A spacing is above 0 mm, got {spacing!r}. Give the size of a voxel, or one for each axis."
            )
        ratio, old = np.ones(3), np.ones(3)
        ratio[: self.ndim], old[: self.ndim] = wanted / self.spacing, self._shape
        new = np.maximum(np.rint(old / ratio), 1)
        if np.prod(new) > 2**40:
            raise InputError(f"A spacing of {spacing!r} mm would make {new.tolist()} voxels. Give a larger spacing.")
        change = np.diag([*ratio, 1.0])
        change[:3, 3] = (old - 1) / 2 - ratio * (new - 1) / 2
        change[self.ndim : 3, 3] = 0
        return change, tuple(int(n) for n in new[: self.ndim])

    def to_grid(self, other: Grid) -> NDArray[np.float64]:
        """Return the map [4, 4] from indices of `other` to those of this grid.

        Raises
        ------
        InputError
            If one is a picture and the other is not, or two pictures do not lie in the same plane.
        """
        if other.ndim != self.ndim:
            raise InputError(
                f"A {self.ndim}D volume cannot be put on a {other.ndim}D grid. Give a grid of as many axes; slice_2d "
                "makes a picture of a volume."
            )
        change = np.linalg.inv(self._affine) @ other.affine
        if self.ndim == 2 and np.abs(change[2, [0, 1, 3]]).max() > 1e-3:
            raise InputError("The two pictures do not lie in the same plane, so one cannot be put on the other's grid.")
        return np.asarray(change)

    def _whole(self, value: int | Sequence[int], what: str) -> NDArray[np.intp]:
        values = _checks.numbers(value, self.ndim, what)
        if not (np.abs(values) < 2**31).all() or (values != np.rint(values)).any():
            raise InputError(f"Give {what} in whole voxels, got {value!r}. Use to_voxel for points in mm.")
        return values.astype(np.intp)


def _check_shape(shape: Any) -> tuple[int, ...]:
    sizes = tuple(shape) if isinstance(shape, (Sequence, np.ndarray)) and not isinstance(shape, str) else ()
    if len(sizes) not in {2, 3} or not all(isinstance(n, Integral) and int(n) >= 0 for n in sizes):
        raise InputError(f"The shape of a grid is two or three whole numbers of 0 or more, got {shape!r}.")
    return tuple(int(n) for n in sizes)
