"""Tables as the page is told of them."""

from __future__ import annotations

from typing import Any

from workbench.evaluation import Table
from workbench.widgets.messages import TableRows

#: Rows that are shown; all are in what the code returns.
_MOST_ROWS = 50


def told(table: Table, title: str) -> TableRows:
    """Return the first rows of a table as text: ``title``, ``head``, ``rows``, and how many ``more`` there are."""
    rows = [["" if row.get(name) is None else _cell(row[name]) for name in table.columns] for row in table.rows]
    more = len(rows) - _MOST_ROWS
    return {"title": title, "head": list(table.columns), "rows": rows[:_MOST_ROWS], "more": max(0, more)}


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
