"""What is explained, as a number that a network computes: a weighted sum of its outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError, choose

ACTIVATIONS = ("none", "softmax", "sigmoid")


@dataclass(frozen=True)
class LinearScore:
    """A scalar per sample to be explained: ``sum(weights * activation(output))`` over all axes but the first, + `plus`.

    Parameters
    ----------
    weights : array
        ``[channels, *spatial]`` (a classifier: ``[classes]``), the same for all samples, or with a first axis ``n``.
    output : str, optional
        Which output, for a network that returns a dictionary; ``"logits"`` when not given.
    activation : {"none", "softmax", "sigmoid"}
        Applied first; softmax runs over the channel axis.
    plus : tuple of LinearScore
        What is added, each a sum over an output of its own.
    """

    weights: Array
    output: str | None = None
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    plus: tuple[LinearScore, ...] = ()

    def __post_init__(self) -> None:
        choose(self.activation, ACTIVATIONS, "activation of a score")

    def select(self, outputs: Any) -> Any:
        """Return the tensor that the score is computed on.

        Raises
        ------
        InputError
            If the network has no output of that name.
        """
        if not isinstance(outputs, Mapping):
            if self.output not in (None, "logits"):
                raise InputError(
                    f"A score on output {self.output!r} needs a network that returns named outputs; this one returns a "
                    "single tensor. Leave `output` out."
                )
            return outputs
        return outputs[choose(self.output or "logits", outputs, "network output")]

    def weights_for(self, shape: Sequence[int]) -> Array:
        """Return the weights as float32 that broadcast against an output of `shape`.

        Raises
        ------
        InputError
            If the weights fit neither one sample nor the batch.
        """
        weights = np.asarray(self.weights, dtype=np.float32)
        if weights.shape == tuple(shape[1:]):
            return weights[None]
        if weights.shape == tuple(shape):
            return weights
        raise InputError(
            f"The weights of a score must have the shape of one sample's output {tuple(shape[1:])} or of the batch "
            f"{tuple(shape)}, got {weights.shape}."
        )
