"""Asking the network of a desk: one at a time, after what was cancelled has let go, with the weights that are due."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from workbench.errors import StateError
from workbench.jobs.status import ALIVE
from workbench.widgets._watch import learned
from workbench.widgets._work import Work
from workbench.widgets.desk import Case, Desk

if TYPE_CHECKING:
    from workbench.widgets.choice import Choice
    from workbench.zoo import Model

T = TypeVar("T")
_WAIT_SECONDS = 0.1


def with_network(desk: Desk, work: Work, function: Callable[[], T]) -> T:
    """Run something that asks a network, when no other does; cancelled, it is let go of.

    Raises
    ------
    Cancelled
        If the person pressed Cancel.
    """
    if desk.network.locked():
        work.say("Waiting for the network to leave what was cancelled")

    def alone() -> T:
        with desk.network:
            work.check()
            return function()

    return work.apart(alone)


def subject(desk: Desk, work: Work) -> tuple[Case, Choice, Model]:
    """Return what the network is to be asked about, and the model, once it is built and has its weights.

    Raises
    ------
    StateError
        If there is no case or no model for it.
    Cancelled
        If the person pressed Cancel.
    """
    await_weights(desk, work)
    reason = desk.cannot_answer()
    if reason:
        raise StateError(f"{reason}.")
    return desk.case, desk.choice, work.apart(desk.model)


def await_weights(desk: Desk, work: Work) -> None:
    """Wait for the first epoch of a run that was started a moment ago: what it learns is to be explained.

    Raises
    ------
    StateError
        If the run ended before it had any weights; the message says why.
    Cancelled
        If the person pressed Cancel.
    """
    run = desk.awaited
    if run is None:
        return
    work.say("Waiting for the first epoch of the run")
    while not learned(run) and run.state in ALIVE:
        work.check()
        time.sleep(_WAIT_SECONDS)
    if not learned(run):
        status = run.status
        raise StateError(f"The run {status['state']}: {status['cause']} {status['remedy']}".strip())
    desk.take_weights(run)
