"""Planes cut through layers, as coloured pixels: what a still picture is made of. No drawing library is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from workbench.errors import StateError
from workbench.volume import Volume
from workbench.widgets.colors import lookup_table, rgb
from workbench.widgets.layer import Layer
from workbench.widgets.transfer import Parcel

Point = tuple[float, float, float]
PlaneName = Literal["axial", "coronal", "sagittal"]
Convention = Literal["radiological", "neurological"]

#: Longest side of a plane in pixels: a still picture is seldom shown larger.
MAX_PIXELS = 512

#: World axes (RAS) to the right and upwards of each view, as seen in neurological convention.
VIEWS: dict[PlaneName, tuple[int, int, int]] = {"axial": (0, 1, 2), "coronal": (0, 2, 1), "sagittal": (1, 2, 0)}
_LETTERS = ("LR", "PA", "IS")


@dataclass(frozen=True)
class Plane:
    """A rectangle in space: where its lower left pixel lies, and its sides.

    ``right`` and ``up`` are unit vectors in RAS; ``size`` is (width, height) in mm; ``pixel`` its pixel size in mm.
    """

    name: PlaneName
    corner: NDArray[np.float64]
    right: NDArray[np.float64]
    up: NDArray[np.float64]
    size: tuple[float, float]
    pixel: float
    lettered: bool = True

    def points(self) -> NDArray[np.float64]:
        """Return the RAS mm of every pixel centre, [rows, columns, 3], the lowest row first."""
        columns = (np.arange(max(1, round(self.size[0] / self.pixel))) + 0.5) * self.pixel
        rows = (np.arange(max(1, round(self.size[1] / self.pixel))) + 0.5) * self.pixel
        return np.asarray(self.corner + rows[:, None, None] * self.up + columns[None, :, None] * self.right)

    def place(self, xyz: Point) -> tuple[float, float]:
        """Return where a point lies on the plane: mm to the right of and above its corner."""
        offset = np.asarray(xyz) - self.corner
        return float(offset @ self.right), float(offset @ self.up)

    def letters(self) -> dict[str, str]:
        """Return the letter at each edge (R L A P S I); none where there is no patient."""
        if not self.lettered:
            return {}
        return {
            "left": _letter(-self.right),
            "right": _letter(self.right),
            "bottom": _letter(-self.up),
            "top": _letter(self.up),
        }


def planes(base: Volume, crosshair: Point, convention: str = "radiological", longest: int = MAX_PIXELS) -> list[Plane]:
    """Return the planes to draw: the three views through `crosshair`, or the plane of a picture.

    No side has more pixels than `longest`, nor a pixel less than a voxel.
    """
    placed = base.space == "patient"
    # without a patient there is no convention: pictures are shown as they are stored
    flip = -1.0 if convention == "radiological" or not placed else 1.0
    if base.spatial_ndim == 2:
        return [_picture_plane(base, flip, longest)]
    corners = _corners(base)
    low, high = corners.min(axis=0), corners.max(axis=0)
    pixel = max(min(base.spacing), float((high - low).max()) / longest)
    result = []
    for name, (across, upwards, through) in VIEWS.items():
        right, up = np.eye(3)[across], np.eye(3)[upwards]
        corner = low.copy()
        corner[through] = crosshair[through]
        if name != "sagittal" and flip < 0:
            right = -right
            corner[across] = high[across]
        size = (float(high[across] - low[across]), float(high[upwards] - low[upwards]))
        result.append(Plane(name, corner, right, up, size, pixel, lettered=placed))
    return result


def paint(layers: Sequence[Layer], plane: Plane) -> NDArray[np.uint8]:
    """Return what `layers` look like on `plane`: uint8 RGB [rows, columns, 3], the lowest row first."""
    points = plane.points()
    canvas = np.zeros((*points.shape[:2], 3), dtype=np.float32)
    for layer in layers:
        if layer.visible and layer.opacity > 0:
            color, alpha = _colors(layer, points)
            alpha = (alpha * layer.opacity)[..., None]
            canvas += alpha * (color - canvas)
    return np.rint(canvas).astype(np.uint8)


def _colors(layer: Layer, points: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the colours 0..255 [rows, columns, 3] of a layer at `points` and how much each covers (0..1)."""
    values, inside = _values(layer, points)
    cover = inside.astype(np.float32)
    if layer.is_rgb:
        return values.astype(np.float32), cover
    if layer.kind == "labels":
        color = np.zeros((*values.shape, 3), dtype=np.float32)
        for entry in Parcel.of(layer).labels[1:]:
            color[values == entry["value"]] = rgb(entry["color"])
        return color, cover * (edges(values) if layer.outline else values != 0)
    low, high = window(layer)
    finite = np.isfinite(values)
    scaled = np.clip((np.where(finite, values, low) - low) / (high - low), 0, 1)
    color = lookup_table(layer.colormap)[np.rint(scaled * 255).astype(int)].astype(np.float32)
    if layer.kind == "scores":
        cover = cover * finite * score_cover(scaled, low)
    return color, cover


