"""What every check of explanations is: a question to a map, whose answer is a number and a sentence."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.baselines import find_baseline
from workbench.explain.explanation import Explanation
from workbench.explain.making import Making
from workbench.parameters import Parameter, check_values

if TYPE_CHECKING:
    from workbench.explain.request import Request
    from workbench.work import Work

#: Whether a map may be trusted as far as a check can tell; "open" where it can tell nothing.
Verdict = Literal["good", "doubtful", "bad", "open"]


@dataclass(frozen=True)
class Limits:
    """From where on a check says "good", and from where "doubtful"; beyond both it says "bad".

    They are what we hold for sensible and not a law: a class of one's own may have others.

    Parameters
    ----------
    rule : {"above", "at least", "below"}
        On which side of a limit the better values lie.
    good, doubtful : float
    what : str
        What is compared with them, where that is not the number of the check; `doubtful` may be of something else.

    Examples
    --------
    >>> Limits("below", 0.4, 0.8).verdict(0.5)
    'doubtful'
    """

    rule: Literal["above", "at least", "below"]
    good: float
    doubtful: float
    what: str = "the number"

    def verdict(self, value: float, doubtful: float | None = None) -> Verdict:
        """Return the verdict on a value; `doubtful` stands for a limit that depends on the case."""
        limits: tuple[tuple[Verdict, float], ...]
        limits = (("good", self.good), ("doubtful", self.doubtful if doubtful is None else doubtful))
        for verdict, limit in limits:
            if {"above": value > limit, "at least": value >= limit, "below": value < limit}[self.rule]:
                return verdict
        return "bad"

    def __str__(self) -> str:
        return f"{self.what}: good {self.rule} {self.good:g}, doubtful {self.rule} {self.doubtful:g}"


@dataclass(frozen=True)
class Curve:
    """How a number changes with another one.

    Parameters
    ----------
    x, y : tuple of float
    what, of : str
        What they are called on an axis: "share that is hidden", "share of the score".
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    what: str
    of: str

    @property
    def area(self) -> float:
        """The area below the curve, by the trapezoidal rule."""
        return float(np.trapezoid(self.y, self.x) if hasattr(np, "trapezoid") else np.trapz(self.y, self.x))  # noqa: NPY201


@dataclass(frozen=True)
class Finding:
    """What a check found.

    Parameters
    ----------
    value : float
        The number; NaN where it has no meaning for this map.
    verdict : {"good", "doubtful", "bad", "open"}
    sentence : str
        What it means for this map, in words that a student understands.
    curves : mapping of str to Curve
        What the number was made from, by its name in a legend.
    """

    value: float
    verdict: Verdict
    sentence: str
    curves: Mapping[str, Curve] = field(default_factory=dict)


class Subject:
    """A map under examination, with all that a check may look at. What is costly is made when it is asked for.

    Parameters
    ----------
    explanation : Explanation
    inside : ndarray of bool, optional
        ``[*spatial]`` on the grid of the map: where the thing lies that is to be found.
    others : sequence of Explanation
        Other maps of the same input.
    """

    def __init__(
        self, explanation: Explanation, inside: Array | None = None, others: Sequence[Explanation] = ()
    ) -> None:
        self.explanation, self._inside, self.others = explanation, inside, tuple(others)
        self._baselines: dict[tuple[Any, Any], Array] = {}

    @cached_property
    def values(self) -> Array:
        """The map, ``[*spatial]`` float64 on the grid of the input."""
        return np.asarray(self.explanation.data, np.float64)

    @property
    def inside(self) -> Array:
        """Where the thing lies that is to be found.

        Raises
        ------
        InputError
            If no mask was given.
        """
        if self._inside is None:
            raise InputError("What a map is compared with must be a mask, and there is none. Give mask=.")
        return self._inside

    @property
    def request(self) -> Request:
        """What the map was asked by, with its model and its volume.

        Raises
        ------
        StateError
            If they are not known any more.
        """
        return self.explanation.request

    @cached_property
    def making(self) -> Making:
        """The input as the network sees it, the score, and what runs many inputs."""
        return Making(self.request)

    def baseline(self, options: Mapping[str, Any]) -> Array:
        """Return what hides the input, ``[channels, *spatial]``, as the options `baseline` and `blur` ask for."""
        asked = (options["baseline"], options["blur"])
        if asked not in self._baselines:
            problem = self.making.problem
            self._baselines[asked] = find_baseline(problem, options, problem.unchanged).image
        return self._baselines[asked]

    @cached_property
    def on_network(self) -> Array:
        """The map, ``[*spatial]`` float64 on the grid of the network; 0 outside of the volume."""
        return np.asarray(self.explanation.volume.resample_like(self.making.grid, order=1).data, np.float64)

    def scores(self, count: int, build: Callable[[range], Array], work: Work) -> Iterator[float]:
        """Yield the explained score for each of many inputs.

        Parameters
        ----------
        count : int
            How many there are.
        build : callable
            Makes those of a range, ``[n, channels, *spatial]`` float32.

        Raises
        ------
        StateError
            If not even one fits into memory.
        Cancelled
            If that was asked for.
        """
        problem = self.making.problem
        for part, found in problem.feeder.map(
            count, build, lambda inputs: problem.framework.scores(problem.module, inputs, problem.score)
        ):
            work.tell(part.stop / count)
            yield from map(float, found)


class Check(ABC):
    """One question to a map. Stateless: everything it needs comes in the `Subject`.

    A subclass sets the names below and answers in `find`. One that is a file of this room's folder is found; a package
    offers its own through the entry point group ``workbench.explanation_checks``.
    """

    name: ClassVar[str]
    #: What is asked, for lists: ``"Does the map follow the weights?"``.
    title: ClassVar[str]
    #: What its number is: ``"rank correlation with the map of a network with random weights"``.
    summary: ClassVar[str]
    reference: ClassVar[str]
    needs_mask: ClassVar[bool] = False
    #: Whether other maps of the same input are looked at.
    needs_others: ClassVar[bool] = False
    #: Whether the network is run, so that the map must know its model and its volume.
    needs_model: ClassVar[bool] = False
    options: ClassVar[Mapping[str, Parameter]] = {}
    #: From where on its verdict is which; None for a check that judges otherwise.
    limits: ClassVar[Limits | None] = None
    #: The lower comes first in lists.
    order: ClassVar[int] = 100

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        cls.options = {name: replace(one, name=name) for name, one in cls.options.items()}

    @abstractmethod
    def find(self, subject: Subject, options: Mapping[str, Any], work: Work) -> Finding:
        """Return what is found of a map."""

    def check_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return every option of the check, the given values checked and the rest at their defaults."""
        return check_values(self.options, given, f"The check {self.name!r}")

    def __repr__(self) -> str:
        return f"<Check {self.name}: {self.summary}>"
