"""Losses of networks whose parts are trained against each other, such as a generator and a critic."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench.errors import InputError

Loss = Callable[[Any, Mapping[str, Any]], dict[str, Any]]
PlayerLoss = Callable[[Any, Any, dict[str, Any], str, int], dict[str, Any]]


@dataclass(frozen=True)
class Players:
    """A loss for each of several players, who own a part of the network's parameters each.

    In one training step every player has a turn on the same batch, in the order of `parts`: its loss is computed with
    the network as the turns before have left it, and an optimiser step is made on its own parameters; those of the
    others are held. Each parameter has one optimiser state, that of its owner.

    Parameters
    ----------
    parts : mapping of str to sequence of str
        For each player, what the names of its parameters begin with. Every parameter has one owner.
    loss : callable
        ``loss(network, inputs, targets, player, seed) -> {"loss": ..., named terms}``. It calls the network, or modules
        inside it, as it likes. `seed` is the step's: whatever is drawn at random in a loss is drawn from it, by NumPy,
        so that it is the same in every framework and in a resumed run.

    Notes
    -----
    :meth:`Trainer.step` returns the terms of all players; the loss of the last one is called ``"loss"``, that of the
    others by the player's name.
    """

    parts: Mapping[str, Sequence[str]]
    loss: PlayerLoss

    def turns(self, parameters: Sequence[str]) -> dict[str, list[str]]:
        """Return the parameters of each player, out of those that are trained; a player with none has no turn.

        Raises
        ------
        InputError
            If a parameter has no owner or several.
        """
        turns: dict[str, list[str]] = {player: [] for player in self.parts}
        for name in parameters:
            owners = [player for player, begins in self.parts.items() if name.startswith(tuple(begins))]
            if len(owners) != 1:
                raise InputError(
                    f"Every parameter belongs to one player, but {name!r} to {' and '.join(owners) or 'none'}. The "
                    f"players are {', '.join(f'{player} ({_words(begins)})' for player, begins in self.parts.items())}."
                )
            turns[owners[0]].append(name)
        return {player: names for player, names in turns.items() if names}


def named_terms(player: str, last: bool, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return a player's terms under the names that a step returns them by."""
    return {(player if name == "loss" and not last else name): value for name, value in terms.items()}


def _words(begins: Sequence[str]) -> str:
    return ", ".join(f"{begin}*" for begin in begins)
