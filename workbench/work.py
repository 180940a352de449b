"""Work: how far something long is, and whether it should stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, Protocol, TypeAlias

from workbench.errors import Cancelled, InputError

#: Is told how much is done, 0 to 1.
Progress: TypeAlias = Callable[[float], object]
#: Says whether to stop.
Cancel: TypeAlias = Callable[[], bool]


class CancelEvent(Protocol):
    """What is set to ask for a stop: a `threading.Event`, or that of another process."""

    def is_set(self) -> bool: ...

    def set(self) -> object: ...


class Work:
    """Progress and cancel of one piece of long work, handed to whoever does it.

    What works says from time to time how far it is, and is stopped there if somebody asked for that.

    Parameters
    ----------
    progress : callable, optional
        Is told of it: takes how much is done (0 to 1) and what is being done (text, maybe empty).
    cancel : threading.Event, optional
        Set it, from any thread, and the work ends at its next step. By default one of its own, which `stop` sets.

    Examples
    --------
    >>> work = Work(lambda fraction, text: print(f"{fraction:.0%} {text}"))
    >>> for number in range(2):
    ...     work.part(number, 2).tell(0.5, "half of it")
    25% half of it
    75% half of it
    """

    #: What is said of work that was cancelled.
    _cancelled_words = "Cancelled; nothing partial is returned."

    def __init__(
        self, progress: Callable[[float, str], object] | None = None, cancel: CancelEvent | None = None
    ) -> None:
        if progress is not None and not callable(progress):
            raise InputError(
                f"Work: progress must be a function that takes how much is done, got {progress!r}. "
                "Give one: progress=print."
            )
        if cancel is not None and not callable(getattr(cancel, "is_set", None)):
            raise InputError(
                f"Work: cancel must be an event that is set to stop it, got {cancel!r}. Give threading.Event()."
            )
        self._progress = progress
        self.cancel: CancelEvent = threading.Event() if cancel is None else cancel

    @property
    def cancelled(self) -> bool:
        """Whether it was asked to stop."""
        return self.cancel.is_set()

    def stop(self) -> None:
        """Ask it to stop at its next step."""
        self.cancel.set()

    def check(self) -> None:
        """Stop here if that was asked for.

        Raises
        ------
        Cancelled
            If it was.
        """
        if self.cancelled:
            raise Cancelled(self._cancelled_words)

    def tell(self, fraction: float, text: str = "") -> None:
        """Say how much is done, and stop here if that was asked for.

        Parameters
        ----------
        fraction : float
            0 to 1; what lies outside is taken for the nearer end.
        text : str
            What is being done.

        Raises
        ------
        Cancelled
            If it was asked to stop.
        """
        self.check()
        if self._progress is not None:
            self._progress(float(min(max(fraction, 0.0), 1.0)), text)

    def part(self, index: int, count: int) -> Work:
        """Return the work of one of `count` equal parts: its progress is a share of this one's, its cancel the same.

        Parameters
        ----------
        index : int
            Which, from 0.
        count : int
            How many there are.

        Raises
        ------
        InputError
            If there is no such part.
        """
        if not 0 <= index < count:
            raise InputError(f"A part is one of 0 to {count - 1}, got {index} of {count}.")
        part = Work(lambda fraction, text: self.tell((index + fraction) / count, text), self.cancel)
        part._cancelled_words = self._cancelled_words
        return part


class _Idle(Work):
    """Work that nobody looks at. It is everybody's, so that nobody can stop it."""

    @property
    def cancelled(self) -> bool:
        return False

    def part(self, index: int, count: int) -> Work:
        super().part(index, count)
        return self

    def stop(self) -> None:
        raise InputError("Work that nobody looks at cannot be stopped. Hand on a Work of your own: work=Work(...).")


#: Nobody looks at the progress, and nobody cancels.
IDLE: Final[Work] = _Idle()
