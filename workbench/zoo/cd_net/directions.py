"""Centres of objects, the direction of every pixel to its centre, and where directions disagree."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from workbench._arrays import Array

Mask = NDArray[np.bool_]

#: The map of centre points has an impulse of this height, blurred with this standard deviation in pixels.
POINT_HEIGHT, POINT_SIGMA = 255.0, 2.0
#: Half the size of the gradient's kernel.
_HALF = 5


def encode_angles(ids: NDArray[np.int64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return, for every pixel, the direction to the centre of its object, and the map of centres.

    The direction is that of the gradient of a map that is 1 at the centre of an object and falls with the distance from
    it. Each object is taken by itself, so that objects that touch do not bend each other's directions.

    Parameters
    ----------
    ids : array [i, j], int64
        Numbers of the objects, 0 is the background.

    Returns
    -------
    turns : array [i, j], float32
        Share of a full turn, 0 to 1, from the direction of falling columns (the centre is on the left) towards falling
        rows (the centre is above); -1 in the background. At the centre itself it means nothing.
    point : array [i, j], float32
        An impulse of 255 at every centre, blurred with a Gaussian of 2 pixels: about 10 at its peak.

    Notes
    -----
    He et al. 2021, "CDNet: Centripetal Direction Network for Nuclear Instance Segmentation".
    """
    numbers = np.unique(np.append(ids, 0), return_inverse=True)[1].ravel()[:-1].reshape(ids.shape)
    turns = np.full(ids.shape, -1.0, np.float32)
    impulses = np.zeros(ids.shape, np.float32)
    for number, box in enumerate(ndimage.find_objects(numbers), start=1):
        mine = numbers[box] == number
        centre = centre_of(mine)
        falling = distance_map(np.pad(mine, 1), (centre[0] + 1, centre[1] + 1))
        turns[box][mine] = (_angles(falling)[1:-1, 1:-1][mine] + 180) / 360
        impulses[box][centre] = POINT_HEIGHT
    return turns, ndimage.gaussian_filter(impulses, POINT_SIGMA, mode="constant")


def direction_classes(turns: NDArray[np.floating[Any]], directions: int = 8) -> NDArray[np.int64]:
    """Return 0 for the background, else 1 + the number of the nearest of evenly spaced directions.

    With 8, a pixel right of its centre has 1, lower right 2, below 3, lower left 4, left 5, upper left 6, above 7,
    upper right 8.
    """
    nearest = np.floor(turns * directions + 0.5).astype(np.int64) % directions
    return np.where(turns < 0, 0, 1 + nearest)


def centre_of(mine: Mask) -> tuple[int, int]:
    """Return the pixel of an object from which the outline is most equally far in eight directions.

    That is where the shortest of the eight distances is largest as a share of the longest; the first such pixel in the
    order of rows.

    Parameters
    ----------
    mine : array [i, j], bool
        The pixels of the object, at least one.
    """
    steps = [step for step in itertools.product((-1, 0, 1), (-1, 0, 1)) if any(step)]
    # a ray leaves the object half a pixel beyond the centre of the last one
    rays = np.stack([(_steps(mine, step) - 0.5) * np.hypot(*step) for step in steps])
    evenness = np.where(mine, rays.min(axis=0) / np.where(mine, rays.max(axis=0), 1), -1)
    row, column = np.unravel_index(int(evenness.argmax()), mine.shape)
    return int(row), int(column)


def distance_map(mine: Mask, centre: tuple[int, int]) -> NDArray[np.float64]:
    """Return 1 - d / max d inside the dilation of an object (a pixel with its direct neighbours), 0 outside.

    Parameters
    ----------
    mine : array [i, j], bool
        The pixels of the object.
    centre : (int, int)
        The pixel that distances d are measured from.
    """
    inside = ndimage.binary_dilation(mine)
    rows, columns = np.indices(mine.shape)
    distance = np.hypot(rows - centre[0], columns - centre[1])
    return np.where(inside, 1 - distance / (distance[inside].max() + 1e-7), 0.0)


def direction_vectors(directions: int) -> NDArray[np.float64]:
    """Return the unit vector (i, j) of each direction class [directions + 1, 2]; that of the background is 0."""
    angles = np.deg2rad(-180.0 + 360.0 / directions * np.arange(directions))
    return np.concatenate([np.zeros((1, 2)), np.stack([np.sin(angles), np.cos(angles)], axis=1)])


def direction_difference(classes: Array, directions: int = 8) -> NDArray[np.float64]:
    """Return where the direction of a pixel and those of its neighbours disagree.

    Parameters
    ----------
    classes : array [i, j], integer
        Direction of every pixel as `direction_classes` gives it.
    directions : int
        How many are told apart.

    Returns
    -------
    array [i, j]
        0 to 1: one minus the rounded smallest cosine with the eight neighbours, scaled to the range 0 to 1; 0 in the
        background, and beyond the image is background.
    """
    vectors = direction_vectors(directions)[classes]
    around = np.pad(vectors, ((1, 1), (1, 1), (0, 0)))
    rows, columns = classes.shape
    smallest = np.full(classes.shape, np.inf)
    for i, j in itertools.product((0, 1, 2), repeat=2):
        if (i, j) != (1, 1):
            smallest = np.minimum(smallest, (vectors * around[i : i + rows, j : j + columns]).sum(axis=-1))
    smallest[classes == 0] = 1
    # cosines of 60 degrees are half-way: the small number makes rounding the same everywhere
    difference = 1 - np.round(smallest - 1e-6)
    spread = difference.max() - difference.min()
    return (difference - difference.min()) / spread if spread > 0 else np.zeros(classes.shape)


def diverging(classes: Array, directions: int = 8) -> Mask:
    """Return where directions point away from each other, as between two objects; around a centre they meet.

    That is where the divergence of the unit vectors, by central differences, is above 0.
    """
    vectors = np.pad(direction_vectors(directions)[classes], ((1, 1), (1, 1), (0, 0)))
    down = vectors[2:, 1:-1, 0] - vectors[:-2, 1:-1, 0]
    right = vectors[1:-1, 2:, 1] - vectors[1:-1, :-2, 1]
    return np.asarray(down + right > 1e-6)


def _steps(mine: Mask, step: tuple[int, int]) -> NDArray[np.int64]:
    """Return how many pixels of the object follow each other from each pixel on, itself included."""
    if step[0] == 0:
        return _steps(mine.T, (step[1], 0)).T
    rows, columns = mine.shape
    count = np.zeros((rows, columns + 2), np.int64)
    ahead = np.zeros(columns, np.int64)
    # from the far side on, so that each row continues what was counted in the row ahead
    for row in range(rows) if step[0] < 0 else reversed(range(rows)):
        count[row, 1:-1] = (ahead + 1) * mine[row]
        ahead = count[row, 1 + step[1] : 1 + step[1] + columns]
    return count[:, 1:-1]


def _angles(falling: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the angle of the gradient in degrees, from the axis of the columns towards that of the rows."""
    offsets = np.arange(-_HALF, _HALF + 1, dtype=np.float64)
    i, j = np.meshgrid(offsets, offsets, indexing="ij")
    square = i**2 + j**2
    square[_HALF, _HALF] = 1
    down = ndimage.correlate(falling, i / square, mode="constant")
    right = ndimage.correlate(falling, j / square, mode="constant")
    return np.asarray(np.rad2deg(np.arctan2(down, right)))
