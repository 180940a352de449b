"""Entry: a data set as the catalogue offers it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from workbench.datasets.cards import Card
from workbench.parameters import Parameter
from workbench.signatures import of_function

if TYPE_CHECKING:
    from workbench.datasets.dataset import Dataset


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue.

    Attributes
    ----------
    card : Card
        What it is.
    load : callable
        Takes keyword options, returns a :class:`Dataset`. Its signature is the list of valid options.
    available : callable
        Says where the data is now, for `Card.available`.
    """

    card: Card
    load: Callable[..., Dataset]
    available: Callable[[], str] = lambda: "built in"

    @functools.cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The options of `load`, by name."""
        found = of_function(self.load)
        if "task" in found and found["task"].kind == "text":
            found["task"] = replace(found["task"], kind="choice", choices=self.card.tasks)
        return found
