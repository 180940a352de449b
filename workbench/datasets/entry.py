"""Entry: a data set as the catalogue offers it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from workbench.datasets.cards import Card
from workbench.parameters import Parameter
from workbench.signatures import of_function

if TYPE_CHECKING:
    from workbench.datasets.dataset import Dataset
    from workbench.datasets.downloads import Received


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
    order : float
        Where it stands among the others: what is computed first, what a user brings last.
    fetch : callable, optional
        ``(size, progress) -> path``: downloads the data for :func:`workbench.datasets.download`, where that can be. Of
        pictures that come in several sizes it is those of one; it tells bytes so far and bytes in all.
    """

    card: Card
    load: Callable[..., Dataset]
    available: Callable[[], str] = lambda: "built in"
    order: float = 50
    fetch: Callable[[int, Received | None], Path] | None = None

    @functools.cached_property
    def parameters(self) -> dict[str, Parameter]:
        """The options of `load`, by name."""
        found = of_function(self.load)
        if "task" in found and found["task"].kind == "text":
            found["task"] = replace(found["task"], kind="choice", choices=self.card.tasks)
        return found
