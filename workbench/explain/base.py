"""What every attribution method is: a name, options that describe themselves, and a generator of maps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from workbench.errors import InputError, check_keywords, choose
from workbench.frameworks.base import Array

if TYPE_CHECKING:
    from workbench.frameworks import Framework, LinearScore
    from workbench.frameworks.feeding import Feeder


@dataclass(frozen=True)
class Option:
    """One option of a method: enough to check a value and to draw a control for it.

    Parameters
    ----------
    kind : str
        ``"flag"``, ``"integer"``, ``"number"``, ``"choice"``, or ``"extent"`` (one number for all
        axes, or one per spatial axis). A number with `choices` takes a number or one of the words.
    default : Any
        The value used when none is given; ``None`` means "decided by the method", and may then be given too.
    doc : str
        One line for a tooltip.
    low, high : float, optional
        Smallest and largest value allowed.
    """

    kind: Literal["flag", "integer", "number", "choice", "extent"]
    default: Any
    doc: str
    choices: tuple[str, ...] = ()
    low: float | None = None
    unit: str = ""
    high: float | None = None

    def check(self, name: str, value: Any) -> Any:
        """Return `value` as a plain JSON-able value.

        Raises
        ------
        InputError
            If the value is of the wrong kind or out of range.
        """
        if value is None and self.default is None:
            return None
        if isinstance(value, str) and self.choices:
            return choose(value, self.choices, f"value of {name}:")
        if self.kind == "flag":
            if not isinstance(value, bool | np.bool_):
                raise InputError(f"{name} must be True or False, but is {value!r}.")
            return bool(value)
        if self.kind == "extent" and isinstance(value, list | tuple | np.ndarray):
            return [self._number(name, v) for v in value]
        if self.kind == "choice":
            raise InputError(f"{name} must be one of {', '.join(self.choices)}, but is {value!r}.")
        return self._number(name, value)

    def _number(self, name: str, value: Any) -> int | float:
        whole = self.kind == "integer"
        right = isinstance(value, Integral if whole else Real) and not isinstance(value, bool | np.bool_)
        if not right or not np.isfinite(value):
            words = f" or one of {', '.join(self.choices)}" if self.choices else ""
            raise InputError(f"{name} must be a {'whole ' if whole else 'finite '}number{words}, but is {value!r}.")
        if self.low is not None and value < self.low:
            raise InputError(f"{name} must be at least {self.low:g}{_unit(self.unit)}, but is {value:g}.")
        if self.high is not None and value > self.high:
            raise InputError(f"{name} must be at most {self.high:g}{_unit(self.unit)}, but is {value:g}.")
        return int(value) if isinstance(value, Integral) else float(value)


def _unit(unit: str) -> str:
    return f" {unit}" if unit else ""


ACTIVATION = Option(
    "choice",
    "none",
    "What is explained: the raw score, or the probability after softmax or sigmoid.",
    choices=("none", "softmax", "sigmoid"),
)


@dataclass(frozen=True)
class Problem:
    """Everything a method may look at: one prepared input, one score, one network.

    Parameters
    ----------
    input : ndarray
        ``[1, channels, *spatial]`` float32, as the network sees it.
    spacing : tuple of float
        Voxel size of the network's grid, in mm.
    box : pair of tuples, optional
        First and one-past-last voxel of the network's grid that the map is wanted in.
    """

    framework: Framework
    module: Any
    input: Array
    score: LinearScore
    options: Mapping[str, Any]
    spacing: tuple[float, ...]
    batches: Feeder
    layer: str | None = None
    box: tuple[tuple[int, ...], tuple[int, ...]] | None = None

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        return tuple(self.input.shape[2:])


@dataclass(frozen=True)
class Step:
    """A stage of a map in the making; the last one has ``fraction == 1`` and is exact.

    Parameters
    ----------
    fraction : float
        Share of the work done, 0 to 1.
    make_map : callable
        Returns the map so far, ``[*spatial]`` on the network's grid. Called only when somebody looks.
    native_shape : tuple of int
        Shape in which the method measured, before any enlarging.
    cell : tuple of float, optional
        Distance from one measurement to the next, in voxels of the network's grid, where it is not simply the grid's
        shape over `native_shape`.
    """

    fraction: float
    make_map: Callable[[], Array]
    native_shape: tuple[int, ...]
    notes: tuple[str, ...] = field(default=())
    cell: tuple[float, ...] | None = None


class Explainer(ABC):
    """One attribution method. Stateless: everything it needs comes in the `Problem`.

    A subclass sets `name`, `title`, `summary`, `reference`, and its own `options`, and yields
    `Step` objects. One that is to be had on some frameworks alone names them in `frameworks`: elsewhere it is refused.
    It is cancelled from outside, between two steps, so it should yield after every batch.
    A package offers its own through the entry point group ``workbench.explainers``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    needs_layer: ClassVar[bool] = False
    supports_box: ClassVar[bool] = False
    frameworks: ClassVar[tuple[str, ...]] = ()  # those that have it, where not all have
    options: ClassVar[Mapping[str, Option]] = {}

    @abstractmethod
    def steps(self, problem: Problem) -> Iterator[Step]:
        """Yield the map coarse to fine, at least once; the last step is exact."""

    def passes(self, shape: tuple[int, ...], spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:  # noqa: ARG002
        """Return how many inputs go through the network for one map: what an estimate of its time is made from.

        Parameters
        ----------
        shape : tuple of int
            Spatial shape of the network's input.
        spacing : tuple of float
            Voxel size of the network's grid, in mm.
        options : mapping
            As `check_options` returned them.
        """
        return 1

    def check_framework(self, name: str) -> None:
        """Check that the method is to be had on a framework.

        Raises
        ------
        InputError
            If it is not.
        """
        if self.frameworks and name not in self.frameworks:
            raise InputError(
                f"The method {self.name!r} is to be had on {', '.join(self.frameworks)} alone, but the model is on "
                f"{name}. Load its weights there (wb.zoo.load(..., framework={self.frameworks[0]!r})), or take a "
                "method that all frameworks have, such as 'integrated-gradients'."
            )

    def check_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every option of the method, the given values checked and the rest at their defaults."""
        known = {"activation": ACTIVATION, **self.options}
        check_keywords(given, known, f"The method {self.name!r}")
        return {name: option.check(name, given.get(name, option.default)) for name, option in known.items()}

    def __repr__(self) -> str:
        return f"<Explainer {self.name}: {self.summary}>"
