"""What several widgets and their halves in the browser say to each other, as types: mypy checks who sends it.

``widgets/generate.py`` writes these types, those beside each widget, and the synchronised traits and the actions of
every widget down as TypeScript (``widgets/src/generated/``), which checks who reads it (note 0018).
"""

from __future__ import annotations

from typing import Annotated, Any, NotRequired, TypedDict, TypeVar

import traitlets as t

from workbench.parameters import Schema

_S = TypeVar("_S")


def synced(shape: type[_S], trait: t.TraitType[Any, Any]) -> t.TraitType[_S, _S]:
    """Return a trait that the browser shares, of which more is known than traitlets can say: its elements and keys."""
    known: t.TraitType[_S, _S] = trait.tag(sync=True, shape=shape)
    return known


class Offer(TypedDict):
    """Something that can be chosen from a list."""

    value: str
    label: str
    enabled: NotRequired[Annotated[bool, "Whether it can be chosen; yes, where nothing is said."]]
    reason: NotRequired[Annotated[str, "Why not; or what it means, where it can."]]


class Problem(TypedDict, total=False):
    """What is told of a failure; empty where there is none."""

    number: Annotated[int, "Counts the failures, so that one in words that may not be kept can stand in for it."]
    title: str
    cause: str
    remedy: str
    details: Annotated[str, "The traceback, for the curious and for bug reports."]


class Question(TypedDict, total=False):
    """What is asked before something large is done; empty where nothing is."""

    title: str
    text: str
    yes: Annotated[str, "What the button that does it says; empty if it cannot be done at all."]


class TableRows(TypedDict, total=False):
    """The first rows of a table, as text; empty where there is none."""

    title: str
    head: list[str]
    rows: list[list[str]]
    more: Annotated[int, "How many rows are not shown."]


class Live(TypedDict):
    """A failure in words that no notebook may keep, such as the name of a file."""

    live: Problem


class CodeAnswer(TypedDict):
    """The answer to `code`."""

    code: str


class Refusal(TypedDict):
    """The answer to a question that could not be answered."""

    error: str


class RunOffer(Offer):
    """A run in a list."""

    alive: bool
    interrupted: bool
    algorithm: str


#: Points of epoch and value.
Curve = list[list[float]]


class RunCurves(TypedDict):
    """The curves of a run."""

    steps: Curve
    loss: Curve
    metrics: dict[str, Curve]


class RunSnapshot(TypedDict, total=False):
    """What a front end shows of a run; empty where there is none."""

    id: str
    title: str
    told: Annotated[str, "What it learns from what, and when it was started."]
    name: Annotated[str, "What a person called it."]
    state: str
    said: Annotated[str, "The state in words."]
    progress: float
    line: str
    message: str
    cause: str
    remedy: str
    best: float | None
    curves: RunCurves


class MethodOffer(Offer):
    """A way to explain."""

    title: str
    needs_layer: bool
    options: list[Schema]


class MapRow(TypedDict):
    """A map in the list of the explain panel."""

    number: int
    label: str
    visible: bool
    opacity: float


class AnswerRow(TypedDict):
    """A class, a structure or a shape that a model answered."""

    name: str
    value: NotRequired[Annotated[float, "0 to 1, drawn as a bar."]]
    told: NotRequired[Annotated[str, "What is told instead of the value."]]
    truth: NotRequired[Annotated[bool, "Whether it is the true class."]]
    match: NotRequired[str]
    place: NotRequired[Annotated[list[float], "RAS mm."]]
    explains: NotRequired[Annotated[bool, "Whether it can be explained; no, where nothing is said."]]


class Answer(TypedDict, total=False):
    """What a model answered; empty where it was not asked."""

    title: str
    note: str
    rows: list[AnswerRow]


#: Options as they were typed or chosen, by name.
Values = dict[str, Any]
#: What is wrong with what was typed, by the name of the field.
Faults = dict[str, str]
