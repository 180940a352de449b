"""Parameters read from code: annotations, defaults, docstrings, pydantic models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field

import workbench as wb
from workbench.errors import InputError
from workbench.parameters import REQUIRED, Parameter
from workbench.signatures import PER_AXIS, Range, checked, checked_class, documented, of_function, of_model
from workbench.signatures import Field as Drawn


def load(
    image: Any,
    path: Annotated[str | Path, Drawn(private=True, placeholder="/data")],
    n: Annotated[int, Range(low=1)] = 24,
    spacing: Annotated[float | Sequence[float] | None, Range(above=0, unit="mm")] = None,
    size: Annotated[int, Range(low=1), PER_AXIS] = 64,
    task: Literal["classification", "segmentation"] = "segmentation",
    fill: float | Literal["mean", "blur"] = 0.0,
    fractions: Sequence[float] | None = None,
    noisy: bool = False,
    split: dict[str, list[int]] | None = None,
    *more: Any,
    **rest: Any,
) -> None:
    """Load something.

    Parameters
    ----------
    image : Volume
        No option.
    path : path
        Where it is,
        in two lines.
    n, size : int
        How many; see :func:`load` and ``n=None``.

    Returns
    -------
    None
        path : not this.
    """


def test_a_function_tells_its_parameters() -> None:
    found = of_function(load, skip=["image"])
    assert list(found) == ["path", "n", "spacing", "size", "task", "fill", "fractions", "noisy", "split"]
    assert found["path"] == Parameter(
        "path", "path", REQUIRED, "Where it is, in two lines.", private=True, placeholder="/data"
    )
    assert found["n"] == Parameter("n", "integer", 24, "How many; see load and n=None.", low=1)
    assert found["spacing"] == Parameter("spacing", "number", None, above=0, unit="mm", per_axis=True, optional=True)
    assert found["size"] == Parameter("size", "integer", 64, "How many; see load and n=None.", low=1, per_axis=True)
    assert found["task"] == Parameter("task", "choice", "segmentation", choices=("classification", "segmentation"))
    assert found["fill"] == Parameter("fill", "number", 0.0, choices=("mean", "blur"))
    assert found["fractions"] == Parameter("fractions", "number", None, many=True, optional=True)
    assert found["noisy"] == Parameter("noisy", "flag", False)
    assert found["split"].kind == "any"


class Schedule(BaseModel):
    """How the rate goes.

    Attributes
    ----------
    name : {"constant", "cosine"}
        The shape.
    warmup, power : float
        Epochs.
    """

    name: Literal["constant", "cosine"] = "constant"
    warmup: Annotated[float, Field(ge=0)] = 0.0
    power: Annotated[float | None, Field(gt=0, lt=9)] = None
    betas: tuple[float, float] = (0.9, 0.999)
    algorithm: str


def test_a_pydantic_model_tells_its_parameters_with_the_limits_it_checks() -> None:
    found = of_model(Schedule)
    assert found["name"] == Parameter("name", "choice", "constant", "The shape.", choices=("constant", "cosine"))
    assert found["warmup"] == Parameter("warmup", "number", 0.0, "Epochs.", low=0)
    assert found["power"] == Parameter("power", "number", None, "Epochs.", above=0, below=9, optional=True)
    assert found["betas"] == Parameter("betas", "number", (0.9, 0.999), many=True)
    assert found["algorithm"].required


def test_every_parameter_of_a_class_is_that_of_its_constructor() -> None:
    class Thing:
        """A thing."""

        def __init__(self, sigma: Annotated[float, Range(above=0)] = 2.0) -> None:
            """Make it.

            Parameters
            ----------
            sigma : float
                How wide.
            """

    assert of_function(Thing) == {"sigma": Parameter("sigma", "number", 2.0, "How wide.", above=0)}


@pytest.mark.parametrize("text", ["", "One line.", "Notes\n-----\nx : int\n    no"])
def test_a_docstring_without_parameters_tells_nothing(text: str) -> None:
    def function() -> None: ...

    function.__doc__ = text
    assert documented(function) == {}


def test_a_function_tells_of_unknown_keywords_and_is_else_as_it_was():
    class Net:
        @checked("net.grow()")
        def grow(self, width=1, *, depth: int = 2) -> int:
            """Grow."""
            product = width * depth
            product += 0
            return product

    assert Net().grow(3, depth=4) == 12
    assert Net.grow.__doc__ == "Grow."
    for wrong in ("widht", "product"):
        with pytest.raises(
            InputError, match=rf"net\.grow\(\) got an unknown option '{wrong}'.*Valid options: depth, width"
        ):
            Net().grow(**{wrong: 1})
    with pytest.raises(TypeError, match="positional"):
        Net().grow(1, 2)


@checked("grow()", "over")
def grow(
    of: Path,
    by: Annotated[float, Range(above=0, unit="mm")] = 1.0,
    *,
    way: Literal["in", "out"] = "out",
    over: dict[str, int] | None = None,
    other: Any = None,
) -> Any:
    return of.parent / of.name, by, way, over, other


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"by": 0}, r"grow\(\): by must be a number of mm, above 0, got 0\. The default is 1\.0"),
        ({"way": "outt"}, r"grow\(\): way must be one of in, out, got 'outt'\. Did you mean 'out'"),
        ({"of": 3}, r"grow\(\): of must be a path, got 3\. Give one: of=\.\.\."),
        ({"over": [1]}, r"grow\(\): over must be a mapping, got \[1\]\. Leave it out"),
        ({"wya": 1}, r"grow\(\) got an unknown option 'wya'\. Did you mean 'way'"),
    ],
)
def test_a_function_refuses_what_its_signature_rules_out(given, said):
    with pytest.raises(InputError, match=said):
        grow(**{"of": Path("a"), **given})


def test_words_of_its_own_come_first_and_what_it_takes_is_taken():
    @checked("name()")
    def name(it: str, times: int = 1) -> str:
        if it == "":
            raise InputError("No name.")
        return str(it) * times

    assert name(3) == "3"
    with pytest.raises(InputError, match=r"^No name\.$"):
        name("", "x")
    with pytest.raises(InputError, match=r"name\(\): times must be a whole number, got 'x'\. The default is 1"):
        name("a", "x")
    with pytest.raises(TypeError, match="positional"):
        name("a", 1, 2)


def test_what_is_handed_in_is_handed_on_as_it_is():
    sizes, other = {"a": 1}, object()
    assert grow(Path("a"), 2, way="in", over=sizes, other=other) == (Path("a"), 2, "in", sizes, other)
    assert grow(Path("a"))[1:] == (1.0, "out", None, None)
    with pytest.raises(InputError, match=r"by must be .*, got -1"):
        grow(Path("a"), -1)


def test_a_class_is_checked_in_constructor_and_public_methods():
    @checked_class("Box")
    class Box:
        def __init__(self, size: Annotated[int, Range(low=1)] = 1) -> None:
            self.size = size

        def widen(self, by: int) -> int:
            return self.size + by

        def _widen(self, by: Any) -> Any:
            return self.size + by

    assert Box(2).widen(by=3) == 5
    assert Box()._widen(0.5) == 1.5
    with pytest.raises(InputError, match=r"Box: size must be a whole number, at least 1, got 0\. The default is 1"):
        Box(0)
    with pytest.raises(InputError, match=r"Box got an unknown option 'sise'\. Did you mean 'size'"):
        Box(sise=1)
    with pytest.raises(InputError, match=r"Box\.widen\(\): by must be a whole number, got 'x'\. Give one: by=\.\.\."):
        Box().widen("x")


def test_a_name_that_only_the_type_checker_imports_hides_no_other():
    def load(n: Annotated[int, Range(low=1)], like: Nowhere = None, unit: str = "mm") -> None:  # noqa: F821
        pass

    found = of_function(load)
    assert (found["n"].kind, found["n"].low, found["unit"].kind, found["like"].kind) == ("integer", 1, "text", "any")


def test_what_takes_names_alone_says_so():
    with pytest.raises(InputError, match=r"wb\.devices\(\): what is given must have a name, got 3.*Leave it out\."):
        wb.devices(3)
    with pytest.raises(InputError, match=r"got <function .* Give it by name: wb\.tools\.tool\(group=\.\.\.\)"):
        wb.tools.tool(lambda image: image)
