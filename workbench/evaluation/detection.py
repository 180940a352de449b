"""Boxes that were found against boxes that are there: overlap, average precision, FROC."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError, choose
from workbench.shapes import Boxes

Floats = NDArray[np.float64]

#: Thresholds of overlap that the mAP of COCO is the mean over.
COCO_IOUS = tuple(np.linspace(0.5, 0.95, 10).round(2).tolist())
#: False positives per image at which LUNA16 takes the sensitivity.
FROC_RATES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


def box_iou(first: ArrayLike, second: ArrayLike) -> Floats:
    """Return the intersection over union of every pair of boxes.

    Parameters
    ----------
    first, second : array [n, 2 ndim], [m, 2 ndim]
        Lower corner, then upper corner, as in `workbench.shapes.Boxes.values`; 2D or 3D.

    Returns
    -------
    array [n, m], float64

    Raises
    ------
    InputError
        If the boxes have different numbers of axes.

    Examples
    --------
    >>> box_iou([[0, 0, 2, 2]], [[0, 0, 2, 2], [1, 0, 3, 2], [5, 5, 6, 6]]).round(3).tolist()
    [[1.0, 0.333, 0.0]]
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if not one.size or not other.size:
        return np.zeros((len(one), len(other)))
    if one.ndim != 2 or one.shape[1:] != other.shape[1:] or one.shape[1] not in (4, 6):
        raise InputError(f"Boxes are [n, 4] or [n, 6], both alike, got shapes {one.shape} and {other.shape}.")
    n = one.shape[1] // 2
    low = np.maximum(one[:, None, :n], other[None, :, :n])
    high = np.minimum(one[:, None, n:], other[None, :, n:])
    shared = np.clip(high - low, 0, None).prod(axis=2)
    sizes = [(boxes[:, n:] - boxes[:, :n]).prod(axis=1) for boxes in (one, other)]
    return np.asarray(shared / (sizes[0][:, None] + sizes[1][None] - shared))


def match_boxes(predictions: Boxes, truths: Boxes, iou: float = 0.5) -> NDArray[np.int64]:
    """Give each prediction the true box that it found, as COCO does.

    The surest prediction chooses first. It takes, among the boxes of its class that nobody took yet, the one that it
    overlaps with most, if that is `iou` or more.

    Parameters
    ----------
    predictions : Boxes
        With scores.
    truths : Boxes
        On the same grid.
    iou : float
        Least intersection over union, above 0 and at most 1.

    Returns
    -------
    array [predictions], int64
        Row in `truths`, or -1 for a false positive.
    """
    _check_iou(iou)
    overlaps = box_iou(predictions.values, truths.values)
    overlaps[predictions.labels[:, None] != truths.labels[None]] = -1
    found = np.full(len(predictions), -1, np.int64)
    for row in _surest_first(predictions):
        if overlaps.shape[1] and overlaps[row].max() >= iou:
            found[row] = int(overlaps[row].argmax())
            overlaps[:, found[row]] = -1
    return found


def average_precision(
    predictions: Sequence[Boxes],
    truths: Sequence[Boxes],
    iou: float | Sequence[float] = 0.5,
    num_classes: int | None = None,
) -> dict[str, Any]:
    """Return the average precision of each class, and its mean.

    The precision is interpolated as COCO does it: at each of the 101 recalls 0, 0.01, ... 1 the best precision that
    is reached at this recall or a higher one, 0 if that recall is never reached; the average precision is their mean.

    Parameters
    ----------
    predictions, truths : sequence of Boxes
        One of each per image. Predictions have scores; they are brought onto the grid of the truths.
    iou : float or sequence of float
        Least overlap of a hit; the mean is taken over several (`COCO_IOUS` for the mAP of COCO).
    num_classes : int, optional
        Number of classes; as many as the labels say if not given.

    Returns
    -------
    dict
        ``map``: float, the mean over the classes that are in the truths, NaN where there are none. ``ap``: list of
        float, the average precision of each class, NaN for a class that is in no image.

    Raises
    ------
    InputError
        If there is not one list of predictions per list of truths, a prediction has no score, or a label is not below
        `num_classes`.
    """
    pairs = _paired(predictions, truths)
    thresholds = [iou] if isinstance(iou, (int, float)) else list(iou)
    highest = max((int(boxes.labels.max()) for pair in pairs for boxes in pair if len(boxes)), default=-1)
    count = highest + 1 if num_classes is None else num_classes
    if highest >= count:
        raise InputError(f"A box has class {highest}, but num_classes is {count}. Give num_classes={highest + 1}.")
    labels = np.concatenate([found.labels for found, _ in pairs])
    scores = np.concatenate([_scores(found) for found, _ in pairs])
    true_labels = np.concatenate([true.labels for _, true in pairs])
    values = np.full((len(thresholds), count), np.nan)
    for row, threshold in enumerate(thresholds):
        hits = np.concatenate([match_boxes(found, true, threshold) >= 0 for found, true in pairs])
        for label in np.unique(true_labels):
            chosen = labels == label
            total = int((true_labels == label).sum())
            values[row, label] = _interpolated(hits[chosen], scores[chosen], total)
    by_class = values.mean(axis=0)
    known = by_class[~np.isnan(by_class)]
    return {"map": float(known.mean()) if known.size else float("nan"), "ap": by_class.tolist()}


