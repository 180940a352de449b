"""Scores of maps that say how likely every pixel is part of what was looked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError


def localisation_scores(
    score_maps: Sequence[ArrayLike], masks: Sequence[ArrayLike], threshold: float | None = None
) -> dict[str, float]:
    """Score maps of any scale against masks, pixel by pixel.

    The areas are taken over the pixels of all images together, so that one threshold has to serve all of them. A map
    that knows nothing has a ROC area of 0.5, and a precision-recall area equal to the share of pixels that are marked.

    Parameters
    ----------
    score_maps : sequence of array [*spatial]
        One map per image, larger where something is more likely; sizes may differ between images.
    masks : sequence of array [*spatial]
        The truth: above 0 where something is. Integer or boolean.
    threshold : float, optional
        Where the maps are cut for the Dice; without it there is none.

    Returns
    -------
    dict
        ``pr_auc``: area under the precision-recall curve, as the average precision (a step function: the trapezoidal
        rule is too optimistic, Davis & Goadrich 2006). ``roc_auc``: area under the ROC curve. ``dice``: Dice of the
        pixels at or above `threshold`, mean over the images in which either side marks a pixel. NaN where a score has
        no value: no pixel is marked, or all are.

    Raises
    ------
    InputError
        If there are no maps, maps and masks differ in number or shape, or a score is not finite.
    """
    maps = [np.asarray(values) for values in score_maps]
    truths = [np.asarray(mask) > 0 for mask in masks]
    _check(maps, truths)
    scores = np.concatenate([values.reshape(-1) for values in maps])
    marked = np.concatenate([mask.reshape(-1) for mask in truths])
    result = {"pr_auc": float("nan"), "roc_auc": float("nan")}
    if marked.any() and not marked.all():
        from sklearn.metrics import average_precision_score, roc_auc_score

        result = {
            "pr_auc": float(average_precision_score(marked, scores)),
            "roc_auc": float(roc_auc_score(marked, scores)),
        }
    if threshold is not None:
        pairs = [(values >= threshold, mask) for values, mask in zip(maps, truths, strict=True)]
        values = [2.0 * float((a & b).sum()) / float(a.sum() + b.sum()) for a, b in pairs if a.any() or b.any()]
        result["dice"] = float(np.mean(values)) if values else float("nan")
    return result


def _check(maps: list[NDArray[Any]], truths: list[NDArray[np.bool_]]) -> None:
    if not maps or len(maps) != len(truths):
        raise InputError(f"One mask per score map is needed, and at least one: {len(maps)} maps, {len(truths)} masks.")
    for index, (values, mask) in enumerate(zip(maps, truths, strict=True)):
        if values.shape != mask.shape:
            raise InputError(
                f"A score map has the shape of its mask; number {index} is {values.shape}, its mask {mask.shape}. "
                "Resample the map onto the grid of the mask first."
            )
        if not np.isfinite(values).all():
            raise InputError(
                f"Score maps must be finite; {int((~np.isfinite(values)).sum())} values of number {index} are not."
            )
