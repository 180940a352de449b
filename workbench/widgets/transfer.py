"""What goes over the wire to a browser: a reduced grid first, then the voxels themselves, in bricks.

The browser asks for bricks and each answer is one binary buffer, so nothing is lost when a view appears late, two
views share one stream, and a slow connection is never flooded. A brick is a box of the grid of one level, its voxels in
Fortran order (i fastest), as a GPU texture wants them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import ceil, prod
from typing import Annotated, Any, Literal, TypedDict, cast

import numpy as np
from numpy.typing import NDArray

from workbench.widgets.colors import label_color
from workbench.widgets.layer import Layer, Style

Kind = Literal["image", "labels", "scores"]
Space = Literal["patient", "object", "pixels"]
WireType = Literal["uint8", "int16", "uint16", "float32"]


class LevelInfo(TypedDict):
    """One resolution of a grid, as the browser is told of it."""

    shape: tuple[int, int, int]
    affine: list[list[float]]
    bricks: Annotated[list[tuple[int, int, int, int]], "[j start, j stop, k start, k stop]; i is never cut."]


class LayerInfo(TypedDict):
    """What the browser must know of a layer before the first voxel."""

    id: str
    version: Annotated[int | str, "Another one whenever the voxels are others."]
    kind: Kind
    unit: str
    shape: tuple[int, int, int]
    affine: Annotated[list[list[float]], "From voxel to RAS mm."]
    picture: Annotated[bool, "Whether it is a 2D picture: one slice, in its own plane."]
    space: Annotated[
        Space,
        "What the millimetres are of: a patient, some other thing, or nothing that is known (a pixel counts as 1 mm).",
    ]
    samples: Annotated[int, "Values per voxel: 1, or 3 for colours."]
    channels: list[str]
    bytes: int
    levels: Annotated[list[LevelInfo], "Coarse to fine."]


class Described(TypedDict):
    """A file on the server, as JupyterLab asks for it: what the viewer must know."""

    description: LayerInfo
    style: Style


class LabelInfo(TypedDict):
    """A line of the label table; the voxel value ``n`` on the wire means line ``n``."""

    value: int
    name: str
    color: str


class Header(TypedDict):
    """What is known of a layer once its voxels have been read; it comes with every brick."""

    dtype: WireType
    window: tuple[float, float]
    range: tuple[float, float]
    labels: list[LabelInfo]


#: Jupyter's websocket is reliable up to about 10 MB a message; half of that leaves room for proxies.
BRICK_BYTES = 4_000_000
#: The first picture: enough for every pixel of a 500-pixel pane, and a fraction of a second on a slow line.
FIRST_BYTES = 4_000_000
#: A WebGL volume costs 4 bytes of GPU memory for each voxel; more than this asks too much of a laptop.
MAX_VOXELS = 150_000_000
#: WebGL 2 promises 3D textures of 256 and every desktop has 2048.
MAX_SIDE = 2048


@dataclass(frozen=True)
class Level:
    """One resolution of a grid: every `factors`-th voxel along each axis, and how it is cut into bricks."""

    factors: tuple[int, int, int]
    shape: tuple[int, int, int]
    affine: NDArray[np.float64]
    bricks: tuple[tuple[int, int, int, int], ...]  # (j start, j stop, k start, k stop); i is never cut

    def describe(self) -> LevelInfo:
        """Return the level as plain data for the browser."""
        return {"shape": self.shape, "affine": self.affine.tolist(), "bricks": list(self.bricks)}


class Parcel:
    """A layer, ready to be sent: its levels of resolution, coarse to fine, and the bricks of each.

    Nothing is read from the volume before the first brick is asked for.

    Parameters
    ----------
    layer : Layer
        What to send. The parcel is bound to the layer's present volume and channel.
    """

    def __init__(self, layer: Layer) -> None:
        self._layer = layer
        volume = layer.volume
        shape = tuple(volume.spatial_shape) + (1,) * (3 - volume.spatial_ndim)
        self.version = layer.version
        self.shape: tuple[int, int, int] = (shape[0], shape[1], shape[2])
        self.samples = 3 if layer.is_rgb else 1
        self.kind, self.affine = layer.kind, volume.affine
        self._itemsize = _largest_itemsize(volume.dtype, layer.kind) * self.samples
        spacing = np.linalg.norm(volume.affine[:3, :3], axis=0)
        centred = layer.kind != "labels"
        self.levels = [self._level(factors, centred) for factors in _pyramid(self.shape, self._itemsize, spacing)]

    @classmethod
    def of(cls, layer: Layer) -> Parcel:
        """Return the parcel of a layer as it is now; what one who asks has worked out, the next need not."""
        held: Parcel | None = layer.__dict__.get("_parcel")
        if held is None or held.version != layer.version:
            held = layer.__dict__["_parcel"] = cls(layer)
        return held

    def describe(self) -> LayerInfo:
        """Return what the browser must know before the first voxel: geometry and meaning, no voxels."""
        layer, volume = self._layer, self._layer.volume
        return {
            "id": layer.id,
            "version": self.version,
            "kind": cast("Kind", layer.kind),
            "unit": volume.unit,
            "shape": self.shape,
            "affine": volume.affine.tolist(),
            "picture": volume.spatial_ndim == 2,
            "space": cast("Space", volume.space),
            "samples": self.samples,
            "channels": [] if layer.is_rgb or volume.num_channels == 1 else _channel_names(volume),
            "bytes": prod(self.shape) * self._itemsize,
            "levels": [level.describe() for level in self.levels],
        }

    def header(self) -> Header:
        """Return what is known once the voxels are read: their type on the wire, range, window and labels."""
        return {
            "dtype": cast("WireType", self.voxels.dtype.name),
            "window": self.window,
            "range": self._range,
            "labels": self.labels,
        }

    def brick(self, level: int, index: int) -> bytes:
        """Return one brick of one level: its voxels in Fortran order, colours interleaved."""
        j0, j1, k0, k1 = self.levels[level].bricks[index]
        if level == 0 and prod(self.levels[0].factors) > 1:
            block = self._first[:, j0:j1, k0:k1]
        else:
            block = _reduce_box(self.voxels, self.levels[level].factors, (j0, j1, k0, k1), self._layer.kind)
        if self.samples > 1:
            block = np.moveaxis(block, -1, 0)
        return block.tobytes(order="F")

    @cached_property
    def labels(self) -> list[LabelInfo]:
        """The label table; entry 0 is the background."""
        if self._layer.kind != "labels":
            return []
        names = self._layer.volume.labels or {}
        table: list[LabelInfo] = [{"value": 0, "name": names.get(0, "background"), "color": "#000000"}]
        for number, value in enumerate(self._values[1:]):
            table.append(
                {
                    "value": int(value),
                    "name": names.get(int(value), f"label {value}"),
                    "color": self._layer.colors.get(int(value), label_color(number)),
                }
            )
        return table

    @property
    def window(self) -> tuple[float, float]:
        """The values at the two ends of the colour map: those asked for, or those that suit the voxels."""
        return self._layer.window or self._suitable_window

    @cached_property
    def _suitable_window(self) -> tuple[float, float]:
        if self._layer.kind == "labels":
            return 0.0, float(max(1, len(self._values) - 1))
        if self.samples > 1:
            return 0.0, 255.0
        return suitable_window(self._first, self._layer.kind, self._layer.volume.unit)

    @cached_property
    def _values(self) -> NDArray[Any]:
        found = np.unique(self._layer.grid())
        named = np.array(list(self._layer.volume.labels or {}), dtype=np.int64)
        foreground = np.union1d(found.astype(np.int64), named)
        return np.concatenate([[0], foreground[foreground != 0]])

    @cached_property
    def voxels(self) -> NDArray[Any]:
        """The voxels as they travel, ``[i, j, k]`` or ``[i, j, k, samples]``; labels as lines of the label table."""
        data = self._layer.grid()
        if self._layer.kind == "labels":
            return _dense_labels(data, self._values)
        return data.astype(_wire_dtype(data), copy=False)

    @cached_property
    def _first(self) -> NDArray[Any]:
        level = self.levels[0]
        box = (0, level.shape[1], 0, level.shape[2])
        return _reduce_box(self.voxels, level.factors, box, self._layer.kind)

    @cached_property
    def _range(self) -> tuple[float, float]:
        finite = self._first[np.isfinite(self._first)] if self._first.dtype.kind == "f" else self._first
        return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)

    def _level(self, factors: tuple[int, int, int], centred: bool) -> Level:
        shape = tuple(ceil(n / f) for n, f in zip(self.shape, factors, strict=True))
        # a mean lies in the middle of what it covers; a sampled label lies where it was taken
        shift = [(f - 1) / 2 if centred else float(f // 2) for f in factors]
        step = np.diag([*map(float, factors), 1.0])
        step[:3, 3] = shift
        plane = shape[0] * shape[1] * self._itemsize
        affine = np.asarray(self._layer.volume.affine @ step)
        return Level(factors, (shape[0], shape[1], shape[2]), affine, _cut((shape[0], shape[1], shape[2]), plane))


def suitable_window(sample: NDArray[Any], kind: str, unit: str = "") -> tuple[float, float]:
    """Return the window (low, high) that shows `sample` well: robust for images, from 0 or symmetric for scores."""
    values = sample[np.isfinite(sample)] if sample.dtype.kind == "f" else sample.ravel()
    if values.size == 0:
        return 0.0, 1.0
    if kind == "scores":
        low, high = float(values.min()), float(values.max())
        if low < 0 < high:
            high = max(-low, high)
            low = -high
        elif low >= 0:
            low, high = 0.0, (1.0 if 0.5 < high <= 1 else high)
    elif unit == "HU":
        return -160.0, 240.0
    else:
        low, high = (float(value) for value in np.percentile(values, (0.5, 99.5)))
        if low == high:
            low, high = float(values.min()), float(values.max())
    return (low, high) if low < high else (low, low + 1.0)


def _pyramid(shape: tuple[int, int, int], itemsize: int, spacing: NDArray[Any]) -> list[tuple[int, int, int]]:
    first = _factors(shape, spacing, FIRST_BYTES // itemsize, MAX_SIDE)
    finest = _factors(shape, spacing, MAX_VOXELS, MAX_SIDE)
    return [first] if first == finest else [first, finest]


def _factors(shape: tuple[int, int, int], spacing: NDArray[Any], voxels: int, side: int) -> tuple[int, int, int]:
    factors = [ceil(n / side) for n in shape]
    while prod(ceil(n / f) for n, f in zip(shape, factors, strict=True)) > voxels:
        # thin the axis that is sampled most finely, so that the picture stays equally sharp in all directions
        step = [spacing[axis] * factors[axis] if shape[axis] > factors[axis] else np.inf for axis in range(3)]
        factors[int(np.argmin(step))] += 1
    return factors[0], factors[1], factors[2]


def _cut(shape: tuple[int, int, int], plane_bytes: int) -> tuple[tuple[int, int, int, int], ...]:
    rows = max(1, min(shape[1], shape[1] * BRICK_BYTES // max(1, plane_bytes)))
    slabs = max(1, BRICK_BYTES // max(1, plane_bytes))
    return tuple(
        (j, min(j + rows, shape[1]), k, min(k + slabs, shape[2]))
        for k in range(0, shape[2], slabs)
        for j in range(0, shape[1], rows)
    )


def _reduce_box(
    grid: NDArray[Any], factors: tuple[int, int, int], box: tuple[int, int, int, int], kind: str
) -> NDArray[Any]:
    j0, j1, k0, k1 = box
    _, fj, fk = factors
    if factors == (1, 1, 1):
        return grid[:, j0:j1, k0:k1]
    source = grid[:, j0 * fj : j1 * fj, k0 * fk : k1 * fk]
    if kind == "labels":
        return _sample(source, factors)
    # two voxels along each axis, placed evenly about the middle, stand for all: a mean of 8 is smooth enough for a
    # first picture, and a mean of all takes five times as long
    offsets = list(product(*(sorted({f // 4, f - 1 - f // 4}) for f in factors)))
    total = _sample(source, factors, offsets[0]).astype(np.float32)
    for offset in offsets[1:]:
        np.add(total, _sample(source, factors, offset), out=total)
    total /= len(offsets)
    return (np.rint(total, out=total) if grid.dtype.kind in "iu" else total).astype(grid.dtype)


def _sample(source: NDArray[Any], factors: tuple[int, int, int], offset: tuple[int, ...] | None = None) -> NDArray[Any]:
    """Take every factor-th voxel; where the last block is cut short, its last voxel stands in."""
    picks = [
        np.minimum(np.arange(ceil(n / f)) * f + (f // 2 if offset is None else offset[axis]), n - 1)
        for axis, (n, f) in enumerate(zip(source.shape[:3], factors, strict=True))
    ]
    regular = all(n % f == 0 for n, f in zip(source.shape[:3], factors, strict=True))
    if regular:
        starts = [f // 2 if offset is None else offset[axis] for axis, f in enumerate(factors)]
        view: NDArray[Any] = source[starts[0] :: factors[0], starts[1] :: factors[1], starts[2] :: factors[2]]
        return view
    picked: NDArray[Any] = source[np.ix_(*picks)]
    return picked


def _largest_itemsize(dtype: Any, kind: str) -> int:
    return 2 if kind == "labels" else min(4, int(np.dtype(dtype).itemsize))


def _wire_dtype(data: NDArray[Any]) -> Any:
    """Return the smallest of the types that textures take that holds `data` exactly (float64 loses digits only)."""
    if data.dtype.kind == "b":
        return np.uint8
    if data.dtype.kind == "f":
        return np.int16 if _is_int16(data) else np.float32
    for dtype in (np.uint8, np.int16, np.uint16):
        if np.can_cast(data.dtype, dtype):
            return dtype
    low, high = (int(data.min()), int(data.max())) if data.size else (0, 0)
    for dtype in (np.int16, np.uint16):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return dtype
    return np.float32


def _is_int16(data: NDArray[Any]) -> bool:
    # most scanners' values are whole numbers that some tool stored as floats; sending half the bytes loses nothing
    for sample in (data[:: max(1, data.shape[0] // 8)], data):
        with np.errstate(invalid="ignore"):
            if not (np.abs(sample) <= np.iinfo(np.int16).max).all() or not (sample == np.rint(sample)).all():
                return False
    return bool(data.size)


def _dense_labels(data: NDArray[Any], values: NDArray[Any]) -> NDArray[Any]:
    dtype = np.uint8 if len(values) <= 256 else np.uint16
    low, high = int(values.min()), int(values.max())
    if high - low > 1_000_000:
        order = np.argsort(values)
        return order[np.searchsorted(values[order], data)].astype(dtype)
    table = np.zeros(high - low + 1, dtype)
    table[values - low] = np.arange(len(values), dtype=dtype)
    dense: NDArray[Any] = table[data.astype(np.int64) - low]
    return dense


def _channel_names(volume: Any) -> list[str]:
    return list(volume.channels) or [f"channel {n}" for n in range(volume.num_channels)]
