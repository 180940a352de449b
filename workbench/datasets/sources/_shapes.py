"""Soft solids: distances in mm to smooth shapes, and how much of a voxel a shape covers.

A shape is an array of signed distances, negative inside. They are approximate away from the surface, which is enough:
only the last voxel before the surface is blended.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Point = tuple[float, float, float]


def cover(distance: Field, voxel: float) -> Field:
    """Return the share of each voxel inside the shape, 0 to 1, for voxels of `voxel` mm (the partial volume)."""
    return np.clip(np.float32(0.5) - distance / np.float32(voxel), 0, 1)


def ellipsoid(x: Field, y: Field, z: Field, center: Point, radii: Point) -> Field:
    """Return the distance to an ellipsoid: k0 (k0 - 1) / k1, with k0 = |p / r| and k1 = |p / r^2|."""
    px, py, pz = x - np.float32(center[0]), y - np.float32(center[1]), z - np.float32(center[2])
    rx, ry, rz = (np.float32(r) for r in radii)
    qx, qy, qz = px / rx, py / ry, pz / rz
    k0 = np.sqrt(qx * qx + qy * qy + qz * qz)
    k1 = np.sqrt((qx / rx) ** 2 + (qy / ry) ** 2 + (qz / rz) ** 2) + np.float32(1e-9)
    return np.asarray(k0 * (k0 - 1) / k1, dtype=np.float32)


def tube(x: Field, y: Field, z: Field, start: Point, end: Point, radius: float) -> Field:
    """Return the distance to a straight tube with round ends."""
    ax, ay, az = (np.float32(v) for v in start)
    bx, by, bz = (np.float32(e - s) for s, e in zip(start, end, strict=True))
    length2 = np.float32(max(float(bx * bx + by * by + bz * bz), 1e-6))
    px, py, pz = x - ax, y - ay, z - az
    along = np.clip((px * bx + py * by + pz * bz) / length2, 0, 1)
    gap2: Field = (px - along * bx) ** 2 + (py - along * by) ** 2 + (pz - along * bz) ** 2
    return np.sqrt(gap2) - np.float32(radius)


def path(x: Field, y: Field, z: Field, points: Sequence[Point], radius: float) -> Field:
    """Return the distance to a chain of tubes."""
    out = tube(x, y, z, points[0], points[1], radius)
    for start, end in pairwise(points[1:]):
        out = np.minimum(out, tube(x, y, z, start, end, radius))
    return out


def both(first: Field, second: Field, rounding: float = 0.0) -> Field:
    """Return the intersection of two shapes, its edges rounded over about `rounding` mm."""
    if not rounding:
        return np.maximum(first, second)
    gap = first - second
    rounded: Field = np.float32(0.5) * (first + second + np.sqrt(gap * gap + np.float32(rounding * rounding)))
    return rounded


def either(first: Field, second: Field, rounding: float = 0.0) -> Field:
    """Return the union of two shapes, the notch between them filled over about `rounding` mm."""
    return -both(-first, -second, rounding)


class Cloud:
    """Smooth random values in space, mean 0 and standard deviation about 1: the texture of tissue.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where the values come from.
    grain : float
        Distance in mm over which values change.
    reach : float
        Half the width in mm of the cube it covers; it repeats outside.
    """

    def __init__(self, rng: np.random.Generator, grain: float, reach: float = 200.0) -> None:
        count = max(4, int(np.ceil(2 * reach / grain)))
        # interpolation averages neighbours, which shrinks the deviation to about 0.55
        self._lattice = (rng.standard_normal((count, count, count)) / 0.55).astype(np.float32)
        self._grain = grain

    def __call__(self, x: Field, y: Field, z: Field) -> Field:
        """Return the values on the grid of three axes in mm: trilinear interpolation, as three matrix products."""
        out = self._lattice
        for axis in (x, y, z):
            # contracts the first axis and appends the new one, so that three turns bring them back in order
            out = np.tensordot(out, self._weights(axis), axes=(0, 1))
        return np.ascontiguousarray(out)

    def _weights(self, axis: Field) -> Field:
        count = len(self._lattice)
        place = np.asarray(axis, dtype=np.float64) / self._grain
        low = np.floor(place).astype(int)
        weights = np.zeros((len(axis), count), np.float32)
        rows = np.arange(len(axis))
        weights[rows, low % count] += (1 - (place - low)).astype(np.float32)
        weights[rows, (low + 1) % count] += (place - low).astype(np.float32)
        return weights


class Canvas:
    """A grid to paint on: Hounsfield units, labels, and where each voxel lies in the patient.

    Attributes
    ----------
    hu : array [i, j, k] of float32
    labels : array [i, j, k] of uint8
    x, y, z : arrays [i, j, k] of float32
        Place of each voxel in mm, bent with the patient.
    voxel : float
        Edge of a voxel in mm, over which edges are blended.
    """

    def __init__(
        self, axes: tuple[Field, Field, Field], points: tuple[Field, Field, Field], voxel: float, slack: float
    ) -> None:
        self._axes = axes
        self._slack = slack
        self.x, self.y, self.z = points
        self.voxel = voxel
        self.hu: Field = np.full(points[0].shape, -1000, dtype=np.float32)
        self.labels: NDArray[np.uint8] = np.zeros(points[0].shape, np.uint8)

    def near(self, low: Point, high: Point) -> tuple[slice, ...]:
        """Return the part of the grid that holds everything between two corners, however much it is bent."""
        box = []
        for axis, least, most in zip(self._axes, low, high, strict=True):
            margin = self._slack + 2 * self.voxel
            inside = np.flatnonzero((axis >= least - margin) & (axis <= most + margin))
            box.append(slice(int(inside[0]), int(inside[-1]) + 1) if inside.size else slice(0, 0))
        return tuple(box)

    def points(self, box: tuple[slice, ...]) -> tuple[Field, Field, Field]:
        """Return the places of the voxels of a part."""
        return self.x[box], self.y[box], self.z[box]

    def paint(
        self, shape: Field, value: Field | float, box: tuple[slice, ...] = (), share: Field | None = None
    ) -> None:
        """Blend `value` into the part `box` where the shape covers it (times `share`, if given)."""
        here = cover(shape, self.voxel)
        if share is not None:
            here *= share
        hu = self.hu[box]
        change = np.asarray(value, dtype=np.float32) - hu
        change *= here
        hu += change

    def name(self, shape: Field, label: int, box: tuple[slice, ...] = ()) -> None:
        """Give the part of `box` inside the shape a label."""
        self.labels[box][shape <= 0] = label