def edges(labels: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a label ends: pixels of it with a neighbour above, below or beside that are of another.

    Parameters
    ----------
    labels : array [rows, columns]
        0 is where there is none. The edge of the picture ends no label.
    """
    found = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        differs = np.diff(labels, axis=axis) != 0
        first = [slice(None)] * 2
        last = [slice(None)] * 2
        first[axis], last[axis] = slice(None, -1), slice(1, None)
        found[tuple(first)] |= differs
        found[tuple(last)] |= differs
    return np.asarray(found & (labels != 0))


def score_cover(scaled: NDArray[Any], low: float) -> NDArray[np.float32]:
    """Return how much a score covers the anatomy: nothing where it says nothing, all from a quarter of the range on."""
    strength = np.abs(scaled * 2 - 1) if low < 0 else scaled
    return np.clip(strength * 4, 0, 1).astype(np.float32)


def window(layer: Layer) -> tuple[float, float]:
    """Return the window of `layer`, found from its voxels where none was set."""
    return Parcel.of(layer).window


def _values(layer: Layer, points: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    grid = layer.grid()
    inverse = np.linalg.inv(layer.volume.affine)
    voxel = points @ inverse[:3, :3].T + inverse[:3, 3]
    if layer.volume.spatial_ndim == 2:
        voxel[..., 2] = np.where(np.abs(voxel[..., 2]) < 0.5 + 1e-6, 0, voxel[..., 2])
    last = np.array(grid.shape[:3]) - 1
    inside = ((voxel > -0.5 - 1e-6) & (voxel < last + 0.5 + 1e-6)).all(axis=-1)
    voxel = np.clip(voxel, 0, last)
    if layer.kind == "labels" or layer.is_rgb:
        i, j, k = np.moveaxis(np.rint(voxel).astype(int), -1, 0)
        return grid[i, j, k], inside
    return _linear(grid, voxel), inside


def _linear(grid: NDArray[Any], voxel: NDArray[np.float64]) -> NDArray[np.float32]:
    base = np.floor(voxel).astype(int)
    part = (voxel - base).astype(np.float32)
    last = np.array(grid.shape) - 1
    out = np.zeros(voxel.shape[:-1], dtype=np.float32)
    for corner in np.ndindex(2, 2, 2):
        at = np.minimum(base + corner, last)
        weight = np.prod(np.where(corner, part, 1 - part), axis=-1)
        value = grid[at[..., 0], at[..., 1], at[..., 2]].astype(np.float32)
        # a voxel that is not a number must not spoil its neighbours where its weight is 0
        out += np.where(weight > 0, weight * value, 0)
    return out


def _picture_plane(base: Volume, flip: float, longest: int) -> Plane:
    axes = base.affine[:3, :2]
    spacing = np.linalg.norm(axes, axis=0)
    unit = axes / spacing
    through = int(np.argmax(np.abs(np.cross(unit[:, 0], unit[:, 1]))))
    name, (across, upwards, _) = next(item for item in VIEWS.items() if item[1][2] == through)
    sideways = np.eye(3)[across] * (flip if name != "sagittal" else 1.0)
    first = int(np.argmax(np.abs(sideways @ unit)))
    right, up = unit[:, first], unit[:, 1 - first]
    right = right if right @ sideways > 0 else -right
    up = up if up @ np.eye(3)[upwards] > 0 else -up
    corners = _corners(base)
    corner = corners[int(np.argmin(corners @ (right + up)))]
    size = np.array(base.spatial_shape) * spacing
    pixel = max(float(spacing.min()), float(size.max()) / longest)
    return Plane(
        name, corner, right, up, (float(size[first]), float(size[1 - first])), pixel, lettered=base.space == "patient"
    )


def middle(volume: Volume) -> Point:
    """Return the place of the middle voxel: between two of them, a viewer would blur what lies in both."""
    x, y, z = volume.to_world([(n - 1) // 2 for n in volume.spatial_shape])
    return float(x), float(y), float(z)


def _corners(volume: Volume) -> NDArray[np.float64]:
    shape = np.array([*volume.spatial_shape, 1][:3])
    ends = np.array(list(np.ndindex(2, 2, 2)), dtype=float)
    if volume.spatial_ndim == 2:
        ends = ends[ends[:, 2] == 0]
    index = ends * shape - 0.5
    if volume.spatial_ndim == 2:
        index[:, 2] = 0
    return np.asarray(volume.to_world(index))


def _letter(direction: NDArray[np.float64]) -> str:
    axis = int(np.argmax(np.abs(direction)))
    return _LETTERS[axis][int(direction[axis] > 0)]


def need_layers(layers: Sequence[Layer]) -> Layer:
    """Return the lowest layer, or say that there is nothing to draw."""
    if not layers:
        raise StateError("There are no layers to draw. Add one with `viewer.add(volume)`.")
    return layers[0]
