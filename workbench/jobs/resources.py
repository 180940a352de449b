"""Resources: what a job needs of a machine."""

from __future__ import annotations

import functools
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from workbench.parameters import Parameter, check_values
from workbench.signatures import Range, of_function


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


@functools.cache
def _parameters() -> dict[str, Parameter]:
    return of_function(Resources)
