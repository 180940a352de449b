"""What a data set says about itself: where it comes from, what it may be used for, what is in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from workbench._cards import BaseCard
from workbench._tables import Listing
from workbench.parameters import Parameter, plain


@dataclass(frozen=True, repr=False)
class Card(BaseCard):
    """The card of a data set.

    Attributes
    ----------
    name : str
        The name that :func:`workbench.datasets.load` takes.
    title : str
        One line that says what it shows.
    tasks : tuple of str
        The tasks it can be loaded for, the default first.
    spatial_ndim : int or None
        2 or 3; None where it depends on the files.
    classes : tuple of str
        Class names (classification) or label names including the background (segmentation).
    cases : int or None
        Number of cases; None where it depends on the options or the files.
    modality, source, licence, citation : str
        What made the images; where they come from; what may be done with them; what to cite.
    address : str
        Where the data can be fetched by hand; empty where nothing has to be fetched.
    checksum : str
        ``"md5:..."`` or ``"sha256:..."`` of the official file; empty where none is known.
    available : str
        Where the data is now: ``"built in"``, ``"here"``, ``"download"`` or ``"your files"``.
    notes : tuple of str
        What a user should know before trusting a score.
    parameters : mapping of str to Parameter
        The options of :func:`workbench.datasets.load` for it, filled in by :func:`workbench.datasets.card`.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    spatial_ndim: int | None = None
    classes: tuple[str, ...] = ()
    cases: int | None = None
    modality: str = ""
    source: str = ""
    licence: str = ""
    citation: str = ""
    address: str = ""
    checksum: str = ""
    available: str = ""
    notes: tuple[str, ...] = ()
    parameters: Mapping[str, Parameter] = field(default_factory=dict, compare=False)

    @property
    def summary(self) -> str:
        """Empty: the title is a line that says what it shows."""
        return ""

    @property
    def reference(self) -> str:
        """What to cite."""
        return self.citation

    def heading(self) -> str:
        """Return name and title."""
        return f"{self.name}: {self.title}"

    def takes(self) -> Mapping[str, Parameter]:
        """Return the options of `workbench.datasets.load`, where they are known."""
        return self.parameters

    def to_dict(self) -> dict[str, Any]:
        """Return the card as JSON-able data."""
        values = {field.name: plain(getattr(self, field.name)) for field in fields(self) if field.name != "parameters"}
        return {**values, "parameters": {name: one.schema() for name, one in self.parameters.items()}}

    def facts(self) -> list[tuple[str, str]]:
        """Return what there is to know, each with what it is called; what is empty is left out."""
        told = [
            ("task", " or ".join(self.tasks)),
            ("axes", f"{self.spatial_ndim}D" if self.spatial_ndim else "2D or 3D"),
            ("classes", ", ".join(self.classes)),
            ("cases", "" if self.cases is None else f"{self.cases:,}"),
            ("modality", self.modality),
            ("source", self.source),
            ("licence", self.licence),
            ("cite", self.citation),
            ("address", self.address),
            ("checksum", self.checksum),
            ("data", self.available),
            *(("note", note) for note in self.notes),
        ]
        return [(label, value) for label, value in told if value]


class CardList(Listing[Card]):
    """Cards, shown as a table."""

    head = ("name", "title", "task", "axes", "classes", "cases", "licence", "data")

    def __init__(self, cards: Iterable[Card] = ()) -> None:
        super().__init__(cards)

    def row(self, one: Card) -> tuple[str, ...]:
        """Return the cells of one card."""
        return (
            one.name,
            one.title,
            "/".join(one.tasks),
            f"{one.spatial_ndim}D" if one.spatial_ndim else "2D/3D",
            str(len(one.classes)) if one.classes else "yours",
            f"{one.cases:,}" if one.cases is not None else "any",
            one.licence,
            one.available,
        )
