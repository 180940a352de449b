"""Card: what a thing that has a name says about itself; algorithms, data sets and tools each add what is special."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from workbench._tables import pairs_html
from workbench.parameters import Options, Parameter


class BaseCard:
    """The card of a thing, shown as text and as HTML.

    A subclass has the attributes below, as fields or properties, and says what else there is to know in `facts`.

    Attributes
    ----------
    name, title, summary : str
        What it is called in code and in words, and what it is in a line.
    reference, licence : str
        What to cite, and what may be done with it; empty where there is nothing to say.
    """

    # for type checkers alone: what is written down here would be a field of a pydantic model, or its default
    if TYPE_CHECKING:

        @property
        def name(self) -> str: ...
        @property
        def title(self) -> str: ...
        @property
        def summary(self) -> str: ...
        @property
        def reference(self) -> str: ...
        @property
        def licence(self) -> str: ...

    def heading(self) -> str:
        """Return title and name."""
        return f"{self.title} ({self.name})"

    def takes(self) -> Mapping[str, Parameter]:
        """Return the options of the thing."""
        return {}

    def facts(self) -> list[tuple[str, str]]:
        """Return what there is to know, each with what it is called; what is empty is left out."""
        told = [("reference", self.reference), ("licence", self.licence)]
        return [(label, value) for label, value in told if value]

    def __str__(self) -> str:
        facts, options = self.facts(), self.takes()
        width = max([len(label) for label, _ in facts], default=0)
        lines = [self.heading(), *[self.summary] * bool(self.summary), ""]
        lines += [f"{label:<{width}}  {value}" for label, value in facts]
        return "\n".join([*lines, *(["", repr(Options(options.values()))] if options else [])])

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        caption = ": ".join(filter(None, [self.heading(), self.summary]))
        options = self.takes()
        return pairs_html(caption, self.facts()) + (Options(options.values())._repr_html_() if options else "")
