"""The work of making a map: how far it is, the map so far where somebody looks, and whether it is to stop."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from workbench.work import IDLE, CancelEvent, Work

if TYPE_CHECKING:
    from workbench.volume import Volume

_PREVIEW_SECONDS = 0.5  # faster than this, the eye gains nothing
_PREVIEW_COST = 5  # intermediate maps may take a sixth of the time at most


class MapWork(Work):
    """Work that has a map to show on its way; it is made only if it is wanted, and not more often than pays.

    Parameters
    ----------
    progress : callable, optional
        Called with the fraction done; if it takes two positional arguments, also with the map so far, or None where
        there is no new one.
    cancel : threading.Event, optional

    Attributes
    ----------
    heeded : bool
        Whether anybody can stop it.
    """

    def __init__(self, progress: Callable[..., object] | None = None, cancel: CancelEvent | None = None) -> None:
        super().__init__(progress, cancel)
        self._progress = None
        self.heeded = cancel is not None
        self._told = progress
        self._takes_map = progress is not None and _positional(progress) > 1
        self._next = 0.0
        self._done = 0.0

    @classmethod
    def part_of(cls, work: Work) -> MapWork:
        """Return the making of a map as (a part of) other work, which is told how far it is and stops it."""
        if work is IDLE:
            return cls()
        return cls(lambda fraction: work.tell(fraction), work.cancel)

    @property
    def _cancelled_words(self) -> str:  # type: ignore[override]
        return f"The explanation was cancelled at {self._done:.0%}; start it again to finish it."

    def tell(self, fraction: float, text: str = "") -> None:  # noqa: ARG002
        """Say how much is done, without a map; see `Work.tell`."""
        self.show(fraction, lambda: None)

    def show(self, fraction: float, preview: Callable[[], Volume | None]) -> None:
        """Say how much is done, and stop here if that was asked for and there is something left to do.

        Parameters
        ----------
        fraction : float
            0 to 1.
        preview : callable
            Makes the map so far.

        Raises
        ------
        Cancelled
            If it was asked to stop before it was finished.
        """
        fraction = self._done = max(
            self._done, fraction
        )  # pieces of a large input are told of before the map they are of
        if self._told is not None and self._takes_map:
            self._told(fraction, self._shown(fraction, preview))
        elif self._told is not None:
            self._told(fraction)
        if fraction < 1:
            self.check()

    def _shown(self, fraction: float, preview: Callable[[], Volume | None]) -> Volume | None:
        started = time.monotonic()
        if fraction < 1 and started < self._next:
            return None
        shown = preview()
        if shown is not None:
            ended = time.monotonic()
            self._next = ended + max(_PREVIEW_SECONDS, _PREVIEW_COST * (ended - started))
        return shown


def _positional(function: Callable[..., object]) -> int:
    """Return how many positional arguments a function takes."""
    try:
        kinds = [parameter.kind for parameter in inspect.signature(function).parameters.values()]
    except (TypeError, ValueError):  # a builtin without a signature
        return 1
    if inspect.Parameter.VAR_POSITIONAL in kinds:
        return 2
    return sum(k in {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD} for k in kinds)
