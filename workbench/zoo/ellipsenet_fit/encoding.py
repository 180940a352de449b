"""From ellipses to masks and back: the outline of the largest region, and the ellipse that fits it best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import ndimage

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.shapes import Ellipses

Floats = NDArray[np.float64]

#: A conic has five degrees of freedom.
_FEWEST_POINTS = 5


def masks_of(ellipses: Ellipses, num_classes: int, shape: Sequence[int]) -> Array:
    """Return the filled ellipses of each class, float32 [num_classes, *shape]; those of several classes may overlap."""
    masks = np.zeros((num_classes, *shape), np.float32)
    for label in np.unique(ellipses.labels):
        masks[label] = ellipses.select(ellipses.labels == label).filled(shape) > 0
    return masks


def largest_region(inside: Array) -> Array:
    """Return the largest of the regions of a mask [i, j]; pixels that share an edge are of one region."""
    regions, count = ndimage.label(inside)
    if count < 2:
        return np.asarray(inside, bool)
    return np.asarray(regions == 1 + np.argmax(np.bincount(regions.ravel())[1:]))


def outline(values: Array, region: Array) -> Floats:
    """Return the points where values [i, j] cross zero on the edge of a region.

    One point lies between each pixel of the region and each neighbour outside it, where the straight line between their
    values is zero. The border of the picture is no edge of the region.

    Parameters
    ----------
    values : array [i, j]
        Above or at zero in the region, below outside it.
    region : array [i, j], bool

    Returns
    -------
    array [n, 2], float64
        Voxel coordinates.
    """
    found = []
    for axis in (0, 1):
        lower: Any = tuple(slice(None, -1) if k == axis else slice(None) for k in (0, 1))
        upper: Any = tuple(slice(1, None) if k == axis else slice(None) for k in (0, 1))
        places = np.argwhere(region[lower] != region[upper])
        before, after = (np.asarray(values[part], np.float64)[tuple(places.T)] for part in (lower, upper))
        points = places.astype(np.float64)
        points[:, axis] += before / (before - after)
        found.append(points)
    return np.concatenate(found)


def fit_ellipse(points: ArrayLike) -> Floats:
    """Return the ellipse that fits points best: direct least squares (Halir and Flusser 1998).

    The sum of the squared algebraic distances is smallest among all conics that are ellipses.

    Parameters
    ----------
    points : array [n, 2]
        Voxel coordinates (i, j), five at least.

    Returns
    -------
    array [5], float64
        Centre i, centre j, semi-axes a and b, angle of a: as `workbench.shapes.Ellipses.values`.

    Raises
    ------
    InputError
        If there are fewer than five points, or they lie on a line.

    Examples
    --------
    >>> fit_ellipse([[0, 2], [0, -2], [1, 0], [-1, 0], [np.sqrt(0.5), np.sqrt(2)]]).round(6).tolist()[2:4]
    [2.0, 1.0]
    """
    given = np.asarray(points, dtype=np.float64)
    if given.ndim != 2 or given.shape[1] != 2 or len(given) < _FEWEST_POINTS:
        raise InputError(f"An ellipse is fitted to five points [n, 2] at least, got shape {given.shape}.")
    middle = given.mean(axis=0)
    size = float(np.abs(given - middle).max())
    if not size > 0:
        raise InputError("An ellipse cannot be fitted to points that lie on a line.")
    x, y = ((given - middle) / size).T
    quadratic, linear = np.stack([x * x, x * y, y * y], axis=1), np.stack([x, y, np.ones_like(x)], axis=1)
    both = quadratic.T @ linear
    try:
        to_linear = -np.linalg.solve(linear.T @ linear, both.T)
    except np.linalg.LinAlgError:
        raise InputError("An ellipse cannot be fitted to points that lie on a line.") from None
    reduced = quadratic.T @ quadratic + both @ to_linear
    reduced = np.stack([reduced[2] / 2, -reduced[1], reduced[0] / 2])
    _, vectors = np.linalg.eig(reduced)
    vectors = np.real(vectors)
    # of the three, one is an ellipse: 4 a c - b^2 above zero
    kind = 4 * vectors[0] * vectors[2] - vectors[1] ** 2
    chosen = vectors[:, int(np.argmax(kind))]
    a, b, c = chosen
    d, e, f = to_linear @ chosen
    form = np.array([[a, b / 2], [b / 2, c]])
    if not kind.max() > 1e-12:
        raise InputError("An ellipse cannot be fitted to points that lie on a line.")
    center = np.linalg.solve(form, [-d / 2, -e / 2])
    lengths, axes = np.linalg.eigh(form / (center @ form @ center - f))
    if not (lengths > 0).all():
        raise InputError("An ellipse cannot be fitted to points that lie on a line.")
    angle = np.arctan2(axes[0, 0], axes[1, 0])
    return _ordered(middle + size * center, size / np.sqrt(lengths), angle)


def ellipse_by_moments(region: Array) -> Floats:
    """Return the ellipse [5] with the centre and the second moments of a region [i, j], bool."""
    places = np.argwhere(region).astype(np.float64)
    center = places.mean(axis=0)
    # a pixel is no point: it has a variance of 1/12 along each axis
    covariance = (places - center).T @ (places - center) / len(places) + np.eye(2) / 12
    lengths, axes = np.linalg.eigh(covariance)
    return _ordered(center, 2 * np.sqrt(lengths), np.arctan2(axes[0, 0], axes[1, 0]))


def ellipse_of(values: Array) -> tuple[Floats, Array] | None:
    """Return the ellipse [5] around the largest region where values [i, j] are zero or more, and that region.

    Where the outline does not determine an ellipse, as for a region of few pixels, the moments do; None where there is
    no region.
    """
    region = largest_region(values >= 0)
    if not region.any():
        return None
    points = outline(values, region)
    try:
        fitted = fit_ellipse(points)
    except InputError:
        return ellipse_by_moments(region), region
    # an arc at the border of the picture may fit something far larger than the picture
    far = 2 * max(values.shape)
    return (fitted if fitted[2] <= far else ellipse_by_moments(region)), region


def _ordered(center: Floats, axes: Floats, angle: float) -> Floats:
    """Return an ellipse's values with the long axis first, its angle where it belongs."""
    values: Floats = Ellipses(np.array([[*center, *axes, angle]])).values[0]
    return values
