"""Probabilities instead of logits, and the value of a score."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np

from workbench.errors import InputError
from workbench.explain.targets import Resolved

if TYPE_CHECKING:
    from workbench.frameworks import LinearScore


def activated(resolved: Resolved, activation: str, *, raw: bool, channels: int) -> LinearScore:
    """Return the score with the activation that was asked for.

    Parameters
    ----------
    raw : bool
        Whether the output is one that a probability can be made of.
    channels : int
        How many scores the network gives.

    Raises
    ------
    InputError
        If the target has no such probability.
    """
    if activation == "none":
        return resolved.score
    if activation == "softmax" and channels == 1:
        raise InputError(
            "activation must be 'none' or 'sigmoid' for a network with a single score, whose softmax is 1 whatever the "
            "input, got 'softmax'. Take 'sigmoid'."
        )
    if resolved.has_probability and raw:
        return dataclasses.replace(resolved.score, activation=activation)  # type: ignore[arg-type]
    what = "which is no score of classes" if raw else "for the network's output is none that a probability is made of"
    raise InputError(
        f"activation must be 'none' to explain {resolved.target}, {what}, got {activation!r}. Leave it out."
    )


def evaluate(score: LinearScore, outputs: Any) -> float:
    """Return the value of a score for the outputs of one sample."""
    values = np.asarray(outputs if score.output is None else outputs[score.output], np.float64)[0]
    if score.activation == "softmax":
        values = np.exp(values - values.max(axis=0))
        values /= values.sum(axis=0)
    elif score.activation == "sigmoid":
        values = 1 / (1 + np.exp(-values))
    return float((values * score.weights).sum()) + sum(evaluate(other, outputs) for other in score.plus)
