"""How well objects were found and outlined: aggregated Jaccard index and panoptic quality."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.evaluation.overlap import on_one_grid, spatial
from workbench.volume import Volume


def instance_scores(prediction: Volume, truth: Volume, *, iou: float = 0.5) -> dict[str, float]:
    """Score predicted instances against the true ones.

    If the grids differ, the prediction is first brought onto the grid of the truth (nearest neighbour).

    Parameters
    ----------
    prediction, truth : Volume
        Numbers of instances; 0 is the background. The numbers themselves do not matter.
    iou : float
        Two instances match if their intersection over union is above this, 0.5 to 1.

    Returns
    -------
    dict of str to float
        ``aji``, ``pq``, ``sq``, ``dq`` and ``dice`` (of all instances against the background); see
        :func:`aggregated_jaccard` and :func:`panoptic_quality`. All nan where neither map has an instance, because
        nothing was there to find.

    Raises
    ------
    InputError
        If one is not a label map, or `iou` is out of range.
    """
    prediction, truth = on_one_grid(prediction, truth)
    found, true = spatial(prediction), spatial(truth)
    mine, theirs = found > 0, true > 0
    total = int(mine.sum()) + int(theirs.sum())
    dice = 2 * int((mine & theirs).sum()) / total if total else float("nan")
    quality = panoptic_quality(found, true, iou=iou)
    return {
        "aji": aggregated_jaccard(found, true),
        "pq": quality.pq,
        "sq": quality.sq,
        "dq": quality.dq,
        "dice": dice,
    }


def aggregated_jaccard(prediction: NDArray[Any], truth: NDArray[Any]) -> float:
    """Return the aggregated Jaccard index (Kumar et al. 2017, doi 10.1109/TMI.2017.2677499).

    Every true instance is paired with the predicted one of the highest intersection over union. The index is the sum
    of the intersections over the sum of the unions, to which the voxels of all predictions without a partner are added.

    Parameters
    ----------
    prediction, truth : array [*spatial], integer
        Numbers of instances, 0 is the background.

    Returns
    -------
    float
        0 to 1; nan if there is no instance in either.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    common, found, true = _overlaps(prediction, truth)
    if not found.size and not true.size:
        return float("nan")
    if not found.size or not true.size:
        return 0.0
    union = true[:, np.newaxis] + found[np.newaxis] - common
    partner = (common / union).argmax(axis=1)
    rows = np.arange(len(true))
    paired = common[rows, partner] > 0
    # a true instance that nothing touches has no partner, and counts with its own size
    intersections = common[rows, partner][paired].sum()
    unions = union[rows, partner][paired].sum() + true[~paired].sum()
    alone = np.ones(len(found), bool)
    alone[partner[paired]] = False
    return float(intersections / (unions + found[alone].sum()))


@dataclass(frozen=True)
class Quality:
    """Panoptic quality and its parts.

    Parameters
    ----------
    pq, sq, dq : float
        Panoptic quality ``sq * dq``, the mean intersection over union of the matches, and the F1 score of detection.
    matches, false_positives, false_negatives : int
        Number of instances found, invented and missed.
    """

    pq: float
    sq: float
    dq: float
    matches: int
    false_positives: int
    false_negatives: int


def panoptic_quality(prediction: NDArray[Any], truth: NDArray[Any], *, iou: float = 0.5) -> Quality:
    """Return the panoptic quality (Kirillov et al. 2019, arXiv 1801.00868) of instances of one class.

    Parameters
    ----------
    prediction, truth : array [*spatial], integer
        Numbers of instances, 0 is the background.
    iou : float
        Two instances match if their intersection over union is above this, 0.5 to 1: no instance has two matches.

    Returns
    -------
    Quality
        Scores are nan if there is no instance in either; without a match all are 0.

    Raises
    ------
    InputError
        If the shapes differ, or `iou` is out of range.
    """
    if not 0.5 <= iou < 1:
        raise InputError(f"Instances match above an intersection over union of 0.5 up to 1, got {iou!r}.")
    common, found, true = _overlaps(prediction, truth)
    if not found.size and not true.size:
        return Quality(float("nan"), float("nan"), float("nan"), 0, 0, 0)
    overlap = common / (true[:, np.newaxis] + found[np.newaxis] - common)
    matched = overlap[overlap > iou]
    hits = len(matched)
    misses, extra = len(true) - hits, len(found) - hits
    dq = 2 * hits / (2 * hits + misses + extra)
    sq = float(matched.mean()) if hits else 0.0
    return Quality(sq * dq, sq, dq, hits, extra, misses)


def _overlaps(
    prediction: NDArray[Any], truth: NDArray[Any]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return (voxels in common [true, found], sizes of the found, sizes of the true) of all instances."""
    found, true = np.asarray(prediction), np.asarray(truth)
    if found.shape != true.shape:
        raise InputError(f"Two maps of instances must have the same shape, got {found.shape} and {true.shape}.")
    found, found_count = _numbered(found)
    true, true_count = _numbered(true)
    pairs = true * (found_count + 1) + found
    table = np.bincount(pairs, minlength=(true_count + 1) * (found_count + 1)).reshape(true_count + 1, -1)
    return table[1:, 1:], table.sum(axis=0)[1:], table.sum(axis=1)[1:]


def _numbered(instances: NDArray[Any]) -> tuple[NDArray[np.int64], int]:
    """Return (the instances in one row, numbered in the order of their first voxels, how many they are).

    Of two partners that fit as well, the first is taken: so their order must not depend on their numbers.
    """
    # with a background before all others, whatever there is
    ids, first, index = np.unique(np.append(0, instances), return_index=True, return_inverse=True)
    if ids[0] < 0 or not np.array_equal(ids, np.round(ids)):
        raise InputError(f"Numbers of instances are whole numbers from 0 (the background), got {ids[:4].tolist()}.")
    numbers = np.empty(len(ids), np.int64)
    numbers[np.argsort(first)] = np.arange(len(ids))
    return numbers[index.ravel()[1:]], len(ids) - 1
