"""Distances between the surfaces of two label maps, in millimetres."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.evaluation.overlap import Labels, name_labels, on_one_grid, spatial
from workbench.volume import Volume


def surface_distance(prediction: Volume, truth: Volume, labels: Labels | None = None) -> dict[str, float]:
    """Return the average symmetric surface distance in mm, per label name.

    The mean over all voxels of both surfaces of the distance to the other surface. A label absent from both maps gives
    nan, a label absent from one of them inf. Arguments as in :func:`workbench.evaluation.dice`.
    """
    return _per_label(prediction, truth, labels, lambda there, back: float(np.concatenate([there, back]).mean()))


def hausdorff95(prediction: Volume, truth: Volume, labels: Labels | None = None) -> dict[str, float]:
    """Return the 95 % Hausdorff distance in mm, per label name.

    The larger of the two directed 95th percentiles, which is what MONAI calls HD95. A label absent from both maps gives
    nan, a label absent from one of them inf. Arguments as in :func:`workbench.evaluation.dice`.
    """
    return _per_label(
        prediction, truth, labels, lambda there, back: float(max(np.percentile(there, 95), np.percentile(back, 95)))
    )


def _per_label(prediction: Volume, truth: Volume, labels: Labels | None, summary: Any) -> dict[str, float]:
    prediction, truth = on_one_grid(prediction, truth)
    scores: dict[str, float] = {}
    for value, name in name_labels(labels, truth).items():
        mine, theirs = spatial(prediction) == value, spatial(truth) == value
        if not mine.any() or not theirs.any():
            scores[name] = float("inf") if mine.any() or theirs.any() else float("nan")
            continue
        box = _bounding_box(mine | theirs)
        scores[name] = summary(*_distances(mine[box], theirs[box], truth.spacing))
    return scores


def _distances(
    mine: NDArray[np.bool_], theirs: NDArray[np.bool_], spacing: tuple[float, ...]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from scipy.ndimage import distance_transform_edt

    edge_mine, edge_theirs = _edge(mine), _edge(theirs)
    to_theirs = distance_transform_edt(~edge_theirs, sampling=spacing)
    to_mine = distance_transform_edt(~edge_mine, sampling=spacing)
    return np.asarray(to_theirs)[edge_mine], np.asarray(to_mine)[edge_theirs]


def _edge(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the voxels of the mask that touch something else by a face; the border of the array counts as else."""
    from scipy.ndimage import binary_erosion

    return np.asarray(mask & ~binary_erosion(mask, border_value=0))


def _bounding_box(mask: NDArray[np.bool_]) -> tuple[slice, ...]:
    box = []
    for axis in range(mask.ndim):
        inside = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append(slice(int(inside[0]), int(inside[-1]) + 1))
    return tuple(box)
