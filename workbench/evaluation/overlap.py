"""Overlap of two label maps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.errors import InputError
from workbench.volume import UNLABELLED, Volume

Labels = Mapping[int, str] | Iterable[int]


def dice(prediction: Volume, truth: Volume, labels: Labels | None = None) -> dict[str, float]:
    """Score a predicted label map against the true one, in physical space.

    If the grids differ, the prediction is first brought onto the grid of the truth (nearest neighbour), so that a
    network working at another resolution is scored on the voxels that were annotated. Voxels that the truth calls
    "unlabelled" (see `Volume`) are left out.

    Parameters
    ----------
    prediction, truth : Volume
        Label maps.
    labels : mapping of int to str, or iterable of int, optional
        What to score, by name; without it, every named value of `truth` but 0.

    Returns
    -------
    dict of str to float
        ``2 |P and T| / (|P| + |T|)`` per label; nan for a label that is in neither map, because nothing was there to
        find (leave it out of means with ``numpy.nanmean``). A label in one map only scores 0.

    Raises
    ------
    InputError
        If one is not a label map.
    """
    prediction, truth = on_one_grid(prediction, truth)
    chosen = name_labels(labels, truth)
    scores = dice_arrays(spatial(prediction), spatial(truth), chosen)
    return {name: scores[value] for value, name in chosen.items()}


def dice_arrays(prediction: NDArray[Any], truth: NDArray[Any], labels: Iterable[int]) -> dict[int, float]:
    """Score two integer arrays of the same shape; see :func:`dice`.

    Raises
    ------
    InputError
        If the shapes differ.
    """
    predicted, true = np.asarray(prediction), np.asarray(truth)
    if predicted.shape != true.shape:
        raise InputError(f"Two label arrays must have the same shape, got {predicted.shape} and {true.shape}.")
    scores: dict[int, float] = {}
    for label in labels:
        mine, theirs = predicted == label, true == label
        total = int(np.count_nonzero(mine)) + int(np.count_nonzero(theirs))
        scores[label] = 2 * int(np.count_nonzero(mine & theirs)) / total if total else float("nan")
    return scores


def on_one_grid(prediction: Volume, truth: Volume) -> tuple[Volume, Volume]:
    """Return both label maps on the grid of `truth`, unlabelled where nobody annotated.

    Raises
    ------
    InputError
        If one is not a label map, or one is 2D and the other 3D.
    """
    for volume, what in ((prediction, "prediction"), (truth, "truth")):
        if not isinstance(volume, Volume):
            raise InputError(f"The {what} must be a Volume, got {type(volume).__name__}. For arrays: dice_arrays.")
        if volume.kind != "labels" or volume.num_channels != 1:
            raise InputError(
                f"The {what} must be a Volume of kind 'labels' without channels, got kind {volume.kind!r} with "
                f"{volume.num_channels} channel(s)."
            )
    if prediction.spatial_ndim != truth.spatial_ndim:
        raise InputError(
            f"Prediction and truth must both be 2D or 3D, got {prediction.spatial_ndim}D and {truth.spatial_ndim}D."
        )
    if not prediction.same_grid(truth):
        prediction = prediction.resample_like(truth)
    if truth.has_unlabelled:
        data = spatial(prediction).astype(np.promote_types(prediction.dtype, np.uint8))
        data[spatial(truth) == UNLABELLED] = UNLABELLED
        prediction = truth.with_data(data, kind="labels", labels=None, source=None, notes=())
    return prediction, truth


def name_labels(labels: Labels | None, truth: Volume) -> dict[int, str]:
    """Return the name of each label value to score.

    Raises
    ------
    InputError
        If none are given and `truth` names none.
    """
    if labels is None:
        left_out = {0, UNLABELLED} if truth.has_unlabelled else {0}
        chosen = {value: name for value, name in truth.labels.items() if value not in left_out}
        if not chosen:
            raise InputError("The truth names no labels; say which to score with `labels=`.")
        return chosen
    try:
        if isinstance(labels, Mapping):
            return {int(value): str(name) for value, name in labels.items()}
        return {int(value): truth.labels.get(int(value), str(int(value))) for value in labels}
    except (TypeError, ValueError):
        raise InputError(f"`labels` are label values, or a dict of value to name, got {labels!r}.") from None


def spatial(volume: Volume) -> NDArray[Any]:
    """Return the voxels without a channel axis."""
    return volume.data.reshape(volume.spatial_shape)
