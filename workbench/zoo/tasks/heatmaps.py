"""Objects as peaks of a heat map: Gaussians around their centres, the loss that fits them, finding the peaks again.

After CornerNet (Law and Deng 2018, arXiv 1808.01244) and CenterNet (Zhou et al. 2019, arXiv 1904.07850). The map is
coarser than the picture by a stride. Pixel r of the map covers the voxels ``stride * r`` to ``stride * r + stride - 1``
along its axis, so the voxel coordinate x lies at ``(x + 0.5) / stride`` from the lower edge of the map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench._arrays import Array
from workbench.errors import InputError

Floats = NDArray[np.float64]

#: Most objects in one picture; the lists of targets are padded to so many.
MOST = 128

#: The least overlap that CornerNet's paper sets. The code of its descendants takes 0.7, but solves for the radius
#: wrongly; solved right, 0.7 gives radii of a pixel or two, too small a slope to learn from.
_OVERLAP = 0.3


def gaussian_radius(height: float, width: float, overlap: float = 0.7, *, cornernet_formula: bool = False) -> float:
    """Return how far both corners of a box may move so that it still overlaps with itself enough.

    The smallest of three cases is taken: the moved box lies aslant, inside, or around the true one.

    Parameters
    ----------
    height, width : float
        Sides of the box, in pixels of the map, above 0.
    overlap : float
        Least intersection over union.
    cornernet_formula : bool
        Solve the three quadratic equations as the code of CornerNet, CenterNet and EllipseNet does: it takes the larger
        root and divides by 2 where it should divide by twice the leading coefficient. The radius comes out larger.

    Returns
    -------
    float

    Examples
    --------
    >>> round(gaussian_radius(10, 10), 3)
    0.817
    """
    total, area = height + width, height * width
    cases = (
        (1.0, -total, area * (1 - overlap) / (1 + overlap)),
        (4.0, -2 * total, area * (1 - overlap)),
        (4 * overlap, 2 * overlap * total, -area * (1 - overlap)),
    )
    if cornernet_formula:
        return float(min((-b + np.sqrt(b * b - 4 * a * c)) / 2 for a, b, c in cases))
    # the smallest root that is not negative: from zero on, the overlap falls until it is reached
    lower = [(-b - np.sqrt(b * b - 4 * a * c)) / (2 * a) for a, b, c in cases[:2]]
    a, b, c = cases[2]
    return float(min(*lower, (-b + np.sqrt(b * b - 4 * a * c)) / (2 * a)))


def splat(heat: Array, row: int, column: int, radius: int) -> None:
    """Raise a map [i, j] to a Gaussian of height 1 around a pixel, in place; it ends at `radius`.

    Its standard deviation is a sixth of its width ``2 * radius + 1``.
    """
    reach = np.arange(-radius, radius + 1)
    line = np.exp(-0.5 * (reach / ((2 * radius + 1) / 6)) ** 2)
    top, left = max(row - radius, 0), max(column - radius, 0)
    window = heat[top : row + radius + 1, left : column + radius + 1]
    first_i, first_j = top - row + radius, left - column + radius
    gaussian = np.outer(line[first_i : first_i + window.shape[0]], line[first_j : first_j + window.shape[1]])
    np.maximum(window, gaussian, out=window)


def encode_centers(
    centers: ArrayLike, boxes: ArrayLike, labels: ArrayLike, num_classes: int, shape: Sequence[int], stride: int = 4
) -> dict[str, Array]:
    """Return what a network is to say about the centres of the objects in one picture.

    Parameters
    ----------
    centers : array [n, 2]
        Voxel coordinates (i, j), inside the picture.
    boxes : array [n, 2]
        Sides (along i, along j) of the box around each, in voxels.
    labels : array [n]
        Class numbers.
    num_classes : int
    shape : sequence of int
        Rows and columns of the picture.
    stride : int
        Voxels per pixel of the map.

    Returns
    -------
    dict
        ``heat`` [num_classes, i / stride, j / stride], float32: the largest of the Gaussians, with the radii for an
        overlap of 0.3, rounded, 1 at least. ``heat_cornernet``: the same with the radii of the CornerNet formula, cut
        to whole numbers. Padded to :data:`MOST` objects: ``index`` int64, the pixel of the map with the centre, counted
        row by row; ``offset`` [.., 2] float32, where in it the centre lies along j and i, 0 to 1; ``present`` float32,
        1 for an object, 0 for padding.

    Raises
    ------
    InputError
        If there are more than :data:`MOST` objects.
    """
    places = (np.asarray(centers, dtype=np.float64).reshape(-1, 2) + 0.5) / stride
    sides = np.ceil(np.asarray(boxes, dtype=np.float64).reshape(-1, 2) / stride)
    if len(places) > MOST:
        raise InputError(
            f"At most {MOST} objects are learnt from a picture, got {len(places)}. Train on crops: set patch_size."
        )
    size = tuple(-(-int(n) // stride) for n in shape)
    # a centre on the upper edge of the picture belongs to the last pixel
    pixels = np.minimum(places.astype(np.int64), np.array(size) - 1)
    heats = np.zeros((2, num_classes, *size), np.float32)
    for (row, column), (height, width), label in zip(pixels, sides, np.asarray(labels), strict=True):
        # a radius of 0 would leave no slope towards the centre
        radius = max(1, round(gaussian_radius(height, width, _OVERLAP)))
        splat(heats[0, label], int(row), int(column), radius)
        radius = int(gaussian_radius(height, width, cornernet_formula=True))
        splat(heats[1, label], int(row), int(column), radius)
    n = len(places)
    targets = {
        "heat": heats[0],
        "heat_cornernet": heats[1],
        "index": np.zeros(MOST, np.int64),
        "offset": np.zeros((MOST, 2), np.float32),
        "present": np.zeros(MOST, np.float32),
    }
    targets["index"][:n] = pixels[:, 0] * size[1] + pixels[:, 1]
    targets["offset"][:n] = (places - pixels)[:, ::-1]
    targets["present"][:n] = 1
    return targets


def padded(values: ArrayLike) -> Array:
    """Return values [n, k] of the objects of a picture as float32 [MOST, k], zeros after the last."""
    given = np.asarray(values, dtype=np.float32)
    return np.concatenate([given, np.zeros((MOST - len(given), *given.shape[1:]), np.float32)])


def peaks(scores: Array, threshold: float, most: int = 100) -> tuple[Array, Array, Array, Array]:
    """Find the pixels of maps [k, i, j] that none of their eight neighbours exceeds.

    Returns
    -------
    tuple of array
        Label, row, column and score of each peak, the highest first: `most` at most, none below `threshold`.
    """
    from scipy import ndimage

    highest = ndimage.maximum_filter(scores, size=(1, 3, 3), mode="constant", cval=-np.inf)
    labels, rows, columns = np.nonzero((scores >= highest) & (scores >= threshold))
    values = scores[labels, rows, columns]
    order = np.argsort(-values, kind="stable")[:most]
    return labels[order], rows[order], columns[order], values[order]


def decode_centers(rows: Array, columns: Array, offsets: Array, stride: int = 4) -> Floats:
    """Return the voxel coordinates [n, 2] (i, j) of peaks; `offsets` [2, i, j] is the map of offsets along j and i."""
    i = (rows + offsets[1, rows, columns].astype(np.float64)) * stride - 0.5
    j = (columns + offsets[0, rows, columns].astype(np.float64)) * stride - 0.5
    return np.stack([i, j], axis=1)


def presence(logits: Array, threshold: float) -> Array:
    """Return the class [n, i, j] of each pixel that is sure enough of one, -1 elsewhere.

    Where no pixel of an image is, its surest one stands for all.
    """
    scores = sigmoid(logits)
    highest = scores.max(axis=1)
    least = np.minimum(threshold, highest.max(axis=(1, 2), keepdims=True))
    return np.where(highest >= least, scores.argmax(axis=1), -1)


def sigmoid(values: Array) -> Array:
    """Return the logistic function as float32."""
    from scipy.special import expit

    return np.asarray(expit(values), np.float32)


# ---- in the shared vocabulary ----------------------------------------------------------------------------------------


def focal_loss(F: Any, ops: Any, logits: Any, heat: Any) -> Any:
    """Return the penalty-reduced focal loss (CornerNet, equation 1; alpha 2, beta 4), over the number of centres.

    Taken from logits, so that no probability has to be kept away from 0 and 1 as in the originals.
    """
    center = (heat >= 1).to(logits.dtype)
    p = F.sigmoid(logits)
    found = F.logsigmoid(logits) * (1 - p) ** 2 * center
    elsewhere = F.logsigmoid(-logits) * p**2 * (1 - heat) ** 4 * (1 - center)
    return -ops.sum(found + elsewhere) / ops.clamp(ops.sum(center), min=1.0)


def gather_at(ops: Any, maps: Any, index: Any) -> Any:
    """Return the values [n, m, c] of maps [n, c, i, j] at pixels [n, m], counted row by row."""
    n, channels = maps.shape[:2]
    places = ops.cat([ops.unsqueeze(index, 1)] * channels, dim=1)
    return ops.permute(ops.gather(maps.reshape(n, channels, -1), 2, places), (0, 2, 1))


def mean_of_present(ops: Any, values: Any, present: Any) -> Any:
    """Return the mean of values [n, m, c] over the objects that `present` [n, m] marks, 0 where there are none."""
    marked = ops.unsqueeze(present, 2)
    return ops.sum(values * marked) / (ops.sum(present) * values.shape[2] + 1e-4)
