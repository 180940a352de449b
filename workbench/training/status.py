"""Where a run stands: what the status of training has beyond that of every job."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.jobs import status


@dataclass
class Status(status.Status):
    """The content of a run's ``status.json``: that of `workbench.jobs.Status`, and what is below.

    Attributes
    ----------
    epoch, epochs : int
        The epoch under way, counted from 1 (0 before the first), and how many there are to be.
    step, steps_per_epoch : int
        Steps done in this epoch, and how many it has.
    best_epoch, best_score : int, float or None
        The best epoch so far by the monitor.
    """

    epoch: int = 0
    epochs: int = 0
    step: int = 0
    steps_per_epoch: int = 0
    best_epoch: int | None = None
    best_score: float | None = None
