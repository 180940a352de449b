"""Rows as text and as HTML: how everything that is a table shows itself, in a terminal and in a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import ClassVar, Generic, TypeVar

T = TypeVar("T")


def as_text(head: Sequence[str], rows: Iterable[Sequence[str]], right: Sequence[bool] = ()) -> str:
    """Return aligned columns.

    Parameters
    ----------
    right : sequence of bool, optional
        Which columns are aligned to the right, as numbers are.
    """
    lines = [head, *rows]
    widths = [max(len(line[place]) for line in lines) for place in range(len(head))]
    number = [*right, *[False] * (len(head) - len(right))]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, number, strict=True)
        ).rstrip()
        for line in lines
    )


def as_html(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return an HTML table; the cells are text, not HTML."""
    top = "".join(f"<th style='text-align:left'>{html.escape(cell)}</th>" for cell in head)
    body = "".join(
        "<tr>" + "".join(f"<td style='text-align:left'>{html.escape(cell)}</td>" for cell in row) + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>"


def pairs_html(caption: str, pairs: Iterable[tuple[str, str]]) -> str:
    """Return an HTML table of what a thing says about itself."""
    body = "".join(
        f"<tr><th style='text-align:left'>{html.escape(name)}</th>"
        f"<td style='text-align:left'>{html.escape(value)}</td></tr>"
        for name, value in pairs
    )
    return f"<table><caption><b>{html.escape(caption)}</b></caption>{body}</table>"


class Listing(list[T], Generic[T]):
    """A list that shows itself as a table; a subclass says what stands in its rows."""

    head: ClassVar[tuple[str, ...]]
    #: What is said where there is nothing to list.
    nothing: ClassVar[str] = "none"

    def row(self, one: T) -> Sequence[str]:
        """Return the cells of one entry."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return as_text(self.head, map(self.row, self)) if self else self.nothing

    def _repr_html_(self) -> str:
        return as_html(self.head, map(self.row, self)) if self else self.nothing
