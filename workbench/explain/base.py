"""What every attribution method is: a name, options that describe themselves, and a generator of maps."""

from __future__ import annotations

import functools
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from workbench._arrays import Array
from workbench.errors import InputError
from workbench.explain.box import Box
from workbench.parameters import Parameter, check_values

if TYPE_CHECKING:
    from workbench.explain.large.field import Field
    from workbench.frameworks import Framework, LinearScore
    from workbench.frameworks.feeding import Feeder
    from workbench.volume import Volume


def Option(kind: str, default: Any, doc: str, choices: tuple[str, ...] = (), **known: Any) -> Parameter:  # noqa: N802
    """Return a `Parameter` without a name; deprecated, write `workbench.parameters.Parameter` instead."""
    warnings.warn("Option is deprecated: write workbench.parameters.Parameter.", DeprecationWarning, stacklevel=2)
    extent = kind == "extent"
    of: Any = "number" if extent else kind
    return Parameter("", of, default, doc, choices=choices, per_axis=extent, **known)


ACTIVATION = Parameter(
    "activation",
    "choice",
    "none",
    "What is explained: the raw score, or the probability after softmax or sigmoid.",
    choices=("none", "softmax", "sigmoid"),
)

FIELD = Parameter(
    "field",
    "choice",
    "auto",
    "What the network is given: the whole input, or the box or windows that the target depends on (parts); auto takes "
    "all where predict does.",
    choices=("auto", "whole", "parts"),
)

