"""Scores of class probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from workbench.errors import InputError


def classification_scores(probabilities: ArrayLike, labels: ArrayLike) -> dict[str, float]:
    """Score class probabilities as the MedMNIST evaluator does.

    Two classes: AUC of the last column, accuracy at a threshold of 0.5 on it, F1 of the last class. More classes: mean
    over the classes of one-versus-rest AUC and of F1, accuracy of the most probable class.

    Parameters
    ----------
    probabilities : array [n, k] (or [n]: of the second of two classes)
        Class probabilities; each row adds up to 1.
    labels : array [n] of int
        True classes, 0 to k - 1.

    Returns
    -------
    dict
        ``{"auc": ..., "accuracy": ..., "f1": ...}``; the AUC is nan where a class is absent from `labels` or the only
        one there, because it then has no value. The F1 of a class is 0 where it is neither there nor predicted.

    Raises
    ------
    InputError
        If the shapes do not fit, a probability is not finite, or a label is not a class.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    if scores.ndim == 1:
        scores = np.stack([1 - scores, scores], axis=1)
    truth = np.asarray(labels).reshape(-1)
    _check(scores, truth)
    truth = truth.astype(np.int64)
    if scores.shape[1] == 2:
        scored, found = [1], (scores[:, 1] > 0.5).astype(np.int64)
    else:
        scored, found = list(range(scores.shape[1])), scores.argmax(axis=1)
    return {
        "auc": float(np.mean([_auc(truth == k, scores[:, k]) for k in scored])),
        "accuracy": float(np.mean(found == truth)),
        "f1": _f1(truth, found, scored),
    }


def _f1(truth: NDArray[Any], found: NDArray[Any], scored: list[int]) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(truth, found, labels=scored, average="macro", zero_division=0.0))


def _auc(positive: NDArray[np.bool_], score: NDArray[Any]) -> float:
    if positive.all() or not positive.any():
        return float("nan")
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(positive, score))


def _check(scores: NDArray[Any], truth: NDArray[Any]) -> None:
    if scores.ndim != 2 or scores.shape[1] < 2:
        raise InputError(f"Probabilities must be [n, k] with k of 2 or more (or [n]), got shape {scores.shape}.")
    if len(truth) != len(scores) or not len(truth):
        raise InputError(f"One label per row of probabilities is needed: {len(scores)} rows, {len(truth)} labels.")
    if not np.isfinite(scores).all():
        rows = np.flatnonzero(~np.isfinite(scores).all(axis=1))
        raise InputError(f"Probabilities must be finite; row {rows[0]} is {scores[rows[0]].tolist()}.")
    strange = sorted({float(v) for v in truth if v != int(v) or not 0 <= v < scores.shape[1]})
    if strange:
        raise InputError(f"Labels must be classes 0 to {scores.shape[1] - 1}, got {strange[:5]}.")