def froc(
    predictions: Sequence[Boxes],
    truths: Sequence[Boxes],
    *,
    hit: str = "center",
    iou: float = 0.1,
    rates: Sequence[float] = FROC_RATES,
) -> dict[str, Any]:
    """Return how many of the true boxes are found at given numbers of false positives per image.

    The free-response operating characteristic as LUNA16 takes it (Setio et al. 2017, arXiv 1612.08012): a true box
    counts as found by the surest prediction that hits it; further predictions that hit a true box are not counted at
    all; all others are false positives. Between two operating points the curve is linear, after its last one flat;
    where several share a number of false positives, the highest sensitivity counts.

    Parameters
    ----------
    predictions, truths : sequence of Boxes
        One of each per image. Predictions have scores; they are brought onto the grid of the truths.
    hit : {"center", "iou"}
        When a prediction of the same class hits a true box: if its centre lies in the box, or if the two overlap by
        `iou` at least. LUNA16 asks for a centre within the nodule's radius; "center" is its counterpart for boxes.
    iou : float
        Used with ``hit="iou"``.
    rates : sequence of float
        False positives per image.

    Returns
    -------
    dict
        ``score``: float, the mean of the sensitivities; ``sensitivity``: list of float, one for each of the rates;
        ``curve``: (false positives per image, sensitivity), the operating points. All NaN where nothing is there.
    """
    choose(hit, ("center", "iou"), "rule of a hit")
    _check_iou(iou)
    pairs = _paired(predictions, truths)
    best: list[Floats] = []
    wrong: list[Floats] = []
    for found, true in pairs:
        hits = _center_inside(found, true) if hit == "center" else box_iou(found.values, true.values) >= iou
        hits &= found.labels[:, None] == true.labels[None]
        scores = _scores(found)
        best.append(np.where(hits, scores[:, None], -np.inf).max(axis=0, initial=-np.inf))
        wrong.append(scores[~hits.any(axis=1)])
    tops, misses = np.concatenate(best), np.concatenate(wrong)
    if not len(tops):
        return {"score": float("nan"), "sensitivity": [float("nan")] * len(rates), "curve": ([], [])}
    cuts = np.unique(np.concatenate([tops[np.isfinite(tops)], misses]))[::-1]
    per_image = [0.0, *((misses >= cut).sum() / len(pairs) for cut in cuts)]
    shares = [0.0, *((tops >= cut).mean() for cut in cuts)]
    sensitivity = np.interp(rates, per_image, shares)
    curve = ([float(x) for x in per_image], [float(y) for y in shares])
    return {"score": float(sensitivity.mean()), "sensitivity": sensitivity.tolist(), "curve": curve}


def _interpolated(hits: NDArray[np.bool_], scores: Floats, total: int) -> float:
    order = np.argsort(-scores, kind="stable")
    right = np.cumsum(hits[order])
    recall = right / total
    precision = right / np.arange(1, len(right) + 1)
    # a recall of exactly k/100 must not be missed by a rounding error
    place = np.searchsorted(recall + 1e-12, np.linspace(0, 1, 101), side="left")
    envelope = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    return float(envelope[place].mean())


def _center_inside(found: Boxes, true: Boxes) -> NDArray[np.bool_]:
    centers = found.centers[:, None]
    if not len(found) or not len(true):
        return np.zeros((len(found), len(true)), bool)
    return np.asarray(((centers >= true.lower[None]) & (centers <= true.upper[None])).all(axis=2))


def _surest_first(boxes: Boxes) -> NDArray[np.int64]:
    return np.argsort(-_scores(boxes), kind="stable")


def _scores(boxes: Boxes) -> Floats:
    if boxes.scores is None:
        if not len(boxes):
            return np.zeros(0)
        raise InputError("Predicted boxes need scores: Boxes(values, labels, scores=...).")
    return boxes.scores


def _check_iou(iou: float) -> None:
    if not 0 < iou <= 1:
        raise InputError(f"The least overlap of a hit is above 0 and at most 1, got {iou}.")


def _paired(predictions: Sequence[Boxes], truths: Sequence[Boxes]) -> list[tuple[Boxes, Boxes]]:
    if len(predictions) != len(truths) or not truths:
        raise InputError(
            f"One list of boxes per image on each side, and at least one: {len(predictions)} predictions, "
            f"{len(truths)} truths."
        )
    pairs = []
    for number, (found, true) in enumerate(zip(predictions, truths, strict=True)):
        if len(found) and len(true) and found.ndim != true.ndim:
            raise InputError(f"Image {number} has {found.ndim}D predictions and {true.ndim}D truths.")
        same = not len(found) or np.allclose(found.affine, true.affine, atol=1e-6)
        pairs.append((found if same else found.onto(true.affine), true))
    return pairs