PRECISION = Parameter(
    "precision",
    "choice",
    "float32",
    "What the network computes in: bfloat16 is faster on CPUs that have it, and rounds to three digits; auto takes it "
    "where the scores of the first inputs change by a fiftieth of their range at most.",
    choices=("float32", "bfloat16", "auto"),
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
    feeder : Feeder
        Runs many inputs at once, in batches as large as memory allows.
    box : pair of tuples, optional
        First and one-past-last voxel of the network's grid that the map is wanted in.
    grid : Volume, optional
        The grid of the input, to bring other Volumes onto; its voxels say nothing.
    lay : callable, optional
        ``lay(case, grid)`` returns another case as the network sees it on a grid, ``[channels, *spatial]``, and how
        much of that grid it covers.
    field : Field, optional
        What part of the network's whole input this is; all of it if not given.
    scored : (ndarray, float), optional
        An input whose score is known already, and that score.
    """

    framework: Framework
    module: Any
    input: Array
    score: LinearScore
    options: Mapping[str, Any]
    spacing: tuple[float, ...]
    feeder: Feeder
    layer: str | None = None
    box: Box | None = None
    grid: Volume | None = None
    lay: Callable[[Volume, Volume], tuple[Array, float]] | None = None
    field: Field | None = None
    scored: tuple[Array, float] | None = None

    @property
    def spatial_shape(self) -> tuple[int, ...]:
        return tuple(self.input.shape[2:])

    @functools.cached_property
    def unchanged(self) -> float:
        """The score of the input as it is."""
        if self.scored is not None and self.scored[0] is self.input:
            return self.scored[1]
        return self.score_of(self.input[0])

    def score_of(self, image: Array) -> float:
        """Return the score of one input, ``[channels, *spatial]``."""
        return float(self.feeder.one(lambda: self.scores(image[None]))[0])

    def scores(self, inputs: Array) -> Array:
        """Return the score of each of some inputs ``[n, channels, *spatial]``."""
        return self.framework.scores(self.feeder.network, inputs, self.score)

    def gradients(self, inputs: Array) -> Array:
        """Return the gradient of each input's score with respect to it, of the shape of the inputs."""
        return self.framework.input_gradient(self.module, inputs, self.score)[1]

    @property
    def batches(self) -> Feeder:
        """Former name of `feeder`; batches are those of a training."""
        warnings.warn("Problem.batches is now Problem.feeder.", DeprecationWarning, stacklevel=2)
        return self.feeder


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
    baseline_score : float, optional
        What the whole baseline scores, where the method compares the input with one.
    standard_error : float, optional
        Of a voxel of the map on average, where samples were drawn.
    """

    fraction: float
    make_map: Callable[[], Array]
    native_shape: tuple[int, ...]
    notes: tuple[str, ...] = field(default=())
    cell: tuple[float, ...] | None = None
    baseline_score: float | None = None
    standard_error: float | None = None

    def __post_init__(self) -> None:
        if not callable(self.make_map):
            raise InputError(
                f"A Step: make_map must be a function that returns the map, got {type(self.make_map).__name__}. Give "
                "Step(fraction, lambda: map, native_shape)."
            )


class Explainer(ABC):
    """One attribution method. Stateless: everything it needs comes in the `Problem`.

    A subclass sets `name`, `title`, `summary`, `reference`, its `order` among the others (by default the last), and its
    own `options`, and yields `Step` objects. One that is to be had on some frameworks alone names them in `frameworks`:
    elsewhere it is refused. One that draws at random says that it is `sampled`: it has an option `seed`, and its notes
    tell the standard error. `dimensions` are those of the images that it is for. One whose values are shares of the
    score, so that their sum means something, is an `attribution`: its map is brought onto the volume's grid keeping it.
    It is cancelled from outside, between two steps, so it should yield after every batch.

    Large volumes are given to it in parts. `in_part` says what its map is where the input is the box that the score
    depends on: "same" as for the whole input; the same in the "inner" part, where each layer sees what it would see in
    the whole; or "other". One whose map is `averaged` over a layer is made smaller by the share of the box. One that is
    `end_to_end` asks for scores and for gradients of the input alone, so that these may be put together from parts.
    One that cannot be made window by window says why in `needs_whole`. One whose batches ask for scores alone is
    `forward_only`: the network may then run in a form that has other layers inside, and is faster.
    A package offers its own through the entry point group ``workbench.explainers``.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    summary: ClassVar[str]
    reference: ClassVar[str]
    order: ClassVar[float] = 100
    needs_layer: ClassVar[bool] = False
    supports_box: ClassVar[bool] = False
    dimensions: ClassVar[tuple[int, ...]] = (2, 3)
    sampled: ClassVar[bool] = False
    attribution: ClassVar[bool] = False
    frameworks: ClassVar[tuple[str, ...]] = ()  # those that have it, where not all have
    in_part: ClassVar[Literal["same", "inner", "other"]] = "other"
    averaged: ClassVar[bool] = False
    end_to_end: ClassVar[bool] = False
    forward_only: ClassVar[bool] = False
    needs_whole: ClassVar[str] = ""
    options: ClassVar[Mapping[str, Parameter]] = {}

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        if not isinstance(cls.options, Mapping):
            raise InputError(
                f"{cls.__name__}: options must be Parameters by name, got {type(cls.options).__name__}. See by_name."
            )
        if wrong := [one for one in cls.options.values() if not isinstance(one, Parameter)]:
            raise InputError(f"{cls.__name__}: options must be Parameters by name, got {wrong[0]!r}. See by_name.")
        cls.options = {name: replace(one, name=name) for name, one in cls.options.items()}

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

    def sketch(self, shape: tuple[int, ...]) -> dict[str, Any]:  # noqa: ARG002
        """Return options for a coarse map in few passes, such as a thumbnail; none where the usual ones are few.

        Parameters
        ----------
        shape : tuple of int
            Spatial shape of the volume.
        """
        return {}

    def is_attribution(self, options: Mapping[str, Any]) -> bool:  # noqa: ARG002
        """Return whether the values of a map with these options are shares, of which the sum is to be kept."""
        return self.attribution

    def passes_in(self, field: Field, spacing: tuple[float, ...], options: Mapping[str, Any]) -> int:
        """Return how many there are where the network is given a part of its input; here as many as for all of it."""
        return self.passes(field.of, spacing, options)

    def misfit(self, model: Any) -> str:
        """Return why the method cannot explain a model, as far as can be told without an input; empty if it can.

        The words stand in lists, beside the method: they begin small and have no full stop.

        Parameters
        ----------
        model : Model
        """
        if reason := self.framework_misfit(model.framework.name):
            return reason
        card = getattr(model.algorithm, "card", None)
        if card is not None and card.dimensions not in self.dimensions:
            return f"for {' and '.join(f'{n}D' for n in self.dimensions)} alone, the model is for {card.dimensions}D"
        return ""

    def framework_misfit(self, name: str) -> str:
        """Return why the method is not to be had on a framework; empty if it is."""
        if not self.frameworks or name in self.frameworks:
            return ""
        return f"on {', '.join(self.frameworks)} alone, the model is on {name}"

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
        return check_values(self.parameters(), given, f"The method {self.name!r}")

    def parameters(self) -> dict[str, Parameter]:
        """Return all that a call may give: the method's own options, and what all methods take."""
        of_all = (ACTIVATION, FIELD, *((PRECISION,) * self.forward_only))
        return {**self.options, **{one.name: one for one in of_all}}

    def __repr__(self) -> str:
        return f"<Explainer {self.name}: {self.summary}>"
