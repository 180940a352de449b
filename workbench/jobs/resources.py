"""Resources: what a job needs of a machine; Placement: who puts it to work, and when."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass, field, replace
from typing import Annotated, Any

from workbench.errors import InputError
from workbench.parameters import Parameter, check_values
from workbench.signatures import Range, checked_class, of_function


@checked_class("Resources")
@dataclass(frozen=True)
class Resources:
    """What a job needs of a machine.

    Parameters
    ----------
    cores : int, optional
        CPU cores that it computes with; by default those that it may use.
    memory : int, optional
        Main memory that it takes at most, in bytes; by default it is not known.
    gpus : int
        Accelerators that it computes with.
    gpu_memory : int, optional
        Memory that it takes on each of them at most, in bytes; by default it is not known.

    Raises
    ------
    InputError
        If a value breaks its rule.
    """

    cores: Annotated[int | None, Range(low=1)] = None
    memory: Annotated[int | None, Range(low=1, unit="bytes")] = None
    gpus: Annotated[int, Range(low=0)] = 0
    gpu_memory: Annotated[int | None, Range(low=1, unit="bytes")] = None

    def __post_init__(self) -> None:
        check_values(_parameters(), asdict(self), "Resources")

    @classmethod
    def from_json(cls, stored: dict[str, Any] | None) -> Resources:
        """Build from what `dataclasses.asdict` gave; what a newer version added is passed over."""
        return cls(**{name: value for name, value in (stored or {}).items() if name in _parameters()})

    def over(self, usual: Resources) -> Resources:
        """Return `usual` with what is said here in its place."""
        said = {name: value for name, value in asdict(self).items() if value != getattr(Resources, name)}
        return replace(usual, **said)


@checked_class("Placement")
@dataclass(frozen=True)
class Placement:
    """Who puts a job to work, and when.

    Parameters
    ----------
    executor : str
        Name of an executor: ``"local"``, this machine with its queue, or ``"dask"``.
    priority : int
        Of the jobs that wait, the highest comes first.
    needs : Resources
        What the job is to get; what is not said is what jobs of its kind usually get.

    Raises
    ------
    InputError
        If a value breaks its rule.

    Examples
    --------
    >>> wb.jobs.Placement(priority=5, needs=wb.jobs.Resources(cores=1))
    Placement(executor='local', priority=5, needs=Resources(cores=1, memory=None, gpus=0, gpu_memory=None))
    """

    executor: str = "local"
    priority: int = 0
    needs: Resources = field(default_factory=Resources)

    def __post_init__(self) -> None:
        check_values(_of_placement(), {"executor": self.executor, "priority": self.priority}, "Placement")
        if not isinstance(self.needs, Resources):
            raise InputError(f"Placement: needs must be Resources, got {self.needs!r}. The default is Resources().")

    @classmethod
    def of(cls, background: bool | Placement) -> Placement | None:
        """Return the placement that ``background=`` asks for; None for work that is done here and now.

        Raises
        ------
        InputError
            If it is neither True, False nor a placement.
        """
        if isinstance(background, Placement):
            return background
        if isinstance(background, bool):
            return cls() if background else None
        raise InputError(f"background must be True, False or a Placement, got {background!r}. The default is False.")


@functools.cache
def _parameters() -> dict[str, Parameter]:
    return of_function(Resources)


@functools.cache
def _of_placement() -> dict[str, Parameter]:
    return of_function(Placement, ("needs",))


#: On this machine, in turn.
HERE = Placement()
