"""Limits: what jobs on this machine may take together."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Annotated, Any

from workbench._words import count, size
from workbench.errors import InputError, StateError, check_keywords
from workbench.jobs.accelerators import count_accelerators
from workbench.jobs.places import settings, settings_file
from workbench.jobs.resources import Resources
from workbench.jobs.threads import available_cores
from workbench.parameters import Parameter, check_values
from workbench.signatures import Range, of_function

#: Main memory that is left to the rest of the machine.
_LEFT = 0.1


@dataclass(frozen=True)
class Limits:
    """What jobs may take together.

    Parameters
    ----------
    cores : int
        CPU cores. Beside jobs of several cores one that needs a single core is let in: a map is not to wait for a
        training.
    memory : int
        Main memory, in bytes. A job that does not say what it takes counts as nothing.
    gpus : int, optional
        Accelerators; by default those that are found here, and as many as are asked for where none is found.
    at_once : int, optional
        Jobs at a time.
    """

    cores: Annotated[int, Range(low=1)]
    memory: Annotated[int, Range(low=1, unit="bytes")]
    gpus: Annotated[int | None, Range(low=0)] = None
    at_once: Annotated[int | None, Range(low=1)] = None

    @classmethod
    def here(cls) -> Limits:
        """Return the limits that the settings say (``"jobs"``), and for what they do not say, this machine's own.

        Raises
        ------
        InputError
            If a setting breaks its rule.
        """
        import psutil

        given = settings().get("jobs", {})
        owner = f'"jobs" in {settings_file()}'
        if not isinstance(given, dict):
            raise InputError(f'{owner} must be an object such as {{"cores": 2}}, got {given!r}.')
        check_keywords(given, _parameters(), owner)
        machine = {
            "cores": available_cores(),
            "memory": int((1 - _LEFT) * psutil.virtual_memory().total),
            "gpus": count_accelerators(),
        }
        return cls(**check_values(_parameters(), {**machine, **given}, owner))

    def cores_of(self, needs: Resources) -> int:
        """Return how many cores a job gets: those that it asks for, as far as there are as many."""
        return min(needs.cores or self.cores, self.cores)

    def check(self, needs: Resources) -> None:
        """Refuse a job that could never begin.

        Raises
        ------
        StateError
            If it needs more memory, or more accelerators, than jobs may take together.
        """
        if (needs.memory or 0) > self.memory:
            self._refuse("memory", size(needs.memory or 0), size(self.memory))
        if self.gpus is not None and needs.gpus > self.gpus:
            self._refuse("gpus", str(needs.gpus), str(self.gpus))

    def _refuse(self, what: str, asked: str, most: str) -> None:
        raise StateError(
            f"Jobs on this machine may take {what}={most} together, got one that needs {asked}. Ask for less, or raise "
            f'"jobs": {{"{what}": ...}} in {settings_file()}.'
        )

    def hinders(self, needs: Resources, others: list[Resources]) -> str:
        """Return what a job would have to wait for beside `others` that are at work; empty if it can begin."""
        if self.at_once is not None and len(others) >= self.at_once:
            return f"no more than {count(self.at_once, 'job')} at a time"
        if self._load([*others, needs]) > self.cores:
            free = max(0, self.cores - self._load(others))
            return f"{count(self.cores_of(needs), 'core')}, of which {free} are free"
        taken = sum(one.memory or 0 for one in others)
        if taken + (needs.memory or 0) > self.memory:
            return f"{size(needs.memory or 0)} of memory, of which {size(max(0, self.memory - taken))} are free"
        gpus = sum(one.gpus for one in others)
        if self.gpus is not None and gpus + needs.gpus > self.gpus:
            return f"{count(needs.gpus, 'accelerator')}, of which {max(0, self.gpus - gpus)} are free"
        return ""

    def is_short(self, needs: Resources) -> bool:
        """Return whether a job may be let in beside others, as it needs one core alone and there are several."""
        return self.cores > 1 and self.cores_of(needs) == 1

    def _load(self, jobs: list[Resources]) -> int:
        long = [self.cores_of(one) for one in jobs if not self.is_short(one)]
        # beside something long one short job is let in; among themselves they keep to the cores
        return sum(long) + max(0, len(jobs) - len(long) - bool(long))


@functools.cache
def _parameters() -> dict[str, Parameter]:
    return of_function(Limits)


def limits_from(stored: dict[str, Any]) -> Limits:
    """Build from what `dataclasses.asdict` gave."""
    return Limits(**stored)
