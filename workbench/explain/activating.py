"""Scores of classes, or the probabilities that a network makes of them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from workbench.errors import InputError
from workbench.explain.targets import Resolved
from workbench.frameworks import LinearScore


def activated(resolved: Resolved, activation: str, *, raw: bool) -> LinearScore:
    """Return the score with the activation that was asked for; `raw` is whether one is to be had of the output."""
    if activation == "none":
        return resolved.score
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
