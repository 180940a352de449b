"""Annotations that are not voxels: points, boxes and ellipses, with the affine that puts them into the body.

Coordinates are continuous voxel indices in the order of the array's axes (rows before columns for a picture); whole
numbers are the centres of voxels, so a box around the voxels a to b has the corners a - 0.5 and b + 0.5.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench import _geometry
from workbench.errors import InputError, choose
from workbench.volume import Volume

Floats = NDArray[np.float64]
#: Width of a line as a part of the longest side: one of a single voxel is lost where a large picture is drawn small.
_LINE_PART = 0.004


@dataclass(frozen=True, eq=False)
class Shapes(ABC):
    """A number of shapes of one kind on one grid.

    Parameters
    ----------
    values : array [n, m], float64
        One row per shape; what the columns are is said by each kind.
    labels : array [n], int64
        Number of the class of each, from 0; there is no background among shapes. Zeros where not given.
    affine : array [4, 4]
        Voxel indices of the grid to RAS mm.
    scores : array [n], float64, optional
        How sure a model is of each, 0 to 1; None for what a person drew.

    Raises
    ------
    InputError
        If the numbers are not finite or their shapes do not fit together.
    """

    #: Name of the annotation in a data set, such as "boxes".
    kind: ClassVar[str]

    values: Floats
    labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    affine: Floats = field(default_factory=lambda: np.eye(4))
    scores: Floats | None = None

    def __post_init__(self) -> None:
        values = np.array(self.values, dtype=np.float64)
        values = values.reshape(0, self._columns()[0]) if values.size == 0 and values.ndim < 2 else values
        if values.ndim != 2 or values.shape[1] not in self._columns():
            wanted = " or ".join(map(str, self._columns()))
            raise InputError(f"{type(self).__name__} takes values [n, {wanted}], got shape {values.shape}.")
        if not np.isfinite(values).all():
            raise InputError(
                f"The values of {type(self).__name__} must be finite, got {values[~np.isfinite(values)][0]}."
            )
        labels = np.array(self.labels, dtype=np.int64)
        labels = np.zeros(len(values), np.int64) if labels.size == 0 else labels
        scores = None if self.scores is None else np.array(self.scores, dtype=np.float64)
        for name, column in (("labels", labels), ("scores", scores)):
            if column is not None and column.shape != (len(values),):
                raise InputError(f"There must be one of `{name}` for each of {len(values)} shapes, got {column.shape}.")
        if len(labels) and labels.min() < 0:
            raise InputError(f"Class numbers start at 0, got {int(labels.min())}.")
        for name, value in (("values", values), ("labels", labels), ("scores", scores)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "affine", _geometry.check_affine(self.affine))
        self._check()

    @property
    @abstractmethod
    def ndim(self) -> int:
        """Number of spatial axes."""

    @property
    @abstractmethod
    def centers(self) -> Floats:
        """Centre of each shape, array [n, ndim]."""

    @classmethod
    @abstractmethod
    def _columns(cls) -> tuple[int, ...]:
        """Return how many columns `values` may have; the first stands for an empty list without a shape."""

    @abstractmethod
    def _mapped(self, matrix: Floats, shift: Floats) -> Floats:
        """Return `values` after ``x -> matrix @ x + shift``."""

    @abstractmethod
    def _covers(self, row: Floats, points: Floats) -> NDArray[np.bool_]:
        """Tell which of `points` [p, ndim] one shape covers."""

    def _check(self) -> None:  # noqa: B027 - not every kind asks for more
        """Check what only this kind asks of its values."""

    def __len__(self) -> int:
        return len(self.values)

    def select(self, chosen: ArrayLike) -> Self:
        """Return the shapes that a mask or a list of numbers chooses."""
        index = np.asarray(chosen)
        index = index.astype(np.int64) if index.size == 0 else index
        scores = None if self.scores is None else self.scores[index]
        return replace(self, values=self.values[index], labels=self.labels[index], scores=scores)

    def shifted(self, offset: ArrayLike) -> Self:
        """Return the same shapes with `offset` [ndim] added to their coordinates; the affine is left as it is."""
        return replace(self, values=self._mapped(np.eye(self.ndim), np.asarray(offset, dtype=np.float64)))

    def moved(self, matrix: ArrayLike) -> Self:
        """Return the shapes with their coordinates changed by `matrix` [ndim + 1, ndim + 1]; the affine is kept."""
        n, change = self.ndim, np.asarray(matrix, dtype=np.float64)
        return replace(self, values=self._mapped(change[:n, :n], change[:n, n]))

    def onto(self, affine: ArrayLike) -> Self:
        """Return the same shapes, at the same place in the body, in the voxel coordinates of another grid.

        Raises
        ------
        InputError
            If the shapes are 2D and the other picture lies in another plane.
        """
        target = _geometry.check_affine(affine)
        change = np.linalg.inv(target) @ self.affine
        n = self.ndim
        if n == 2 and not np.allclose([*change[2, :2], *change[:2, 2]], 0, atol=1e-5):
            raise InputError("Shapes drawn on a picture can be carried over to pictures of the same plane only.")
        return replace(self, values=self._mapped(change[:n, :n], change[:n, 3]), affine=target)

    def within(self, shape: Sequence[int]) -> Self:
        """Return the shapes whose centre lies on a grid of `shape`."""
        inside = ((self.centers >= -0.5) & (self.centers <= np.asarray(shape) - 0.5)).all(axis=1)
        return self.select(inside)

    def filled(self, shape: Sequence[int], *, by: str = "class") -> NDArray[np.int64]:
        """Return the shapes painted on a grid, later ones over earlier ones.

        Parameters
        ----------
        shape : sequence of int
            Voxels along each axis.
        by : {"class", "number"}
            Paint each with its class number plus 1, or with its own number from 1; 0 is where there is none.

        Returns
        -------
        array [*shape], int64
        """
        canvas = np.zeros(tuple(shape), np.int64)
        low, high = self._bounds()
        for number, row in enumerate(self.values):
            window = _window(low[number], high[number], shape)
            axes = np.meshgrid(*(np.arange(part.start, part.stop) for part in window), indexing="ij")
            points = np.stack([axis.ravel() for axis in axes], axis=1).astype(np.float64)
            covered = self._covers(row, points).reshape(canvas[window].shape)
            canvas[window][covered] = (self.labels[number] if by == "class" else number) + 1
        return canvas

    def outlines(self, grid: Volume, names: Sequence[str] = (), *, by: str = "class") -> Volume:
        """Return the outlines as a label volume on `grid`, for a viewer; points are drawn as discs.

        Parameters
        ----------
        grid : Volume
            Whose grid is drawn on.
        names : sequence of str
            Names of the classes, or with ``by="number"`` of the shapes.
        by : {"class", "number"}
            Label each outline with its class number plus 1, or with its own number from 1; 0 is where there is none.
        """
        choose(by, ("class", "number"), "way to label outlines")
        placed = self.onto(grid.affine)
        dtype: Any = np.uint16 if by == "number" else np.uint8
        drawn, most = np.zeros(grid.spatial_shape, dtype), int(np.iinfo(dtype).max)
        for number in range(len(placed)):
            window, edge = placed.select([number])._stroke(grid)
            drawn[window][edge] = min((int(placed.labels[number]) if by == "class" else number) + 1, most)
        labels = {0: "background", **{k + 1: name for k, name in enumerate(names)}} if names else None
        return grid.with_data(drawn, kind="labels", labels=labels, source=None, notes=())

    def _stroke(self, grid: Volume) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
        """Return where on `grid` the only shape is drawn: a window of it, and the voxels of its edge in there."""
        from scipy import ndimage

        low, high = self._bounds()
        width = max(1, min(round(_LINE_PART * max(grid.spatial_shape)), int((high - low).min() / 6)))
        # one voxel more all around: the edge is where the shape ends, and not where the window does
        window = _window(low[0] - 1, high[0] + 1, grid.spatial_shape)
        inside = self.shifted([-part.start for part in window])
        area = inside.filled([part.stop - part.start for part in window], by="number") > 0
        return window, np.asarray(area & ~ndimage.binary_erosion(area, iterations=width))

    def _bounds(self) -> tuple[Floats, Floats]:
        """Return the lower and the upper corner of the box around each shape."""
        return self.centers, self.centers

    def __repr__(self) -> str:
        counts = np.bincount(self.labels).tolist()
        classes = ", ".join(f"{count} of class {number}" for number, count in enumerate(counts) if count)
        return f"<{type(self).__name__} {self.ndim}D: {classes or 'none'}>"


class Points(Shapes):
    """Points: ``values`` [n, ndim] are their coordinates.

    Examples
    --------
    >>> import numpy as np
    >>> Points([[3, 4]], affine=np.diag([2, 2, 1, 1])).onto(np.eye(4)).values.tolist()
    [[6.0, 8.0]]
    """

    kind = "points"
    #: How far from a point, in voxels, it is painted.
    _RADIUS = 1.5
    #: Radius of the disc that is drawn in a viewer: in voxels, and as a part of the longest side where that is more.
    _DISC, _DISC_PART = 2.3, 0.006

    @classmethod
    def _columns(cls) -> tuple[int, ...]:
        return (2, 3)

    @property
    def ndim(self) -> int:
        return int(self.values.shape[1])

    @property
    def centers(self) -> Floats:
        return self.values

    def _mapped(self, matrix: Floats, shift: Floats) -> Floats:
        return np.asarray(self.values @ matrix.T + shift)

    def _bounds(self) -> tuple[Floats, Floats]:
        return self.values - self._RADIUS, self.values + self._RADIUS

    def _covers(self, row: Floats, points: Floats) -> NDArray[np.bool_]:
        return np.asarray(np.linalg.norm(points - row, axis=1) <= self._RADIUS)

    def _stroke(self, grid: Volume) -> tuple[tuple[slice, ...], NDArray[np.bool_]]:
        # a disc that is as round and as large to the eye on a fine grid as on a coarse or an anisotropic one
        spacing, center = np.asarray(grid.spacing), self.values[0]
        longest = float((spacing * grid.spatial_shape).max())
        radius = max(self._DISC * float(spacing.min()), self._DISC_PART * longest)
        window = _window(center - radius / spacing, center + radius / spacing, grid.spatial_shape)
        axes = [
            ((np.arange(part.start, part.stop) - at) * step) ** 2
            for part, at, step in zip(window, center, spacing, strict=True)
        ]
        square: Any = sum(np.ix_(*axes))
        return window, np.asarray(square <= radius**2)


class Boxes(Shapes):
    """Boxes along the axes of the grid: ``values`` [n, 2 ndim] are the lower corner, then the upper corner.

    Examples
    --------
    >>> Boxes([[0.5, 1.5, 4.5, 7.5]]).centers.tolist()
    [[2.5, 4.5]]
    """

    kind = "boxes"

    @classmethod
    def _columns(cls) -> tuple[int, ...]:
        return (4, 6)

    @property
    def ndim(self) -> int:
        return int(self.values.shape[1]) // 2

    @property
    def lower(self) -> Floats:
        """Lower corner of each box, array [n, ndim]."""
        return self.values[:, : self.ndim]

    @property
    def upper(self) -> Floats:
        """Upper corner of each box, array [n, ndim]."""
        return self.values[:, self.ndim :]

    @property
    def sizes(self) -> Floats:
        """Length of each box along each axis in voxels, array [n, ndim]."""
        return np.asarray(self.upper - self.lower)

    @property
    def centers(self) -> Floats:
        return np.asarray((self.lower + self.upper) / 2)

    def within(self, shape: Sequence[int]) -> Self:
        """Return the boxes whose centre lies on a grid of `shape`, cut at its edge."""
        kept = super().within(shape)
        limit = np.tile(np.asarray(shape) - 0.5, 2)
        return replace(kept, values=np.clip(kept.values, -0.5, limit))

    def _check(self) -> None:
        if len(self) and (self.sizes <= 0).any():
            number = int(np.argmax((self.sizes <= 0).any(axis=1)))
            raise InputError(
                f"The upper corner of a box lies above its lower one along every axis; box {number} is "
                f"{self.values[number].tolist()}. Leave boxes without area out."
            )

    def _mapped(self, matrix: Floats, shift: Floats) -> Floats:
        n = self.ndim
        pick = np.array([*itertools.product((0, 1), repeat=n)], dtype=bool)
        corners = np.where(pick[None], self.upper[:, None], self.lower[:, None]) @ matrix.T + shift
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)

    def _bounds(self) -> tuple[Floats, Floats]:
        return self.lower, self.upper

    def _covers(self, row: Floats, points: Floats) -> NDArray[np.bool_]:
        n = self.ndim
        return np.asarray(((points >= row[:n]) & (points <= row[n:])).all(axis=1))


class Ellipses(Shapes):
    """Ellipses on a picture: ``values`` [n, 5] are centre i, centre j, semi-axis a, semi-axis b, angle.

    ``a >= b > 0``. The angle, in radians from -pi/2 to below pi/2, is that of axis a, from the j axis (columns) towards
    the i axis (rows): the axis points along (di, dj) = (sin, cos).

    Examples
    --------
    >>> Ellipses([[10, 20, 5, 8, 0]]).values[0, 2:4].tolist()
    [8.0, 5.0]
    """

    kind = "ellipses"

    @classmethod
    def _columns(cls) -> tuple[int, ...]:
        return (5,)

    @property
    def ndim(self) -> int:
        return 2

    @property
    def centers(self) -> Floats:
        return self.values[:, :2]

    def matrices(self) -> Floats:
        """Return Q [n, 2, 2] of each: the ellipse is where (x - c)^T Q^-1 (x - c) = 1."""
        a, b, angle = self.values[:, 2], self.values[:, 3], self.values[:, 4]
        along = np.stack([np.sin(angle), np.cos(angle)], axis=1)
        across = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
        return np.asarray(
            (a**2)[:, None, None] * along[:, :, None] * along[:, None, :]
            + (b**2)[:, None, None] * across[:, :, None] * across[:, None, :]
        )

    def _check(self) -> None:
        if len(self) and (self.values[:, 2:4] <= 0).any():
            raise InputError(f"The semi-axes of an ellipse are above 0, got {self.values[:, 2:4].min():g}.")
        values = self.values.copy()
        swapped = values[:, 2] < values[:, 3]
        values[swapped, 2:4] = values[swapped, 3:1:-1]
        values[swapped, 4] += np.pi / 2
        values[:, 4] = (values[:, 4] + np.pi / 2) % np.pi - np.pi / 2
        object.__setattr__(self, "values", values)

    def _mapped(self, matrix: Floats, shift: Floats) -> Floats:
        centers = self.centers @ matrix.T + shift
        if np.allclose(matrix, np.eye(2)):
            return np.concatenate([centers, self.values[:, 2:]], axis=1)
        lengths, axes = np.linalg.eigh(matrix @ self.matrices() @ matrix.T)
        angles = np.arctan2(axes[:, 0, 1], axes[:, 1, 1])
        return np.column_stack([centers, np.sqrt(lengths[:, ::-1]), angles])

    def _bounds(self) -> tuple[Floats, Floats]:
        reach = np.sqrt(np.diagonal(self.matrices(), axis1=1, axis2=2))
        return self.centers - reach, self.centers + reach

    def _covers(self, row: Floats, points: Floats) -> NDArray[np.bool_]:
        sine, cosine = np.sin(row[4]), np.cos(row[4])
        along, across = (points - row[:2]) @ [sine, cosine], (points - row[:2]) @ [cosine, -sine]
        return np.asarray((along / row[2]) ** 2 + (across / row[3]) ** 2 <= 1)


#: The kinds of shapes by the name that a saved data set gives them.
KINDS: dict[str, type[Shapes]] = {kind.kind: kind for kind in (Points, Boxes, Ellipses)}


def _window(low: Floats, high: Floats, shape: Sequence[int]) -> tuple[slice, ...]:
    """Return the part of a grid that holds all voxels between two corners."""
    first, last = np.clip([np.floor(low), np.ceil(high) + 1], 0, shape).astype(int)
    return tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
