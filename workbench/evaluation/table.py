"""A small table of results."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from workbench import _atomic
from workbench._tables import as_html, as_text
from workbench.errors import FileError


class Table:
    """Rows of named values, shown as text, HTML, Markdown or CSV.

    Parameters
    ----------
    rows : iterable of mapping
        One mapping per row; the columns are all keys in the order of their first appearance. Missing values stay empty.
    digits : int
        Decimals shown of a float; the CSV holds all of them.
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = (), digits: int = 3) -> None:
        self.rows: list[dict[str, Any]] = [dict(row) for row in rows]
        self.digits = digits

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(dict.fromkeys(key for row in self.rows for key in row))

    def add(self, **values: Any) -> Table:
        """Append a row; returns the table."""
        self.rows.append(values)
        return self

    def column(self, name: str) -> list[Any]:
        """Return the values of one column, None where a row has none."""
        return [row.get(name) for row in self.rows]

    def to_csv(self, path: str | Path | None = None) -> str:
        """Return the table as CSV, and write it to `path` if there is one."""
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows([["" if (v := row.get(name)) is None else v for name in self.columns] for row in self.rows])
        text = stream.getvalue()
        if path is not None:
            try:
                _atomic.write_text(Path(path), text)
            except OSError as error:
                raise FileError(f"The table cannot be written to {path}: {error}.") from error
        return text

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        rows = [[cell.replace("|", "\\|") for cell in row] for row in self._cells()]
        align = ["---:" if self._is_number(name) else "---" for name in self.columns]
        lines = [[*(name.replace("|", "\\|") for name in self.columns)], align, *rows]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        if not self.rows:
            return "(an empty table)"
        return as_text(self.columns, self._cells(), [self._is_number(name) for name in self.columns])

    def _repr_html_(self) -> str:
        return as_html(self.columns, self._cells())

    def _cells(self) -> list[list[str]]:
        return [[self._text(row.get(name)) for name in self.columns] for row in self.rows]

    def _text(self, value: Any) -> str:
        if value is None:
            return ""
        return f"{value:.{self.digits}f}" if isinstance(value, float) else str(value)

    def _is_number(self, name: str) -> bool:
        values = [value for value in self.column(name) if value is not None]
        return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
