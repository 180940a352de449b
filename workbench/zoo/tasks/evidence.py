"""What a decoded object was found by, as a score that can be explained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from workbench.errors import InputError
from workbench.frameworks.base import LinearScore, Outputs


def mean_at(outputs: Outputs, output: str | None, *where: Any, weight: float = 1.0) -> LinearScore:
    """Return the score *mean of an output at some places*, of the first sample.

    Parameters
    ----------
    output : str or None
        Name of the output, None for a network that returns a single array.
    where
        Indices into one sample's output, as NumPy takes them: the channel first.
    weight : float
        Factor of the mean.
    """
    values = outputs[output or "logits"] if isinstance(outputs, Mapping) else outputs
    weights = np.zeros(np.shape(values)[1:], np.float32)
    weights[where] = 1
    return LinearScore(weights * np.float32(weight / weights.sum()), output)


def no_parameter(parameter: str | None, what: str) -> None:
    """Refuse to say what a parameter of shapes comes from, where none of the outputs is one.

    Raises
    ------
    InputError
        If one is given.
    """
    if parameter is not None:
        raise InputError(
            f"{what}: parameter must be left out, as the network says none of them by itself, got {parameter!r}. "
            "Explain the shape."
        )
