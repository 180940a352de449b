"""Random crops of a prepared sample, drawn so that small structures are seen often enough."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench._arrays import Array
from workbench.shapes import Shapes


def random_window(
    spatial: tuple[int, ...], size: tuple[int, ...], rng: np.random.Generator, foreground: float, annotation: Any = None
) -> tuple[slice, ...]:
    """Return where to cut a random crop out of an image.

    Parameters
    ----------
    spatial : tuple of int
        Spatial shape of the image.
    size : tuple of int
        Size of the crop in voxels, at most that of the image.
    rng : numpy.random.Generator
        Decides the place.
    foreground : float
        Probability that the crop is centred on a labelled voxel or a shape (the label is drawn first, each with the
        same chance, so a small structure is not drowned by a large one). Without foreground the place is uniform.
    annotation : array [*spatial] or Shapes, optional
        Where the foreground is; any other kind has none.
    """
    # Always drawn, so that what follows does not depend on whether there is foreground.
    chance, pick, place = rng.random(), rng.random(2), rng.random(len(size))
    center = _foreground(annotation, pick) if chance < foreground else None
    start = []
    for axis, (full, wanted) in enumerate(zip(spatial, size, strict=True)):
        room = full - wanted
        if center is not None:
            start.append(min(max(center[axis] - wanted // 2, 0), room))
        else:
            start.append(int(place[axis] * (room + 1)))
    return tuple(slice(first, first + wanted) for first, wanted in zip(start, size, strict=True))


def _foreground(annotation: Any, pick: NDArray[np.float64]) -> tuple[int, ...] | None:
    if isinstance(annotation, np.ndarray):
        return _labelled_voxel(annotation, pick)
    if isinstance(annotation, Shapes) and len(annotation):
        present = np.unique(annotation.labels)
        rows = np.flatnonzero(annotation.labels == present[int(pick[0] * len(present))])
        return tuple(round(float(c)) for c in annotation.centers[rows[int(pick[1] * len(rows))]])
    return None


def _labelled_voxel(labels: Array, pick: NDArray[np.float64]) -> tuple[int, ...] | None:
    present = np.unique(labels[labels > 0])
    if not len(present):
        return None
    voxels = np.flatnonzero(labels == present[int(pick[0] * len(present))])
    return tuple(int(i) for i in np.unravel_index(voxels[int(pick[1] * len(voxels))], labels.shape))
