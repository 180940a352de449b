"""Card: what there is to know about an algorithm, read from the ``card.yaml`` beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from workbench._cards import BaseCard
from workbench._tables import Listing, as_html
from workbench.errors import FileError, InputError, check_keywords
from workbench.parameters import Parameter

Value: TypeAlias = bool | int | float | str


class _Plain(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Paper(_Plain):
    """Where the algorithm was published."""

    title: str
    authors: str
    year: int
    url: str


class Port(_Plain):
    """An input or an output: its name, its shape, and the range of its values."""

    name: str
    shape: str
    range: str


def _parameter(given: Any) -> Any:
    """Return the `Parameter` that a card describes: its default tells the kind where there are no choices."""
    if not isinstance(given, dict) or "default" not in given:
        raise ValueError(f"an option is a mapping with a default and a help, got {given!r}")
    told = {"low": given.get("minimum"), "high": given.get("maximum"), **given}
    told = {key: value for key, value in told.items() if key not in ("minimum", "maximum")}
    kinds = {bool: "flag", int: "integer", float: "number", str: "text"}
    kind = "choice" if told.get("choices") else kinds.get(type(told["default"]))
    check_keywords(told, [field.name for field in fields(Parameter)], "An option of a card")
    if kind is None or not told.get("help"):
        raise ValueError(f"an option needs a default that is a flag, a number or text, and a help, got {given!r}")
    return Parameter(**{"name": "", "kind": kind, **told, "choices": tuple(told.get("choices", ()))})


Described = Annotated[Parameter, BeforeValidator(_parameter)]


class Count(_Plain):
    """The number of trainable parameters of one configuration."""

    options: dict[str, Value]
    in_channels: int
    num_classes: int
    count: int


class Figure(_Plain):
    """A score: on which data, by which metric, from where."""

    data: str
    metric: str
    value: float
    source: str
    date: str = ""


class Card(BaseCard, _Plain):
    """What there is to know about an algorithm.

    `graph_mode` says whether MindSpore compiles the network (``mindspore.jit``, MindIR); where it is false, a note that
    has "graph mode" in it says why.
    """

    name: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    title: str
    summary: str
    task: str
    dimensions: Literal[2, 3]
    paper: Paper
    inputs: tuple[Port, ...] = Field(min_length=1)
    outputs: tuple[Port, ...] = Field(min_length=1)
    options: dict[str, Described] = {}
    variants: dict[str, dict[str, Value]] = {}
    parameters: tuple[Count, ...] = Field(min_length=1)
    frameworks: tuple[str, ...] = ("torch", "mindspore")
    graph_mode: bool = True
    licence: str
    published: tuple[Figure, ...] = ()
    measured: tuple[Figure, ...] = ()
    notes: tuple[str, ...] = ()

    def model_post_init(self, context: Any) -> None:
        """Give every option its name; check that variants use options that exist, and that notes say what they must."""
        del context
        if not self.graph_mode and not any("graph mode" in note for note in self.notes):
            raise ValueError('with graph_mode: false a note that has "graph mode" in it must say why')
        object.__setattr__(self, "options", {name: replace(one, name=name) for name, one in self.options.items()})
        for name, values in self.variants.items():
            for option_name, value in values.items():
                if option_name not in self.options:
                    raise ValueError(f"variant {name!r} sets {option_name!r}, which is not an option")
                self.options[option_name].check(value, f"Variant {name!r}")

    @property
    def reference(self) -> str:
        """The paper."""
        return f"{self.paper.authors}: {self.paper.title} ({self.paper.year}), {self.paper.url}"

    def heading(self) -> str:
        """Return title, name, dimensions and task."""
        return f"{super().heading()}, {self.dimensions}D {self.task}"

    def takes(self) -> dict[str, Parameter]:
        """Return the options of the network."""
        return self.options

    def facts(self) -> list[tuple[str, str]]:
        """Return paper, inputs, outputs, variants, sizes, scores, licence and notes, each with what it is called."""
        told = [("paper", self.reference)] if self.reference else []
        told += [("input", f"{port.name} {port.shape}: {port.range}") for port in self.inputs]
        told += [("output", f"{port.name} {port.shape}: {port.range}") for port in self.outputs]
        told += [("variant", f"{name}: {_pairs(values)}") for name, values in self.variants.items()]
        for size in self.parameters:
            options = _pairs({**size.options, "in_channels": size.in_channels, "num_classes": size.num_classes})
            told.append(("size", f"{size.count:,} parameters ({options})"))
        for label, figures in (("reported", self.published), ("measured", self.measured)):
            told += [
                (label, f"{f.metric} {f.value:g} on {f.data} ({', '.join(filter(None, [f.source, f.date]))})")
                for f in figures
            ]
        return [*told, ("licence", self.licence), *(("note", note) for note in self.notes)]


class Cards(Listing[Card]):
    """A list of cards that prints as a table."""

    head = ("name", "title", "task", "summary")

    def row(self, one: Card) -> tuple[str, ...]:
        """Return the cells of one card."""
        return one.name, one.title, f"{one.dimensions}D {one.task}", one.summary

    def _repr_html_(self) -> str:
        rows = [(*self.row(one), f"{one.paper.year}, {one.paper.url}") for one in self]
        return as_html((*self.head, "paper"), rows)


def read_card(path: Path) -> Card:
    """Read a card.

    Raises
    ------
    FileError
        If the file is missing, is not YAML, or breaks a rule of the card; the message says which field.
    """
    import yaml

    try:
        return Card.model_validate(yaml.safe_load(path.read_text("utf-8")))
    except OSError as error:
        raise FileError(
            f"The card {path} could not be read: {error.strerror}. Every algorithm has a card.yaml."
        ) from error
    except yaml.YAMLError as error:
        raise FileError(f"The card {path} is not valid YAML: {error}") from error
    except (ValidationError, InputError) as error:
        raise FileError(f"The card {path} breaks a rule: {_first_problem(error)}.") from error


def _first_problem(error: ValidationError | InputError) -> str:
    if isinstance(error, InputError):
        return str(error)
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'card'}: {first['msg']}"


def _pairs(values: Iterable[tuple[str, Any]] | dict[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in dict(values).items())
