"""Random crops of a prepared sample, drawn so that small structures are seen often enough."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def random_crop(
    image: Array, labels: Array | None, size: tuple[int, ...], rng: np.random.Generator, foreground: float
) -> tuple[Array, Array | None]:
    """Return a random crop of an image and its labels.

    Parameters
    ----------
    image : array [c, *spatial]
        Prepared image.
    labels : array [*spatial] or None
        Its label values.
    size : tuple of int
        Size of the crop in voxels, at most that of the image.
    rng : numpy.random.Generator
        Decides the place.
    foreground : float
        Probability that the crop is centred on a labelled voxel (the label is drawn first, each with the same chance,
        so a small structure is not drowned by a large one). Without foreground the place is uniform.
    """
    spatial = image.shape[1:]
    # Always drawn, so that what follows does not depend on whether there is foreground.
    chance, pick, place = rng.random(), rng.random(2), rng.random(len(size))
    center = _labelled_voxel(labels, pick) if labels is not None and chance < foreground else None
    start = []
    for axis, (full, wanted) in enumerate(zip(spatial, size, strict=True)):
        room = full - wanted
        if center is not None:
            start.append(min(max(center[axis] - wanted // 2, 0), room))
        else:
            start.append(int(place[axis] * (room + 1)))
    window = tuple(slice(first, first + wanted) for first, wanted in zip(start, size, strict=True))
    return image[(slice(None), *window)], None if labels is None else labels[window]


def _labelled_voxel(labels: Array, pick: NDArray[np.float64]) -> tuple[int, ...] | None:
    present = np.unique(labels[labels > 0])
    if not len(present):
        return None
    voxels = np.flatnonzero(labels == present[int(pick[0] * len(present))])
    return tuple(int(i) for i in np.unravel_index(voxels[int(pick[1] * len(voxels))], labels.shape))
