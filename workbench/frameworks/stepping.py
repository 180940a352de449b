"""The contract of training: an optimiser as plain data, and one step after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench._arrays import Array
from workbench.errors import InputError, choose

OPTIMIZERS = ("adam", "adamw", "sgd")


@dataclass(frozen=True)
class OptimizerSpec:
    """Which optimiser, as plain data. The rules are torch's: Adam and AdamW with bias correction and eps 1e-8."""

    name: str = "adamw"
    lr: float = 1e-3
    weight_decay: float = 0.0
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    nesterov: bool = False

    def __post_init__(self) -> None:
        choose(self.name, OPTIMIZERS, "optimizer")
        if not self.lr >= 0:
            raise InputError(f"The learning rate must be zero or more, got {self.lr}. A usual first value is 0.001.")


def select_trainable(parameters: Sequence[str], trainable: Sequence[str] | None) -> list[str]:
    """Return the parameter names to be trained, in the network's order.

    Raises
    ------
    InputError
        If a name is not a parameter, or none is left to train.
    """
    if trainable is None:
        return list(parameters)
    for name in trainable:
        choose(name, parameters, "parameter name")
    wanted = set(trainable)
    if not wanted:
        raise InputError("Every parameter is frozen, so there is nothing to train. Leave at least one trainable.")
    return [name for name in parameters if name in wanted]


def single_value_error() -> InputError:
    """Return the error of a normalisation that is to train on a single value per channel."""
    return InputError(
        "A batch or instance normalisation cannot train on one value per channel: its variance is 0, whatever the "
        "value. Raise batch_size, train on larger images or patches, or choose a variant of less depth."
    )


class Trainer(ABC):
    """A network, a loss and an optimiser, stepped one batch at a time."""

    @abstractmethod
    def step(self, inputs: Array, targets: dict[str, Array], *, step_seed: int, lr: float) -> dict[str, float]:
        """Make one optimiser step in training mode and return the loss terms (``"loss"`` and any named ones).

        With :class:`Players` for a loss, each of them makes one, on the same batch. `step_seed` seeds whatever is
        random (dropout), so a resumed run equals an uninterrupted one. A loss that is not finite is returned as it is,
        for the caller to decide on.

        Raises
        ------
        InputError
            If a batch normalisation gets a single value per channel.
        """

    @abstractmethod
    def state(self) -> tuple[dict[str, Array], dict[str, Any]]:
        """Return the optimiser's tensors, named ``<slot>.<parameter>``, and its JSON-able scalars (copies)."""

    @abstractmethod
    def load_state(self, tensors: Mapping[str, Array], scalars: Mapping[str, Any]) -> None:
        """Take back what :meth:`state` returned, bit for bit.

        Raises
        ------
        InputError
            If it is the state of another optimiser or of other parameters.
        """
